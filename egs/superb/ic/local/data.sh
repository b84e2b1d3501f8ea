#!/usr/bin/env bash
# Make data/{train,valid,test} of Fluent Speech Commands and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (FLUENT_COMMANDS, DNS_NOISE in db.sh). No audio is copied.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${FLUENT_COMMANDS:-}" ] || die "set FLUENT_COMMANDS in db.sh: folder with data/ and wavs/ (https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-research)"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "Fluent Speech Commands in ${FLUENT_COMMANDS}"
"${python}" -m sslse.corpora.fluent_commands --root "${FLUENT_COMMANDS}" --data "${datadir}"
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
