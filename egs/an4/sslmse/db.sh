# shellcheck shell=bash
# Where the corpora are. Sourced. What is empty comes in stage 0; without speechocean762 SSL models are trained on AN4 alone.
export AN4=${AN4:-}  # AN4 of CMU: the folder of etc and wav
export ESC50=${ESC50:-}  # https://github.com/karolpiczak/ESC-50: the folder of audio and meta
export SPEECHOCEAN762=${SPEECHOCEAN762:-}  # https://www.openslr.org/101: the folder of WAVE, train and test
