# shellcheck shell=bash
# Where the recordings are. Sourced.
export SPEECH_ROOT=${SPEECH_ROOT:-@SPEECH@} # folder of clean speech: any kind, rate and number of channels; folders in it name speakers
export NOISE_ROOT=${NOISE_ROOT:-@NOISE@}   # folder of noises, likewise (empty: noises are computed)
