#!/usr/bin/env bash
# Make data/{train,valid} (AN4 and speechocean762), data/test_{an4,so} and, where LIBRISPEECH is given, data/test_libri,
# their noises data/noise_SET (the CC BY part of ESC-50, computed ones, and those of NOISE to train with), and rooms
# data/rir_{train,valid}.
#
# Run in the recipe's folder. Neither a speaker nor a source clip of a noise nor a room is in two sets.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

valid_utterances=3  # of each validation speaker of speechocean762, drawn once for ever (0: all, 20)
test_utterances=1  # of each test speaker, likewise
num_noise_train=400  # computed noises to train with
num_noise_valid=36  # computed noises to validate with
num_rir_train=300  # simulated rooms to train with
num_rir_valid=40  # simulated rooms to validate with, where RIRS is empty
datadir=data  # folder of the data directories
nj=1  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
check_integer valid_utterances test_utterances num_noise_train num_noise_valid num_rir_train num_rir_valid nj
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
for variable in AN4 SPEECHOCEAN762 ESC50; do
    [ -d "${!variable:-}" ] || die "there is no folder '${!variable:-}'; set ${variable} in db.sh or in the environment"
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
made=(--data "${datadir}/made" --audio "${datadir}/audio" --nj "${nj}")
combine() { "${root}/utils/combine_data.sh" "$@"; }

log "AN4"
"${python}" -m sslse.corpora.an4 --root "${AN4}" --data "${datadir}/an4" --lower
log "speechocean762"
"${python}" -m sslse.corpora.speechocean762 --root "${SPEECHOCEAN762}" --data "${datadir}/so" --lower \
    --valid-utterances "${valid_utterances}" --test-utterances "${test_utterances}"
combine "${datadir}/train" "${datadir}/an4/train" "${datadir}/so/train"
# Every fourth of AN4's: words of Whisper are counted on this set for every weight of observation adding.
names=$(awk 'NR % 4 == 1 { printf "%s%s", (NR > 1 ? "|" : ""), $1 }' "${datadir}/an4/valid/wav.scp")
"${root}/utils/subset_data.sh" "${datadir}/an4/valid" "${datadir}/an4/valid_few" "^(${names})\$"
combine "${datadir}/valid" "${datadir}/an4/valid_few" "${datadir}/so/valid"
log "noises of ESC-50 that are CC BY, and computed ones"
"${python}" -m sslse.corpora.esc50 --root "${ESC50}" --data "${datadir}/esc" --cc-by
"${python}" -m sslse.simulate.computed "${made[@]}" --all-kinds \
    --num-noise-train "${num_noise_train}" --num-noise-valid "${num_noise_valid}"
for set in train valid; do
    noises=("${datadir}/esc/noise_${set}" "${datadir}/made/noise_${set}")
    if [ "${set}" = train ] && [ -n "${NOISE:-}" ]; then
        "${python}" -m sslse.corpora.sounds --root "${NOISE}" --data "${datadir}/more"
        noises+=("${datadir}/more")
    fi
    combine "${datadir}/noise_${set}" "${noises[@]}"
done
sets=(an4 so)
if [ -n "${LIBRISPEECH:-}" ]; then
    log "LibriSpeech"
    "${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --parts "dev-clean test-clean" --lower \
        --data "${datadir}" --join test_libri
    sets+=(libri)
fi
for set in "${sets[@]}"; do
    [ "${set}" = libri ] || cp -r "${datadir}/${set}/test/." "${datadir}/test_${set}"
    if [ "${set}" = libri ] && [ -n "${TEST_NOISE:-}" ]; then
        "${python}" -m sslse.corpora.sounds --root "${TEST_NOISE}" --data "${datadir}/noise_test_libri"
    else
        cp -r "${datadir}/esc/noise_test/." "${datadir}/noise_test_${set}"
    fi
done
log "rooms"
rooms=(--num-rir-train "${num_rir_train}")
if [ -n "${RIRS:-}" ]; then
    "${python}" -m sslse.corpora.sounds --root "${RIRS}" --data "${datadir}/made/rir_valid"
else
    rooms+=(--num-rir-valid "${num_rir_valid}")
fi
"${python}" -m sslse.simulate.rooms "${made[@]}" "${rooms[@]}"
for set in train valid; do cp -r "${datadir}/made/rir_${set}/." "${datadir}/rir_${set}"; done
