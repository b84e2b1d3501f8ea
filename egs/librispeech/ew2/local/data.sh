#!/usr/bin/env bash
# Prepare LibriSpeech, the FreeSound noises and noisy test set of Robust-E2E-ASR, and NOISEX-92.
#
# Run in the recipe's folder. LIBRISPEECH, ROBUST_ASR and NOISEX92 (environment, or db.sh) say where the corpora are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

parts="train-clean-100 train-clean-360 dev-clean"  # parts of LibriSpeech; the table of 460 h needs all three
partial=false  # take a part of the noisy test set, too
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=../db.sh
. ./db.sh
[ -n "${LIBRISPEECH}" ] || die "set LIBRISPEECH in db.sh or in the environment to the folder of LibriSpeech," \
    "https://www.openslr.org/12"
[ -n "${ROBUST_ASR}" ] || die "set ROBUST_ASR in db.sh or in the environment to the folder of the noises and the noisy" \
    "test set of https://github.com/archiki/Robust-E2E-ASR"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "LibriSpeech: ${parts}"
"${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --data "${datadir}" --parts "${parts}"
if [[ ${parts} == *train-clean-100* && ${parts} == *train-clean-360* ]]; then
    "${root}/utils/combine_data.sh" "${datadir}/train_clean_460" "${datadir}/train_clean_100" "${datadir}/train_clean_360"
fi
log "noises and noisy test set"
options=(--noise-sets "train_clean_100 dev_clean")
if "${partial}"; then options+=(--partial); fi
"${python}" -m sslse.corpora.robust_asr --root "${ROBUST_ASR}" --librispeech "${LIBRISPEECH}" --data "${datadir}" "${options[@]}"
if [ -n "${NOISEX92}" ]; then
    log "NOISEX-92"
    "${python}" -m sslse.corpora.noisex92 --root "${NOISEX92}" --data "${datadir}"
fi
