# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# Score the trajectories or trials, and the enhanced speech of the systems that enhance.
for set in ${test_sets}; do
    noisy=${datadir}/${set}_noisy
    for seed in ${seeds}; do
        # Noisy speech has a row of signal metrics, too: its own scores folder.
        # shellcheck disable=SC2046 # words
        job "score noisy seed ${seed} ${set}" "$(decoded "${seed}" noisy "${set}" 0)/scores" \
            sslse score --reference "${noisy}" --enhanced "${noisy}/wav.scp" $(metric_options "${metrics}") --nj 1 \
            --out "$(decoded "${seed}" noisy "${set}" 0)/scores"
        for system in $(all_systems); do
            folder=$(decoded "${seed}" "${system}" "${set}" 0)
            options=(--tv "${folder}/tv/tv.scp")
            if verifies "${system}"; then
                options=(--trials "sv=${folder}/verify/scores" --trial-list "$(trials_of "${set}")/trials")
            fi
            source=$(enhanced_by "${system}")
            if [ -n "${source}" ]; then
                # shellcheck disable=SC2207 # words
                options+=(--enhanced "$(decoded "${seed}" "${source}" "${set}" 0)/wav.scp" $(metric_options "${metrics}"))
            fi
            job "score ${system} seed ${seed} ${set}" "${folder}/scores" \
                sslse score --reference "${noisy}" --out "${folder}/scores" --nj 1 "${options[@]}"
        done
    done
done
run_jobs
