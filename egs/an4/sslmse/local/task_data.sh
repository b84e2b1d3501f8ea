#!/usr/bin/env bash
# Add what speaker verification needs to the validation and test set: trials. No audio is made.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)

datadir=data most=600 # trials of each kind
while [ $# -gt 0 ]; do
    # The options of local/data.sh come along; only these are of interest.
    case $1 in
        --datadir) datadir=$2 ;;
        --most) most=$2 ;;
    esac
    shift
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
for set in valid test; do
    "${SSLSE_VENV:-${root}/.venv}/bin/python" -m sslse make-trials "${datadir}/${set}" "${datadir}/${set}/trials" "${most}"
done
