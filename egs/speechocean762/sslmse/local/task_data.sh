#!/usr/bin/env bash
# Add what speaker verification needs to the validation and test set: trials. No audio is made.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../../../an4/sslmse/local/task_data.sh" "$@" --most 2000
