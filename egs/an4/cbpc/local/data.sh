#!/usr/bin/env bash
# Make the data of egs/an4. Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
# No SSL model is trained here.
SPEECHOCEAN762="" exec ../sslmse/local/data.sh --datadir "${datadir}" "$@"
