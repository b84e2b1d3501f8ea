#!/usr/bin/env bash
# Make data/{train,valid,test} of the X-ray microbeam corpus (folders JW11, JW12 …) with tract variables.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

corpus=""  # folder of the corpus as published (XRMB_ROOT of db.sh)
valid_speakers=""  # file of speaker ids (empty: drawn)
test_speakers=""  # file of speaker ids (empty: drawn)
num_valid_speakers=5  # speakers of the validation set, where they are drawn
num_test_speakers=5  # speakers of the test set, where they are drawn
seed=0  # of the draw
tolerance=1  # frames of 10 ms between the ends of audio and trajectory
datadir=data  # folder of the data directories
dumpdir=""  # where wav files go (empty: audio in the folder of the data directories)
nj=4  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
options=(--num-valid-speakers "${num_valid_speakers}" --num-test-speakers "${num_test_speakers}" --seed "${seed}")
[ -z "${valid_speakers}" ] || options+=(--valid-speakers "${valid_speakers}")
[ -z "${test_speakers}" ] || options+=(--test-speakers "${test_speakers}")
log "X-ray microbeam corpus"
"${python}" "${here}/make_xrmb.py" --corpus "${corpus:-${XRMB_ROOT:-}}" --data "${datadir}" \
    --audio "${dumpdir:-${datadir}/audio}" --nj "${nj}" --tolerance "${tolerance}" "${options[@]}"
