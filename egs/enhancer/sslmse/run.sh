#!/usr/bin/env bash
# A small real-time enhancer for everyday use, trained with SSL-MSE: no GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh
. ./db.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets "test_so test_an4${LIBRISPEECH:+ test_libri}" \
    --title "A small real-time enhancer (enhancer)" \
    "$@"
