#!/usr/bin/env bash
# The only code that knows the corpus: makes data/{train,valid,test} and data/noise_{train,valid,test}.
#
# Usage: local/data.sh [options]      Reads SPEECH_ROOT and NOISE_ROOT (db.sh).
set -euo pipefail

# Options:
datadir=data  # folder of the data directories
sets="train valid test"  # subfolders of SPEECH_ROOT and NOISE_ROOT

# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/log.sh"
# shellcheck source=/dev/null
. "${SSLSE_ROOT}/utils/parse_options.sh"

[ -n "${SPEECH_ROOT}" ] || die "set SPEECH_ROOT in db.sh: the folder of the speech"
[ -n "${NOISE_ROOT}" ] || die "set NOISE_ROOT in db.sh: the folder of the noises"

# audio FOLDER: its audio files, absolute, sorted.
audio() {
    [ -d "$1" ] || die "there is no folder $1"
    find "$(cd "$1" && pwd)" -name '*.wav' -o -name '*.flac' | sort
}

for set in ${sets}; do
    speech=${datadir}/${set} noise=${datadir}/noise_${set}
    mkdir -p "${speech}" "${noise}"
    rm -f "${speech}"/{wav.scp,text,utt2spk}.tmp
    while read -r file; do
        speaker=$(basename "$(dirname "${file}")")
        utterance=${speaker}-$(basename "${file%.*}")
        [ -f "${file%.*}.txt" ] || die "${file} has no transcript ${file%.*}.txt"
        echo "${utterance} ${file}" >> "${speech}/wav.scp.tmp"
        echo "${utterance} $(tr -s '[:space:]' ' ' < "${file%.*}.txt" | sed 's/ $//')" >> "${speech}/text.tmp"
        echo "${utterance} ${speaker}" >> "${speech}/utt2spk.tmp"
    done < <(audio "${SPEECH_ROOT}/${set}")
    [ -s "${speech}/wav.scp.tmp" ] || die "there is no speech in ${SPEECH_ROOT}/${set}/SPEAKER"
    for file in wav.scp text utt2spk; do
        sort "${speech}/${file}.tmp" > "${speech}/${file}"
        rm "${speech}/${file}.tmp"
    done
    sslse fix-data "${speech}"
    audio "${NOISE_ROOT}/${set}" | sed 's|.*/\(.*\)\.[a-z]*$|\1 &|' | sort > "${noise}/wav.scp"
    sed 's|^\([^ ]*\) .*|\1 \1|' "${noise}/wav.scp" > "${noise}/utt2spk"
    log "${set}: $(wc -l < "${speech}/wav.scp") utterances, $(wc -l < "${noise}/wav.scp") noises"
done
