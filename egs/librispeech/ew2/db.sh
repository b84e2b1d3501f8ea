# shellcheck shell=bash
# Where the corpora are. Sourced.
export LIBRISPEECH=${LIBRISPEECH:-}  # LibriSpeech as published: train-clean-100, train-clean-360, dev-clean, test-clean
export ROBUST_ASR=${ROBUST_ASR:-}  # noises and noisy test set of https://github.com/archiki/Robust-E2E-ASR
export NOISEX92=${NOISEX92:-}  # NOISEX-92 (empty: no systems with _othernoise)
