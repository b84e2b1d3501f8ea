#!/usr/bin/env bash
# SSL-MSE on VoiceBank-DEMAND as published, at 16 kHz: the table that papers on speech enhancement share. Needs a GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --recorded "train valid test" \
    --title "SSL-MSE on VoiceBank-DEMAND" \
    "$@"
