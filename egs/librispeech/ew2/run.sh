#!/usr/bin/env bash
# EW2, SEW2 and EW2+SEW2 on LibriSpeech in FreeSound noise, with the paper's settings.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/ew2.sh \
    --train_set train_clean_100 \
    --valid_set dev_clean \
    --test_sets test \
    --recorded test \
    --title "EW2 and SEW2 on LibriSpeech in FreeSound noise" \
    "$@"
