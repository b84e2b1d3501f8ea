#!/usr/bin/env bash
# Prepare CHiME-4 (all channels but CH2 for training, the one-channel track for tests) and the text of WSJ1.
#
# Run in the recipe's folder. CHIME4, WSJ0 and WSJ1 (environment, or db.sh) say where the corpora are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

lm_text=true  # make data/local/wsj_lm.txt, too
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=../db.sh
. ./db.sh
[ -n "${CHIME4}" ] || die "set CHIME4 in db.sh or in the environment to the folder of CHiME-4 (LDC2017S24)"
if "${lm_text}" && [ -z "${WSJ1}" ]; then
    die "set WSJ1 in db.sh or in the environment to the folder of WSJ1 (LDC94S13A), or say" \
        '--local_data_opts "--lm_text false" and --backends greedy'
fi

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
options=()
if [ -n "${WSJ0}" ]; then options+=(--wsj0 "${WSJ0}"); fi
log "CHiME-4"
"${python}" -m sslse.corpora.chime4 --root "${CHIME4}" --data "${datadir}" "${options[@]}"
if "${lm_text}"; then
    log "text of the language model"
    "${python}" -m sslse.corpora.wsj --root "${WSJ1}" --data "${datadir}/local"
fi
