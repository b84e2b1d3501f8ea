#!/usr/bin/env bash
# Make data/{train,valid,test} of Libri2Mix and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (LIBRI2MIX, DNS_NOISE in db.sh). No audio is copied.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

nj=4  # processes
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${LIBRI2MIX:-}" ] || die "set LIBRI2MIX in db.sh: folder with wav16k/max (https://github.com/JorisCos/LibriMix)"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "Libri2Mix in ${LIBRI2MIX}"
options=(--nj "${nj}")
if [ -n "${LIBRISPEECH_ALIGNMENTS}" ]; then options+=(--alignments "${LIBRISPEECH_ALIGNMENTS}"); fi
"${python}" -m sslse.corpora.librimix --root "${LIBRI2MIX}" --data "${datadir}" "${options[@]}"
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
