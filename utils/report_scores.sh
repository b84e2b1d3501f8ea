#!/usr/bin/env bash
# Makes a recipe's report, its claims and intervals again from the scores that archive_scores.sh kept; nothing is trained.
# The page goes to exp/scores of the recipe, where no --out says otherwise.
#
# Usage: report_scores.sh RECIPE [OPTION OF sslse report ...], such as egs/an4/cbpc --table frozen
#   RECIPE: a folder with a scores.tar.xz
set -euo pipefail
if [ $# -lt 1 ]; then
    echo "report_scores.sh: error: give the folder of the recipe, such as egs/an4/cbpc" >&2
    exit 2
fi
recipe=$1
shift
if [ ! -f "${recipe}/scores.tar.xz" ]; then
    echo "report_scores.sh: error: ${recipe} has no scores.tar.xz; utils/archive_scores.sh makes one" >&2
    exit 1
fi
scores=$(mktemp -d)
trap 'rm -rf "${scores}"' EXIT
tar -xJf "${recipe}/scores.tar.xz" -C "${scores}"
data=$(echo "${scores}"/data/*_noisy) set_name=${data##*/}
# Audio is not committed, so there are no examples to hear. What stands last wins.
"$(dirname "${BASH_SOURCE[0]}")/../bin/sslse" report --exp "${scores}/exp" --set "${set_name%_noisy}" --data "${data}" \
    --method "${recipe}/../../TEMPLATE/$(basename "$(realpath "${recipe}")").yaml" --extension "${recipe}/conf/method.yaml" \
    --remarks "${recipe}/local/remarks.txt" --examples 0 --more-examples 0 --out "${recipe}/exp/scores" "$@"
