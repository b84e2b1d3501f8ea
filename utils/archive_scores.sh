#!/usr/bin/env bash
# Archives the scores of every utterance behind a recipe's RESULTS.md, in scores.tar.xz beside it: with them the report,
# its claims and intervals can be made again without a training, and seeds of several machines be put together.
#
# Usage: archive_scores.sh RECIPE [EXPDIR [SET [DATADIR]]]
#   RECIPE: a folder such as egs/an4/cbpc; EXPDIR: its folder of results (exp), which is exp in the archive, with those of
#   --full true in EXPDIR/full if there are any;
#   SET: the test set (test); DATADIR: the folder of its data directories (data), which is data in the archive
set -euo pipefail
if [ $# -lt 1 ]; then
    echo "archive_scores.sh: error: give the folder of the recipe, such as egs/an4/cbpc" >&2
    exit 2
fi
cd "$1"
exp=${2:-exp}
set_name=${3:-test}
data=${4:-data}
shopt -s nullglob
seeds=("${exp}"/seed* "${exp}"/full/seed*)
if [ ${#seeds[@]} -eq 0 ]; then
    echo "archive_scores.sh: error: $1/${exp} has no seed*; give the folder of results as the second word" >&2
    exit 1
fi
# No journals of the scoring, no audio; o[ai]_*.json are the chosen weights of observation adding.
find "${seeds[@]}" "${data}/${set_name}_noisy" \( -path "*/decode_${set_name}/*/scores/*" -o -path "*/decode_${set_name}/*/text" \
    -o -path "${exp}/*seed*/metrics.csv" -o -path "${exp}/*seed*/o[ai]_*.json" \
    -o -path "${data}/*/utt2*" -o -path "${data}/*/text" -o -path "${data}/*/wav.scp" \) \
    -type f ! -name "*.jsonl" ! -path "*/.*" -print0 | sort -z |
    tar --null --files-from=- --transform="s,^${exp}/,exp/,;s,^${data}/,data/," --owner=0 --group=0 --mtime=@0 -cJf scores.tar.xz.part
mv scores.tar.xz.part scores.tar.xz
echo "$(readlink -f scores.tar.xz): $(tar -tJf scores.tar.xz | wc -l) files, $(stat -c %s scores.tar.xz) bytes"
