# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Score every enhanced set: signal metrics, perceptual metrics, word errors, errors of the other tasks.
if [[ ${metrics} == *pesq* ]] && ! python -c 'import pesq' 2> /dev/null; then
    log "PESQ is left out: it is not installed (a C compiler was missing; see tools/install.sh)"
    metrics=${metrics/pesq/}
fi
# score_all_job SEED SYSTEM SET OA
score_all_job() {
    # shellcheck disable=SC2046 # words
    score_job "$@" "${metrics}" $(task_scores "$@")
}

for seed in ${seeds}; do
    for set in ${test_sets}; do
        for system in noisy clean; do score_all_job "${seed}" "${system}" "${set}" 0; done
        for system in $(enhancer_systems); do
            for oa in $(chosen_oa "${seed}" "${system}"); do score_all_job "${seed}" "${system}" "${set}" "${oa}"; done
        done
    done
done
run_jobs
