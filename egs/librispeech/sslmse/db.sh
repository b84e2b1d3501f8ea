# shellcheck shell=bash
# Where the corpora are. Sourced.
export LIBRISPEECH=${LIBRISPEECH:-}  # folder with train-clean-100, dev-clean … (https://www.openslr.org/12)
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
