#!/usr/bin/env bash
# SUPERB automatic speech recognition on noisy speech, with the enhancers of egs/librispeech/sslmse. Needs GPUs; see README.md.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../superb.sh \
    --asr_config ../../../conf/downstream/asr.yaml \
    --title "SUPERB automatic speech recognition on noisy speech" \
    "$@"
