#!/usr/bin/env bash
# Noise-robust speech inversion on the X-ray microbeam corpus; wants a GPU.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./db.sh
../../../tools/install.sh

exec ../../TEMPLATE/inversion.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --upstream_model "${WAVLM_LARGE}" \
    --title "Noise-robust speech inversion on the X-ray microbeam corpus" \
    "$@"
