#!/usr/bin/env bash
# Prepare data/{train,valid,test} (connected digits) and data/noise_{train,valid,test} from recordings.
#
# Run in the recipe's folder. FSDD_ROOT and NOISE_ROOT (environment, or db.sh) say where the recordings are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

# Sets:
train_speakers="jackson lucas nicolas"  # voices of the training set
valid_speakers="george"  # voices of the validation set
test_speakers="yweweler"  # voices of the test set
num_train=1400  # training utterances of these voices
num_perturbed=1400  # more training utterances, of the same voices at other speeds
num_valid=80  # validation utterances
num_test=160  # test utterances
num_voices=0  # utterances of each set of many voices, for speaker verification (see local/task_data.sh)
speed_factors="0.8 0.87 0.93 1.07 1.15 1.25"  # speeds of the pseudo-speakers
# Audio:
sample_rate=16000  # of all files (Hz)
band_limit=true  # remove everything above 4 kHz from noises, because the speech has nothing there
piece_seconds=60  # long noises are cut into pieces of about this length (s)
datadir=data  # folder of the data directories
dumpdir=""  # where wav files go (empty: audio in the folder of the data directories)
seed=0  # of all random choices
nj=2  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
fsdd_url=https://github.com/Jakobovski/free-spoken-digit-dataset

# An empty path: the corpora beside the checkout, if they are there.
beside=${root}/../shared/corpora
fsdd_root=${FSDD_ROOT:-${beside}/fsdd}
noise_root=${NOISE_ROOT:-${beside}/noise}
if [ -z "${FSDD_ROOT:-}" ] && [ ! -d "${fsdd_root}" ]; then
    fsdd_root=downloads/free-spoken-digit-dataset
    if [ ! -d "${fsdd_root}/recordings" ]; then
        log "downloading ${fsdd_url}"
        git clone -q --depth 1 "${fsdd_url}" "${fsdd_root}" || die "cannot download the spoken" \
            "digits; copy ${fsdd_url} here by other means and set FSDD_ROOT in db.sh to its folder"
    fi
fi
[ -d "${fsdd_root}" ] || die "there is no folder ${fsdd_root}; set FSDD_ROOT in db.sh or in the" \
    "environment to a copy of ${fsdd_url} (CC BY-SA 4.0)"
[ -d "${noise_root}" ] || die "there is no folder ${noise_root}; set NOISE_ROOT in db.sh or in the" \
    "environment to a folder of noise recordings, such as that of MUSAN, https://www.openslr.org/17"

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
python=${SSLSE_VENV:-${root}/.venv}/bin/python
common=(--data "${datadir}" --audio "${dumpdir:-${datadir}/audio}"
    --sample-rate "${sample_rate}" --seed "${seed}" --nj "${nj}")

log "connected digits from ${fsdd_root}"
"${python}" "${here}/make_digits.py" --fsdd "${fsdd_root}" "${common[@]}" \
    --train-speakers "${train_speakers}" --num-train "${num_train}" \
    --num-perturbed "${num_perturbed}" --speed-factors "${speed_factors}" \
    --valid-speakers "${valid_speakers}" --num-valid "${num_valid}" \
    --test-speakers "${test_speakers}" --num-test "${num_test}" --num-voices "${num_voices}"

log "noises from ${noise_root}"
noise_options=(--noise "${noise_root}" --piece-seconds "${piece_seconds}")
if "${band_limit}"; then noise_options+=(--band-limit); fi
"${python}" "${here}/make_noise.py" "${noise_options[@]}" "${common[@]}"
