#!/usr/bin/env bash
# SUPERB speaker verification on noisy speech, with the enhancers of egs/librispeech/sslmse. Needs GPUs; see README.md.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --skip_stages "3 5 10" \
    --se_exp ../../librispeech/sslmse/exp \
    --upstream_model microsoft/wavlm-base-plus \
    --upstream_models "wavlm_large=microsoft/wavlm-large wav2vec2_base=facebook/wav2vec2-base hubert_base=facebook/hubert-base-ls960" \
    --task_configs ../../../conf/downstream/%s.yaml \
    --title "SUPERB speaker verification on noisy speech" \
    "$@"
