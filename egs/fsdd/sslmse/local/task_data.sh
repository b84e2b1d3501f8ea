#!/usr/bin/env bash
# Add what speaker verification needs: voices_valid and voices_test, several voices each, with trials. The sets that are
# there already stay as they are.
#
# The options are those of local/data.sh, and:
#     --num_voices N    utterances in each of the two sets (105)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

datadir=data num_voices=105 options=()
while [ $# -gt 0 ]; do
    case $1 in
        --datadir) datadir=$2 ;;
        --num_voices) num_voices=$2 ;;
    esac
    if [ "$1" != --num_voices ]; then options+=("$1" "$2"); fi
    shift 2
done

"${here}/data.sh" "${options[@]}" --num_voices "${num_voices}"
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
for set in valid test; do
    "${SSLSE_VENV:-${root}/.venv}/bin/python" -m sslse make-trials \
        "${datadir}/voices_${set}" "${datadir}/voices_${set}/trials" 600
    # Noises that no other set of a voice has heard: those of its speaker's own set.
    mkdir -p "${datadir}/noise_voices_${set}"
    find "${datadir}/noise_${set}" -maxdepth 1 -type f ! -name '.*' -exec cp {} "${datadir}/noise_voices_${set}" \;
done
