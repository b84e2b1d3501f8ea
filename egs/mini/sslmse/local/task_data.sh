#!/usr/bin/env bash
# Add what speaker verification and intent classification need: trials and utt2intent. No audio is made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

datadir=data
while [ $# -gt 0 ]; do
    # The options of local/data.sh come along; only this one is of interest.
    if [ "$1" = --datadir ]; then datadir=$2; fi
    shift
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
"${SSLSE_VENV:-${root}/.venv}/bin/python" "${here}/make_tasks.py" --data "${datadir}"
