#!/usr/bin/env bash
# Make data/{train,valid,test} of Speech Commands and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (SPEECH_COMMANDS, SPEECH_COMMANDS_TEST, DNS_NOISE in db.sh). No audio is copied.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${SPEECH_COMMANDS:-}" ] || die "set SPEECH_COMMANDS in db.sh: folder of the training archive, version 0.01 (https://www.tensorflow.org/datasets/catalog/speech_commands)"
[ -n "${SPEECH_COMMANDS_TEST:-}" ] || die "set SPEECH_COMMANDS_TEST in db.sh: folder of the test archive, likewise"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "Speech Commands in ${SPEECH_COMMANDS}"
"${python}" -m sslse.corpora.speech_commands --root "${SPEECH_COMMANDS}" --test "${SPEECH_COMMANDS_TEST}" --data "${datadir}"
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
