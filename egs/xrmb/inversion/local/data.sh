#!/usr/bin/env bash
# Make data/{train,valid,test} (the X-ray microbeam corpus with tract variables) and data/noise_{train,valid,test}.
#
# Run in the recipe's folder. XRMB_ROOT and MUSAN_ROOT or DNS_NOISE (environment, or db.sh) say where the recordings are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

# Speech:
corpus=""  # folder of the corpus as published (empty: XRMB_ROOT)
train_speakers=""  # file of speaker ids (empty: those that the other sets leave)
valid_speakers=""  # file of speaker ids (empty: drawn)
test_speakers=""  # file of speaker ids (empty: drawn)
num_valid_speakers=5  # speakers of the validation set, where they are drawn
num_test_speakers=5  # speakers of the test set, where they are drawn; 36 of the 46 are left to train
seed=0  # of the draw
tolerance=1  # frames of 10 ms between the ends of audio and trajectory
# Noise:
noise=musan  # corpus of noises: musan or dns
musan_parts="noise"  # parts of MUSAN: noise, music
# Output:
datadir=data  # folder of the data directories
dumpdir=""  # where wav files go (empty: audio in the folder of the data directories)
nj=4  # processes

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
check_words noise musan dns
check_words musan_parts noise music

# folder_of VARIABLE WHAT: the folder that a variable of db.sh names.
folder_of() {
    [ -d "${!1:-}" ] || die "there is no folder '${!1:-}'; set $1 in db.sh or in the environment to that of $2"
    echo "${!1}"
}

XRMB_ROOT=${corpus:-${XRMB_ROOT:-}}
speech_root=$(folder_of XRMB_ROOT "the X-ray microbeam corpus (JW11, JW12 …)")
if [ "${noise}" = musan ]; then
    noise_root=$(folder_of MUSAN_ROOT "MUSAN, https://www.openslr.org/17")
    read -ra parts <<< "${musan_parts}"
    noise_job=(musan --parts "${parts[@]}")
else
    noise_root=$(folder_of DNS_NOISE "the noises of the DNS challenge, https://github.com/microsoft/DNS-Challenge")
    noise_job=(dns_noise)
fi

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
options=(--num-valid-speakers "${num_valid_speakers}" --num-test-speakers "${num_test_speakers}" --seed "${seed}")
if [ -n "${train_speakers}" ]; then options+=(--train-speakers "${train_speakers}"); fi
if [ -n "${valid_speakers}" ]; then options+=(--valid-speakers "${valid_speakers}"); fi
if [ -n "${test_speakers}" ]; then options+=(--test-speakers "${test_speakers}"); fi
log "X-ray microbeam corpus"
"${python}" "${here}/make_xrmb.py" --corpus "${speech_root}" --data "${datadir}" \
    --audio "${dumpdir:-${datadir}/audio}" --nj "${nj}" --tolerance "${tolerance}" "${options[@]}"
log "noises of ${noise}"
"${python}" -m "sslse.corpora.${noise_job[0]}" --root "${noise_root}" --data "${datadir}" "${noise_job[@]:1}"
