#!/usr/bin/env bash
# What the recipes of SUPERB's tasks share: the enhancers of egs/librispeech/sslmse and the SSL models of the paper.
# Run in the folder of a recipe, with its own options.
set -euo pipefail
../../../tools/install.sh

exec ../../TEMPLATE/sslmse.sh \
    --train_set train \
    --valid_set valid \
    --test_sets test \
    --skip_stages "3 5 10" \
    --se_exp ../../librispeech/sslmse/exp \
    --upstream_model microsoft/wavlm-base-plus \
    "$@"
