#!/usr/bin/env bash
# Runs local/data.sh of a recipe, then checks every data directory that the pipeline will read.
#
# Usage: prepare_data.sh --datadir data --nj 2 --sets "train valid test" [--recorded "test"] [options of local/data.sh]
# A set of --recorded needs no noise; of all but the first set, the training set, the noisy speech is in SET_noisy.
# The first two are passed on if local/data.sh has them.
set -euo pipefail

datadir=data
nj=1
sets="train valid test"
recorded=
options=()
while [ $# -gt 0 ]; do
    case $1 in
        --datadir) datadir=$2 && shift 2 ;;
        --nj) nj=$2 && shift 2 ;;
        --sets) sets=$2 && shift 2 ;;
        --recorded) recorded=$2 && shift 2 ;;
        *) options+=("$1") && shift ;;
    esac
done
if grep -q '^nj=' local/data.sh; then options=(--nj "${nj}" "${options[@]}"); fi
if grep -q '^datadir=' local/data.sh; then
    options=(--datadir "${datadir}" "${options[@]}")
elif [ "${datadir}" != data ]; then
    echo "prepare_data.sh: error: local/data.sh has no option --datadir, so the data can only be in data/" >&2
    exit 1
fi
local/data.sh "${options[@]}"
for set in ${sets}; do
    folders=("${datadir}/${set}" "${datadir}/noise_${set}")
    if [[ " ${recorded} " == *" ${set} "* ]]; then
        folders=("${datadir}/${set}")
        if [ "${set}" != "${sets%% *}" ]; then folders=("${datadir}/${set}_noisy"); fi
    fi
    for folder in "${folders[@]}"; do
        if [ ! -s "${folder}/wav.scp" ]; then
            echo "prepare_data.sh: error: local/data.sh made no ${folder}/wav.scp" >&2
            exit 1
        fi
        rm -f "${folder}/utt2num_samples"  # perhaps of other audio; it is measured anew
        sslse validate --nj "${nj}" --write-lengths "${folder}"
    done
done
