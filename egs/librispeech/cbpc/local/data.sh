#!/usr/bin/env bash
# Make data/{train,valid,test} (LibriSpeech) and data/noise_{train,valid,test} (DNS challenge).
#
# Run in the recipe's folder. LIBRISPEECH and DNS_NOISE (environment, or db.sh) say where the recordings are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

train_parts="train-clean-100 train-clean-360 train-other-500"  # 960 hours
valid_parts="dev-clean dev-other"  # rank checkpoints
test_parts="dev-clean dev-other test-clean test-other"  # the test set; each is one of its conditions
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
for variable in LIBRISPEECH DNS_NOISE; do
    [ -d "${!variable:-}" ] || die "there is no folder '${!variable:-}'; set ${variable} in db.sh or in the environment" \
        "(LibriSpeech: https://www.openslr.org/12, noises: https://github.com/microsoft/DNS-Challenge)"
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
parts=${datadir}/parts

# combine SET PARTS: one data directory of several parts, or a copy of one.
combine() {
    local set=$1 names folders=()
    read -ra names <<< "${2//-/_}"
    for name in "${names[@]}"; do folders+=("${parts}/${name}"); done
    if [ ${#folders[@]} -eq 1 ]; then folders+=("${folders[0]}"); fi
    "${root}/utils/combine_data.sh" "${datadir}/${set}" "${folders[@]}"
}

log "LibriSpeech"
all=$(tr ' ' '\n' <<< "${train_parts} ${valid_parts} ${test_parts}" | sort -u | tr '\n' ' ')
"${python}" -m sslse.corpora.librispeech --root "${LIBRISPEECH}" --data "${parts}" --parts "${all}"
for part in ${test_parts}; do
    name=${part//-/_}
    awk -v part="${name}" '{ print $1, part }' "${parts}/${name}/wav.scp" > "${parts}/${name}/utt2condition"
done
combine train "${train_parts}"
combine valid "${valid_parts}"
combine test "${test_parts}"
log "noises of the DNS challenge"
"${python}" -m sslse.corpora.dns_noise --root "${DNS_NOISE}" --data "${datadir}"
