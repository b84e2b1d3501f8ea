#!/usr/bin/env bash
# Noise-robust speech inversion on VocalTractLab speech: no download and no GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh --extra vocaltractlab

exec ../../TEMPLATE/inversion.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "Noise-robust speech inversion on VocalTractLab speech (mini)" \
    "$@"
