#!/usr/bin/env bash
# Puts data directories together: the tables ("id value" lines) that all of them have, line by line, and the transcripts
# that some of them have.
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
# shellcheck source=refuse_overwriting.sh
. "$(dirname "${BASH_SOURCE[0]}")/refuse_overwriting.sh"
refuse_overwriting "${out}" "$@"
mkdir -p "${out}"
while IFS= read -r name; do
    files=()
    without=""
    for folder in "$@"; do
        if [ -f "${folder}/${name}" ]; then files+=("${folder}/${name}"); else without=${folder}; fi
    done
    if [ -n "${without}" ] && [ "${name}" = segments ]; then
        echo "combine_data.sh: error: ${without} has no segments and others have; write 'UTTERANCE RECORDING 0 -1'" \
            "lines for its recordings" >&2
        exit 1
    elif [ -n "${without}" ] && [ "${name}" != text ]; then
        echo "combine_data.sh: ${without} has no ${name}; it is left out" >&2
        continue
    fi
    sort -u "${files[@]}" > "${out}/.${name}.tmp"
    # Several lines of rttm and trials begin alike.
    twice=""
    case ${name} in
        rttm | trials) ;;
        *) twice=$(cut -d ' ' -f 1 "${out}/.${name}.tmp" | uniq -d | sed -n 1p) ;;
    esac
    if [ -n "${twice}" ]; then
        rm "${out}/.${name}.tmp"
        echo "combine_data.sh: error: '${twice}' stands in ${name} of two folders with different values;" \
            "give the utterances different names" >&2
        exit 1
    fi
    mv "${out}/.${name}.tmp" "${out}/${name}"
done < <(find -L "$@" -mindepth 1 -maxdepth 1 -type f ! -name '.*' ! -name spk2utt ! -name '*.jsonl' -printf '%f\n' | sort -u)
exec "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "${out}"
