# shellcheck shell=bash
# Where the corpora are. Sourced.
export SPEECH_ROOT=${SPEECH_ROOT:-@SPEECH@} # {train,valid,test}/SPEAKER/NAME.wav (or flac, mp3 ...), each with a transcript NAME.txt
export NOISE_ROOT=${NOISE_ROOT:-@NOISE@}   # {train,valid,test}/NAME.wav (or flac, mp3 ...)
