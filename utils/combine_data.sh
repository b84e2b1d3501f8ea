#!/usr/bin/env bash
# Puts data directories together: the tables ("id value" lines) that all of them have, line by line.
#
# Usage: combine_data.sh OUT IN1 IN2...
set -euo pipefail
export LC_ALL=C

if [ $# -lt 3 ]; then
    echo "combine_data.sh: error: give the folder to write and at least two to read" >&2
    exit 2
fi
out=$1
shift
mkdir -p "${out}"
for file in "$1"/*; do
    name=${file##*/}
    [ -f "${file}" ] && [ "${name}" != spk2utt ] && [[ ${name} != *.jsonl ]] || continue
    for folder in "$@"; do
        if [ ! -f "${folder}/${name}" ]; then
            echo "combine_data.sh: ${folder} has no ${name}; it is left out" >&2
            continue 2
        fi
    done
    sort -u "${@/%//${name}}" > "${out}/.${name}.tmp"
    twice=$(cut -d ' ' -f 1 "${out}/.${name}.tmp" | uniq -d | sed -n 1p)
    if [ -n "${twice}" ]; then
        rm "${out}/.${name}.tmp"
        echo "combine_data.sh: error: '${twice}' stands in ${name} of two folders with different values;" \
            "give the utterances different names" >&2
        exit 1
    fi
    mv "${out}/.${name}.tmp" "${out}/${name}"
done
exec "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "${out}"
