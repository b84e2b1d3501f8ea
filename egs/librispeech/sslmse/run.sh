#!/usr/bin/env bash
# SSL-MSE as published (Sato et al. 2025): LibriSpeech with the noises of the DNS challenge. Needs GPUs; see README.md.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "SSL-MSE on LibriSpeech with DNS noise" \
    "$@"
