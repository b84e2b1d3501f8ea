# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# Enhance the test sets and recognise them, each system with the recogniser that belongs to it.
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in noisy clean $(enhancer_systems); do enhance_job "${seed}" "${system}" "${set}" 0; done
    done
done
run_jobs
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in $(all_systems); do
            folder=$(decoded "${seed}" "${system}" "${set}" 0)/hyp_${recognizers}
            job "${recognizers} on ${system} seed ${seed} ${set}" "${folder}" \
                sslse decode --recognizer espnet --model "$(asr_of "${system}" "${seed}")" \
                --data "$(heard_by "${system}" "${seed}" "${set}")" --out "${folder}"
        done
    done
done
run_jobs
