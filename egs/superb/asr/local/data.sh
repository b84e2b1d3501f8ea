#!/usr/bin/env bash
# Make data/{train,valid,test} of LibriSpeech and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (LIBRISPEECH, DNS_NOISE in db.sh). No audio is copied.
# shellcheck disable=SC2034 # the options are read by their names
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

train_part=train-clean-100  # part of the training set
valid_part=dev-clean  # part of the validation set
test_part=test-clean  # part of the test set
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${LIBRISPEECH:-}" ] || die "set LIBRISPEECH in db.sh: folder with train-clean-100, dev-clean and test-clean (https://www.openslr.org/12)"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "LibriSpeech in ${LIBRISPEECH}"
for set in train valid test; do
    part=${set}_part
    "${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --parts "${!part}" --lower --join "${set}" \
        --data "${datadir}"
done
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
