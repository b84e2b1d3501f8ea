# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Score the words of every system.
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in ${systems}; do score_job "${seed}" "${system}" "${set}" 0 ""; done
    done
done
run_jobs
