#!/usr/bin/env bash
# Enhances the audio of a data directory and keeps its other tables: a data directory of enhanced speech.
#
# Usage: enhance_set.sh DATA OUT MODEL [OPTION of sslse enhance]...
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "enhance_set.sh: error: give the data directory, the folder to write and the enhancer's folder" >&2
    exit 2
fi
data=$1 out=$2
# shellcheck source=refuse_overwriting.sh
. "$(dirname "${BASH_SOURCE[0]}")/refuse_overwriting.sh"
refuse_overwriting "${out}" "${data}" "$3"
sslse enhance "${data}/wav.scp" -o "${out}" --model "$3" "${@:4}"
for table in text utt2spk spk2utt utt2num_samples utt2label utt2intent; do
    if [ -f "${data}/${table}" ]; then cp "${data}/${table}" "${out}/${table}"; fi
done
sslse validate "${out}"
