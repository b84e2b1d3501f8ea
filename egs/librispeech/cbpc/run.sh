#!/usr/bin/env bash
# CBPC joint training and its baselines on LibriSpeech with the noises of the DNS challenge; wants GPUs.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/cbpc.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --asr_config ../../../conf/asr/conformer_transducer_s.yaml \
    --tokenizer_config ../../../conf/tokenizer/train.yaml \
    --clusters 1500 \
    --title "CBPC on LibriSpeech with DNS noise" \
    "$@"
