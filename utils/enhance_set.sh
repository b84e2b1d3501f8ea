#!/usr/bin/env bash
# Enhances the audio of a data directory and keeps its other tables: a data directory of enhanced speech.
#
# Usage: enhance_set.sh DATA OUT MODEL
set -euo pipefail
if [ $# -ne 3 ]; then
    echo "enhance_set.sh: error: give the data directory, the folder to write and the enhancer's folder" >&2
    exit 2
fi
data=$1 out=$2
sslse enhance "${data}/wav.scp" -o "${out}" --model "$3"
for table in text utt2spk spk2utt utt2num_samples utt2label utt2intent; do
    if [ -f "${data}/${table}" ]; then cp "${data}/${table}" "${out}/${table}"; fi
done
sslse validate "${out}"
