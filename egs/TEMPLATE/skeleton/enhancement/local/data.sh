#!/usr/bin/env bash
# Make data/{train,valid,test} and data/noise_{train,valid,test} from a folder of clean speech, and one of noises if there is
# one: without, noises are computed.
#
# Usage: local/data.sh [options]      Reads SPEECH_ROOT and NOISE_ROOT (db.sh).
set -euo pipefail

# Options:
datadir=data  # folder of the data directories
sample_rate=@RATE@  # of the data, Hz; conf/train_se.yaml and conf/simulate.yaml have it, too
channel=0  # of recordings with several channels: the one that is taken, from 0, or mean
speaker_folder=0  # which folder below SPEECH_ROOT names the speaker, from 1 (0: the first of which there are three kinds)
max_valid=60  # utterances of the validation set
max_test=100  # utterances of the test set
num_noises=180  # computed noises to train on; a fifth as many to validate and to test
nj=1  # processes that read audio

# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/log.sh"
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/parse_options.sh"
check_integer sample_rate speaker_folder max_valid max_test num_noises nj

[ -n "${SPEECH_ROOT}" ] || die "set SPEECH_ROOT in db.sh: the folder of the clean speech"

python=${venv:?}/bin/python
noise=()
if [ -n "${NOISE_ROOT}" ]; then noise=(--noise "${NOISE_ROOT}"); fi
"${python}" -m sslse.corpora.speech_folder --speech "${SPEECH_ROOT}" "${noise[@]}" --data "${datadir}" --recipe . \
    --sample-rate "${sample_rate}" --channel "${channel}" --speaker-folder "${speaker_folder}" \
    --max-valid "${max_valid}" --max-test "${max_test}" --nj "${nj}"
if [ -z "${NOISE_ROOT}" ]; then
    echo "note: NOISE_ROOT is empty: noises are computed, and babble is made of the speech"
    few=$(((num_noises + 4) / 5))
    "${python}" -m sslse.simulate.computed --data "${datadir}" --audio "${datadir}/audio/computed" \
        --sample-rate "${sample_rate}" --nj "${nj}" \
        --num-noise-train "${num_noises}" --num-noise-valid "${few}" --num-noise-test "${few}"
fi
