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
mkdir -p "$2"
for file in "$1"/*; do
    name=${file##*/}
    [ -f "${file}" ] && [ "${name}" != spk2utt ] && [[ ${name} != *.jsonl ]] || continue
    awk -v regex="$3" '$1 ~ regex' "${file}" > "$2/.${name}.tmp"
    mv "$2/.${name}.tmp" "$2/${name}"
done
if [ ! -s "$2/wav.scp" ]; then
    echo "subset_data.sh: error: no id in $1/wav.scp matches '$3'" >&2
    exit 1
fi
exec "$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" fix-data "$2"
