# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# Score every system: quality of what its recogniser hears, and word errors.
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in $(all_systems); do
            # MCT-all hears what the pre-trained enhancer made, whose quality is in that row.
            if [ "${system}" = mct_all ]; then measured= ; else measured=${metrics}; fi
            score_job "${seed}" "${system}" "${set}" 0 "${measured}"
        done
    done
done
run_jobs
