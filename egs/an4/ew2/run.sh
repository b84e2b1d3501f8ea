#!/usr/bin/env bash
# EW2, SEW2 and EW2+SEW2 on AN4 in recorded noise: no GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/ew2.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "EW2 and SEW2 on AN4 in recorded noise (an4)" \
    "$@"
