#!/usr/bin/env bash
# Makes a recipe's report, its claims and intervals again from the scores that archive_scores.sh kept: they are unpacked, and
# the recipe's own stage 9 reports them. Nothing is trained. Audio is not kept, so there are no examples to hear.
#
# Usage: report_scores.sh RECIPE DIR [OPTION OF run.sh ...], such as egs/an4/cbpc exp/scores --table frozen --seeds "0 1 2"
#   RECIPE: a folder with a scores.tar.xz; DIR: a new folder; the report is in DIR/exp/report,
#   of --full true in DIR/exp/full/report where both are in the archive
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "report_scores.sh: error: give the folder of the recipe, such as egs/an4/cbpc, and a new one for the report" >&2
    exit 2
fi
recipe=$1
dir=$(readlink -m "$2")
shift 2
if [ ! -f "${recipe}/scores.tar.xz" ]; then
    echo "report_scores.sh: error: ${recipe} has no scores.tar.xz; utils/archive_scores.sh makes one" >&2
    exit 1
fi
if [ -e "${dir}" ]; then
    echo "report_scores.sh: error: ${dir} is there already; name a new folder, or remove it first" >&2
    exit 1
fi
mkdir -p "${dir}"
tar -xJf "${recipe}/scores.tar.xz" -C "${dir}"
exp=${dir}/exp
if [[ " $* " == *" --full"[=\ ]"true "* && -d ${exp}/full ]]; then
    exp=${exp}/full
fi
cd "${recipe}"
# What stands last wins.
./run.sh --stage 9 --stop_stage 9 --examples 0 --more_examples 0 --datadir "${dir}/data" --expdir "${exp}" "$@"
