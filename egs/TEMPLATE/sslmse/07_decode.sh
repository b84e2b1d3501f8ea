# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Enhance and recognise; the observation-adding weight is chosen on the validation set.
# for_each WORD SET WEIGHTS...: a job for every seed, trained enhancer and weight.
for_each_decoded() {
    local word=$1 set=$2 seed system oa
    for seed in ${seeds}; do
        for system in $(enhancer_systems); do
            for oa in ${3:-$(chosen_oa "${seed}" "${system}")}; do "${word}" "${seed}" "${system}" "${set}" "${oa}"; done
        done
        if [ "${set}" != "${valid_set}" ]; then
            for system in noisy clean; do "${word}" "${seed}" "${system}" "${set}" 0; done
        fi
    done
}

recognize_jobs() {
    local recognizer
    for recognizer in ${recognizers}; do recognize_job "$@" "${recognizer}"; done
}

score_words_job() {
    score_job "$@" ""
}

for word in enhance_job recognize_jobs score_words_job; do
    for_each_decoded "${word}" "${valid_set}" "0 ${oa_weights}"
    run_jobs
done
# One weight for a system, from the words of all its seeds together.
for system in $(enhancer_systems); do
    folders=()
    for seed in ${seeds}; do folders+=("${expdir}/seed${seed}/${system}/decode_${valid_set}"); done
    if "${dry_run}"; then break; fi
    log "Word error rates of ${system} on ${valid_set} by observation-adding weight:"
    sslse select --scores "${folders[@]}"
done
for word in enhance_job recognize_jobs; do
    for set in ${test_sets}; do for_each_decoded "${word}" "${set}"; done
    run_jobs
done
