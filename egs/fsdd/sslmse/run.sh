#!/usr/bin/env bash
# SSL-MSE on recorded digits in recorded noise: about 35 minutes a seed on two cores.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "SSL-MSE on recorded digits in recorded noise (fsdd)" \
    "$@"
