#!/usr/bin/env bash
# The only code that knows the corpus: makes data/{train,valid,test} and data/noise_{train,valid,test}.
#
# Usage: local/data.sh [options]      Reads SPEECH_ROOT and NOISE_ROOT (db.sh).
set -euo pipefail

# Options:
datadir=data  # folder of the data directories
sets="train valid test"  # subfolders of SPEECH_ROOT and NOISE_ROOT
sample_rate=0  # resample other rates to it (Hz; 0: leave out what differs from most)
nj=1  # processes that read audio

# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/log.sh"
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/parse_options.sh"

[ -n "${SPEECH_ROOT}" ] || die "set SPEECH_ROOT in db.sh: the folder of the speech"
[ -n "${NOISE_ROOT}" ] || die "set NOISE_ROOT in db.sh: the folder of the noises"

# Taken are SPEAKER/NAME of any kind of sound, with NAME.txt; what is left out is counted, see data/train/.left_out.
# shellcheck disable=SC2086 # the sets are words
"${venv:?}/bin/python" -m sslse.corpora.plain_files --speech "${SPEECH_ROOT}" --noise "${NOISE_ROOT}" \
    --data "${datadir}" --sets ${sets} --sample-rate "${sample_rate}" --nj "${nj}"
