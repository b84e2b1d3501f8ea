# shellcheck shell=bash
# Where the corpora are. Sourced. An empty value: local/data.sh looks beside the checkout, then downloads.
export FSDD_ROOT=${FSDD_ROOT:-}
export NOISE_ROOT=${NOISE_ROOT:-}
