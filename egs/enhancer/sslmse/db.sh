# shellcheck shell=bash
# Where the corpora are. Sourced. Of the first three, what is empty comes in stage 0; the others may stay empty.
export AN4=${AN4:-}  # AN4 of CMU: the folder of etc and wav
export SPEECHOCEAN762=${SPEECHOCEAN762:-}  # https://www.openslr.org/101: the folder of WAVE, train and test
export ESC50=${ESC50:-}  # https://github.com/karolpiczak/ESC-50: the folder of audio and meta; its CC BY part is taken
export NOISE=${NOISE:-}  # a folder of further noises to train with, each some seconds long (empty: none)
export LIBRISPEECH=${LIBRISPEECH:-}  # https://www.openslr.org/12: a third test set, of dev-clean and test-clean
export TEST_NOISE=${TEST_NOISE:-}  # a folder of sound files: the noises of that set (empty: those of the other two)
export RIRS=${RIRS:-}  # a folder of recorded room impulse responses, for validation (empty: simulated ones)
