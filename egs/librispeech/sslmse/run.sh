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
    --upstream_models "wavlm_base_plus=microsoft/wavlm-base-plus wavlm_large=microsoft/wavlm-large wav2vec2_base=facebook/wav2vec2-base hubert_base=facebook/hubert-base-ls960" \
    --title "SSL-MSE on LibriSpeech with DNS noise" \
    "$@"
