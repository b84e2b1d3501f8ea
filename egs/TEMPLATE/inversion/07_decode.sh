# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# Enhance where a system enhances; predict tract variables, or score trials, from noisy (cascade: enhanced) speech.
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in $(enhancer_systems); do enhance_job "${seed}" "${system}" "${set}" 0; done
    done
    if verifies "${systems}"; then
        job "trials of ${set}" "$(trials_of "${set}")" python "${SSLSE_ROOT}/utils/make_trials.py" \
            "${datadir}/${set}_noisy" "$(trials_of "${set}")/trials" "${max_trials}"
    fi
done
run_jobs
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in $(all_systems); do
            input=${datadir}/${set}_noisy/wav.scp model=${system}
            if [ "${system}" = cascade ]; then
                input=$(decoded "${seed}" se "${set}" 0)/wav.scp
                model=si_clean
            fi
            if verifies "${system}"; then
                folder=$(decoded "${seed}" "${system}" "${set}" 0)/verify
                job "${system} seed ${seed} ${set}" "${folder}" \
                    sslse verify --model "${expdir}/seed${seed}/${system}/model" --data "${datadir}/${set}_noisy" \
                    --trials "$(trials_of "${set}")/trials" --out "${folder}"
                continue
            fi
            folder=$(decoded "${seed}" "${system}" "${set}" 0)/tv
            job "${system} seed ${seed} ${set}" "${folder}" \
                sslse predict "${input}" --model "${expdir}/seed${seed}/${model}/model" -o "${folder}"
        done
    done
done
run_jobs
