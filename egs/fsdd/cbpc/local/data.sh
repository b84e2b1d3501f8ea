#!/usr/bin/env bash
# Make the data of egs/fsdd. Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
nj=2
exec ../sslmse/local/data.sh --datadir "${datadir}" --nj "${nj}" "$@"
