# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Recognise noisy speech; the language model's weight is chosen on the validation set.
if uses_recognizer lm; then
    for seed in ${seeds}; do
        for system in ${systems}; do
            for weight in ${lm_weights}; do recognize_job "${seed}" "${system}" "${valid_set}" lm "${weight}"; done
        done
    done
    run_jobs
    if ! "${dry_run}"; then
        for seed in ${seeds}; do
            for system in ${systems}; do
                folder=$(decoded "${seed}" "${system}" "${valid_set}" 0)
                # shellcheck disable=SC2086 # words
                python "${SSLSE_ROOT}/utils/best_hypotheses.py" "${datadir}/${valid_set}_noisy/text" \
                    "${folder}" ${lm_weights} > "${expdir}/seed${seed}/${system}/.lm_weight.tmp"
                mv "${expdir}/seed${seed}/${system}/.lm_weight.tmp" "${expdir}/seed${seed}/${system}/lm_weight"
            done
        done
    fi
fi
for set in ${test_sets}; do
    for seed in ${seeds}; do
        for system in ${systems}; do
            for recognizer in ${recognizers}; do recognize_job "${seed}" "${system}" "${set}" "${recognizer}" ""; done
        done
    done
done
run_jobs
