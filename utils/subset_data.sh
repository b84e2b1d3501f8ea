#!/usr/bin/env bash
# Copies the utterances of a data directory whose ids match an extended regular expression.
#
# Usage: subset_data.sh DATA OUT REGEX
set -euo pipefail
export LC_ALL=C
if [ $# -ne 3 ]; then
    echo "subset_data.sh: error: give the data directory, the folder to write and a regular expression" >&2
    exit 2
fi
# shellcheck source=refuse_overwriting.sh
. "$(dirname "${BASH_SOURCE[0]}")/refuse_overwriting.sh"
refuse_overwriting "$2" "$1"
list=$1/wav.scp segmented=
if [ -f "$1/segments" ]; then list=$1/segments segmented=1; fi
chosen=$(mktemp)
trap 'rm -f "${chosen}"' EXIT
awk -v regex="$3" '$1 ~ regex' "${list}" > "${chosen}"
if [ ! -s "${chosen}" ]; then
    echo "subset_data.sh: error: no id in ${list} matches '$3'" >&2
    exit 1
fi
mkdir -p "$2"
for file in "$1"/*; do
    name=${file##*/}
    [ -f "${file}" ] && [ "${name}" != spk2utt ] && [[ ${name} != *.jsonl ]] || continue
    # Recordings are the second column of segments; references (spk1.scp) go by either.
    awk -v name="${name}" -v segmented="${segmented}" '
        NR == FNR { wanted[$1]; recordings[segmented ? $2 : $1]; next }
        name == "wav.scp" || name ~ /^reco2/ { if ($1 in recordings) print; next }
        name ~ /\.scp$/ { if ($1 in wanted || $1 in recordings) print; next }
        name ~ /^spk2/ { print; next }
        name == "rttm" { if ($2 in wanted || $1 ~ /^;;/) print; next }
        name == "trials" { if ($2 in wanted && $3 in wanted) print; next }
        $1 in wanted' "${chosen}" "${file}" > "$2/.${name}.tmp"
    mv "$2/.${name}.tmp" "$2/${name}"
done
"$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "$2"
