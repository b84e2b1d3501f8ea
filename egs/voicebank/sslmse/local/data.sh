#!/usr/bin/env bash
# Make data/train, data/valid_noisy and data/test_noisy of VoiceBank-DEMAND (VOICEBANK, in db.sh): noisy speech with its
# clean references, resampled to 16 kHz.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

valid_speakers="p226 p287"  # training speakers who validate instead
sample_rate=16000  # Hz
datadir=data  # folder of the data directories
nj=4  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
check_integer sample_rate nj
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${VOICEBANK:-}" ] || die "set VOICEBANK in db.sh: the folder of VoiceBank-DEMAND (https://doi.org/10.7488/ds/2117)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "VoiceBank-DEMAND in ${VOICEBANK}"
"${python}" -m sslse.corpora.voicebank --root "${VOICEBANK}" --data "${datadir}" --valid-speakers "${valid_speakers}" \
    --sample-rate "${sample_rate}" --nj "${nj}"
