#!/usr/bin/env bash
# EW2 and EW2+SEW2 on CHiME-4, one-channel track, continued from the public wav2vec 2.0 Base.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/ew2.sh \
    --train_set tr05 \
    --valid_set dt05_real \
    --test_sets "dt05_real et05_real" \
    --recorded "tr05 dt05_real et05_real" \
    --public_model facebook/wav2vec2-base \
    --lm_text data/local/wsj_lm.txt \
    --lm_weights 1.0 \
    --beam 500 \
    --table 5 \
    --title "EW2 and EW2+SEW2 on CHiME-4, one channel" \
    "$@"
