#!/usr/bin/env bash
# EW2, SEW2 and EW2+SEW2 on synthetic commands in generated noise: no download, no GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/ew2.sh \
    --local_data_opts "--num_test 80" \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --title "EW2 and SEW2 on synthetic commands (mini)" \
    "$@"
