# shellcheck shell=bash
# Where the corpora are. Sourced. An empty one comes in stage 0.
export AN4=${AN4:-}  # AN4 of CMU: the folder of etc and wav
export ESC50=${ESC50:-}  # https://github.com/karolpiczak/ESC-50: the folder of audio and meta
