#!/usr/bin/env bash
# SSL-MSE on @NAME@.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "SSL-MSE on @NAME@" \
    "$@"
