# shellcheck shell=bash
# The environment of this checkout. Sourced.
SSLSE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
venv=${SSLSE_VENV:-${SSLSE_ROOT}/.venv}
export SSLSE_ROOT
export PATH="${SSLSE_ROOT}/bin:${venv}/bin:${PATH}"
# This checkout's code, also in an environment that another checkout made (SSLSE_VENV).
export PYTHONPATH="${SSLSE_ROOT}${PYTHONPATH:+:${PYTHONPATH}}"
export LC_ALL=C.UTF-8
# shellcheck source=db.sh
. "$(dirname "${BASH_SOURCE[0]}")/db.sh"
