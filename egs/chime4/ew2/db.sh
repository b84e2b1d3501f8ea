# shellcheck shell=bash
# Where the corpora are. Sourced.
export CHIME4=${CHIME4:-}  # CHiME-4 as published (LDC2017S24): data/audio/16kHz, data/transcriptions, data/WSJ0
export WSJ0=${WSJ0:-}  # WSJ0 (empty: that in CHIME4)
export WSJ1=${WSJ1:-}  # WSJ1 (LDC94S13A), for the text of the language model
