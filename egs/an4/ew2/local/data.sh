#!/usr/bin/env bash
# Make the data of egs/an4, and two groups of its test noises: the steadier half (type A) and the rest (type B).
#
# Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
if [ "${1:-}" = --datadir ]; then datadir=$2; fi
../sslmse/local/data.sh --datadir "${datadir}" "$@"
root=$(cd ../../.. && pwd)
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
"${SSLSE_VENV:-${root}/.venv}/bin/python" local/group_noises.py "${datadir}/noise_test"
