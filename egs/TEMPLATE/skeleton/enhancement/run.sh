#!/usr/bin/env bash
# An enhancer of one's own from the clean speech of @NAME@.
set -euo pipefail
SSLSE_COMMAND=$(printf '%q ' "$0" "$@")
export SSLSE_COMMAND
cd "$(dirname "${BASH_SOURCE[0]}")"
../../../tools/install.sh

exec ../../TEMPLATE/enhancement.sh \
    --title "Speech enhancement on @NAME@" \
    "$@"
