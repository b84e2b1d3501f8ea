#!/usr/bin/env bash
# Checks data directories; the options are those of `sslse validate`.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" validate "$@"
