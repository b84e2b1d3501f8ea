#!/usr/bin/env bash
# SUPERB speaker verification on noisy speech, with the enhancers of egs/librispeech/sslmse. Needs GPUs; see README.md.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"

exec ../superb.sh \
    --title "SUPERB speaker verification on noisy speech" \
    "$@"
