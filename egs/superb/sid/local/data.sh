#!/usr/bin/env bash
# Make data/{train,valid,test} of VoxCeleb1 and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (VOXCELEB1, DNS_NOISE in db.sh). No audio is copied.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${VOXCELEB1:-}" ] || die "set VOXCELEB1 in db.sh: folder with dev/wav, test/wav and the lists of the corpus (https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html)"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "VoxCeleb1 in ${VOXCELEB1}"
"${python}" -m sslse.corpora.voxceleb1 --root "${VOXCELEB1}" --data "${datadir}" --task identification
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
