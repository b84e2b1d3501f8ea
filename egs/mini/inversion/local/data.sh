#!/usr/bin/env bash
# Make data/{train,valid,test} (speech with its articulation) and data/noise_{train,valid,test}.
#
# Run in the recipe's folder. Speech is by VocalTractLab (the optional package vocaltractlab_cython, GPL-3.0, which
# runs in a process of its own); noises are computed. What is there already is kept.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

# Sets:
num_train=220  # training utterances
num_valid=24  # validation utterances
num_test=48  # test utterances
num_train_speakers=10  # speakers of the training set
num_valid_speakers=4  # speakers of the validation set
num_test_speakers=6  # speakers of the test set
targets=pellet  # tract variables of flesh points as in XRMB (pellet), or of tubes (tube), in half the time
num_noise_train=90  # training noises
num_noise_valid=18  # validation noises
num_noise_test=36  # test noises
# Audio:
datadir=data  # folder of the data directories
dumpdir=""  # where wav files go (empty: audio in the folder of the data directories)
seed=0  # of all random choices
nj=2  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
common=(--data "${datadir}" --audio "${dumpdir:-${datadir}/audio}" --seed "${seed}" --nj "${nj}")

log "speech with articulation"
"${python}" "${here}/make_speech.py" "${common[@]}" --targets "${targets}" \
    --num-train "${num_train}" --num-train-speakers "${num_train_speakers}" \
    --num-valid "${num_valid}" --num-valid-speakers "${num_valid_speakers}" \
    --num-test "${num_test}" --num-test-speakers "${num_test_speakers}"
log "generated noises"
"${python}" -m sslse.simulate.computed "${common[@]}" --num-noise-train "${num_noise_train}" \
    --num-noise-valid "${num_noise_valid}" --num-noise-test "${num_noise_test}"
