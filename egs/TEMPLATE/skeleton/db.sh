# shellcheck shell=bash
# Where the corpora are. Sourced.
export SPEECH_ROOT=${SPEECH_ROOT:-} # {train,valid,test}/SPEAKER/*.wav or *.flac, each with a transcript *.txt
export NOISE_ROOT=${NOISE_ROOT:-}   # {train,valid,test}/*.wav or *.flac
