#!/usr/bin/env bash
# Make data/{train,valid,test,train_all} of LibriSpeech and data/noise_{train,valid,test} of the DNS challenge, from their
# published layouts (LIBRISPEECH and DNS_NOISE, in db.sh). No audio is copied.
# shellcheck disable=SC2034 # the options are read by their names
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

# Sets:
train_parts="train-clean-100 train-clean-360 train-other-500"  # parts of the training set
valid_parts="dev-clean dev-other"  # parts of the validation set
test_parts="test-clean test-other"  # parts of the test set
num_train=100000  # training utterances, drawn from its parts
num_valid=5000  # validation utterances, likewise
num_test=3000  # test utterances, likewise
seed=0  # of the draws
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
[ -n "${LIBRISPEECH:-}" ] || die "set LIBRISPEECH in db.sh: the folder of LibriSpeech (https://www.openslr.org/12)"
[ -n "${DNS_NOISE:-}" ] || die "set DNS_NOISE in db.sh: the folder of noises (https://github.com/microsoft/DNS-Challenge)"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "LibriSpeech in ${LIBRISPEECH}"
for set in train valid test; do
    parts=${set}_parts count=num_${set}
    # Small letters, as all recipes write text.
    "${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --parts "${!parts}" --lower \
        --data "${datadir}" --join "${set}" --max-utterances "${!count}" --seed "${seed}"
done
# All of the training parts, for the log-mel recogniser.
"${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --parts "${train_parts}" --lower \
    --data "${datadir}" --join train_all
log "noises in ${DNS_NOISE}"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
