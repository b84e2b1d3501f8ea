# shellcheck shell=bash
# Where the corpora are. Sourced. An empty one comes in stage 0.
export ESC50=${ESC50:-}  # https://github.com/karolpiczak/ESC-50: the folder of audio and meta
export SPEECHOCEAN762=${SPEECHOCEAN762:-}  # https://www.openslr.org/101: the folder of WAVE, train and test
