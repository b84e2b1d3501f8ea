#!/usr/bin/env bash
# SSL-MSE on synthetic commands in generated noise: no download, no GPU, about 10 minutes on two cores.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "SSL-MSE on synthetic commands (mini)" \
    "$@"
