# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Enhance, recognise and do the other tasks; the observation-adding weight is chosen on the validation set.
# for_each_decoded WORD SET WEIGHTS...: a job for every seed, trained enhancer and weight.
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

# Tasks on their own test set, or on this one.
task_jobs() {
    local task
    for task in ${tasks}; do
        if [ "$(task_set "${task}" test "$3")" = "$3" ]; then task_job "$@" "${task}"; fi
    done
}

score_words_job() {
    score_job "$@" ""
}

read -ra weights <<< "${oa_weights}"
if [ ${#weights[@]} -gt 1 ] && [ -z "${se_exp}" ]; then
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
fi
for task in ${tasks}; do
    if [ "$(task_kind "${task}")" = sd ]; then
        for seed in ${seeds}; do turns_job "${seed}" "${task}"; done
    fi
done
for set in $(task_test_sets); do for_each_decoded enhance_job "${set}"; done
run_jobs
for set in ${test_sets}; do for_each_decoded recognize_jobs "${set}"; done
run_jobs
for set in $(task_test_sets); do for_each_decoded task_jobs "${set}"; done
run_jobs
