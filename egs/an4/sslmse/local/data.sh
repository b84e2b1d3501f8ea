#!/usr/bin/env bash
# Make data/{train,valid,test} (AN4) and data/noise_{train,valid,test} (ESC-50), and data/pretrain: the speech that SSL
# models are trained on, AN4 and, where SPEECHOCEAN762 names it, the training half of speechocean762.
#
# Run in the recipe's folder. AN4, ESC50 and SPEECHOCEAN762 (environment, or db.sh) say where the recordings are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

max_utts=0  # utterances of each set of speech, for a trial (0: all)
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
check_integer max_utts
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
for variable in AN4 ESC50; do
    [ -d "${!variable:-}" ] || die "there is no folder '${!variable:-}'; set ${variable} in db.sh or in the environment"
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python

# few SET: leave a small share of a set, spread over its speakers.
few() {
    local set=$1 names
    [ "${max_utts}" -gt 0 ] || return 0
    names=$(awk -v most="${max_utts}" '{ name[NR] = $1 }
        END { step = NR > most ? NR / most : 1; for (i = 0; int(i * step) < NR; i++) printf "%s%s", i ? "|" : "", name[int(i * step) + 1] }' \
        "${set}/wav.scp")
    "${root}/utils/subset_data.sh" "${set}" "${set}.few" "^(${names})\$"
    rm -r "${set}"
    mv "${set}.few" "${set}"
}

log "AN4"
"${python}" -m sslse.corpora.an4 --root "${AN4}" --data "${datadir}" --lower
log "noises of ESC-50"
"${python}" -m sslse.corpora.esc50 --root "${ESC50}" --data "${datadir}"
speech=("${datadir}/train" "${datadir}/train")
if [ -n "${SPEECHOCEAN762:-}" ]; then
    log "speechocean762"
    "${python}" -m sslse.corpora.speechocean762 --root "${SPEECHOCEAN762}" --data "${datadir}/speechocean762" --lower
    speech[1]=${datadir}/speechocean762/train
else
    log "SPEECHOCEAN762 is empty: ${datadir}/pretrain is ${datadir}/train"
fi
for set in "${datadir}/valid" "${datadir}/test" $(printf '%s\n' "${speech[@]}" | sort -u); do few "${set}"; done
"${root}/utils/combine_data.sh" "${datadir}/pretrain" "${speech[@]}"
