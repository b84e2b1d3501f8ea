#!/usr/bin/env bash
# CBPC joint training and its baselines on recorded digits in recorded noise: no GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/cbpc.sh \
    --local_data_opts "--num_train 700 --num_perturbed 700 --num_test 120" \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --clusters 120 \
    --title "CBPC on recorded digits in recorded noise (fsdd)" \
    "$@"
