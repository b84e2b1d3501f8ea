#!/usr/bin/env bash
# Splits a data directory into parts of nearly equal numbers of utterances: DIR/split4/{1,2,3,4}.
#
# Usage: split_data.sh DIR PARTS
set -euo pipefail
export LC_ALL=C

if [ $# -ne 2 ] || [[ ! $2 =~ ^[1-9][0-9]*$ ]]; then
    echo "split_data.sh: error: give a data directory and a number of parts" >&2
    exit 2
fi
folder=$1 parts=$2
list=${folder}/segments
[ -f "${list}" ] || list=${folder}/wav.scp
count=$(wc -l < "${list}")
if [ "${count}" -lt "${parts}" ]; then
    echo "split_data.sh: error: ${list} has ${count} utterances, fewer than ${parts} parts" >&2
    exit 1
fi
for part in $(seq "${parts}"); do
    out=${folder}/split${parts}/${part}
    mkdir -p "${out}"
    awk -v n="${parts}" -v k="${part}" -v all="${count}" \
        'NR > int(all * (k - 1) / n) && NR <= int(all * k / n)' "${list}" > "${out}/${list##*/}"
    for file in "${folder}"/*; do
        name=${file##*/}
        case ${name} in
            "${list##*/}" | spk2utt) continue ;;
            # By recording where there are segments.
            wav.scp) key=2 ;;
            *) key=1 ;;
        esac
        [ -f "${file}" ] || continue
        awk -v key="${key}" 'NR == FNR { wanted[$key]; next } $1 in wanted' "${out}/${list##*/}" "${file}" \
            > "${out}/${name}"
    done
    "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "${out}" > /dev/null
done
