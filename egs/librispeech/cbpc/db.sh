# shellcheck shell=bash
# Where the corpora are. Sourced.
export LIBRISPEECH=${LIBRISPEECH:-}  # https://www.openslr.org/12: the folder of train-clean-100, dev-clean …
export DNS_NOISE=${DNS_NOISE:-}  # noises of https://github.com/microsoft/DNS-Challenge
