#!/usr/bin/env bash
# All tests: the set-up if it is missing, then pytest, whose closing line comes last.
#
# Usage: test/run.sh [--fast] [options of pytest]     --fast leaves out what takes more than a few seconds
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "${root}"
"${root}/tools/install.sh"
venv=${SSLSE_VENV:-${root}/.venv}
export PATH="${root}/bin:${venv}/bin:${PATH}"
# This checkout's code, also in an environment that another checkout made (SSLSE_VENV).
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
# One thread per process: the processes share out the cores. (nproc counts what OMP_NUM_THREADS leaves.)
workers=$(env -u OMP_NUM_THREADS nproc)
export OMP_NUM_THREADS=1

options=(-n "${workers}" --dist worksteal --maxprocesses 16)
arguments=()
for argument in "$@"; do
    case ${argument} in
        --fast) options+=(-m "not slow") ;;
        *) arguments+=("${argument}") ;;
    esac
done
exec python -m pytest "${options[@]}" "${arguments[@]}"
