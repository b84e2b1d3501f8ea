# shellcheck shell=bash
# Where the corpora are. Sourced. This recipe makes its own speech and noises and needs none.
