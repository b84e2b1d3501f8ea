#!/usr/bin/env bash
# Prepare the data of egs/fsdd, and two groups of its test noises: the steadier half (type A) and the rest (type B).
#
# Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
nj=2
if [ "${1:-}" = --datadir ]; then datadir=$2; fi
../sslmse/local/data.sh --datadir "${datadir}" --nj "${nj}" "$@"
root=$(cd ../../.. && pwd)
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
"${SSLSE_VENV:-${root}/.venv}/bin/python" ../../an4/ew2/local/group_noises.py "${datadir}/noise_test"
