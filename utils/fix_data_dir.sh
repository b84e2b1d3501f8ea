#!/usr/bin/env bash
# Repairs data directories; the options are those of `sslse fix-data`.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "$@"
