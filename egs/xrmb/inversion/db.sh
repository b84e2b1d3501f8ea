# shellcheck shell=bash
# Where the corpora and models are. Sourced.
export XRMB_ROOT=${XRMB_ROOT:-}  # X-ray microbeam speech production database: the folder of JW11, JW12 …
export MUSAN_ROOT=${MUSAN_ROOT:-}  # https://www.openslr.org/17; for --noise musan
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge; for --noise dns
export WAVLM_LARGE=${WAVLM_LARGE:-microsoft/wavlm-large}  # a folder, or a name at the hub
