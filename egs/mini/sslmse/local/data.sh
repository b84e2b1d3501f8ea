#!/usr/bin/env bash
# Make data/{train,valid,test} (spoken commands) and data/noise_{train,valid,test} without any download.
#
# Run in the recipe's folder. Speech is by eSpeak NG, noises are computed; both need tools/install.sh only.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

# Sets:
num_train=1400  # training utterances
num_valid=80  # validation utterances
num_test=160  # test utterances
num_noise_train=160  # training noises
num_noise_valid=30  # validation noises
num_noise_test=38  # test noises
# Audio:
sample_rate=16000  # of all files (Hz)
datadir=data  # folder of the data directories
dumpdir=""  # where wav files go (empty: audio in the folder of the data directories)
seed=0  # of all random choices
nj=2  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
common=(--data "${datadir}" --audio "${dumpdir:-${datadir}/audio}"
    --sample-rate "${sample_rate}" --seed "${seed}" --nj "${nj}")

log "spoken commands"
"${python}" "${here}/make_speech.py" "${common[@]}" \
    --num-train "${num_train}" --num-valid "${num_valid}" --num-test "${num_test}"
log "generated noises"
"${python}" "${here}/make_noise.py" "${common[@]}" --num-noise-train "${num_noise_train}" \
    --num-noise-valid "${num_noise_valid}" --num-noise-test "${num_noise_test}"
