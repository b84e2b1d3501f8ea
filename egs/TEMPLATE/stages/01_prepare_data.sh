# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Make and check the data directories of the corpus.
options=()
if [ -n "${recorded}" ]; then options=(--recorded "${recorded}"); fi
# shellcheck disable=SC2086 # local_data_opts is a list of words
job_keep=keep job prepare_data "${datadir}" "${SSLSE_ROOT}/utils/prepare_data.sh" \
    --datadir "${datadir}" --nj "${nj}" --sets "${train_set} ${valid_set} ${test_sets}" "${options[@]}" ${local_data_opts}
run_jobs
if [ -n "${tasks:-}" ] && [ -x local/task_data.sh ]; then
    # What back-ends other than recognisers need, where the corpus' own script makes it not.
    # shellcheck disable=SC2086 # a list of words
    job_keep=keep job task_data "${datadir}/tasks" \
        local/task_data.sh --datadir "${datadir}" --nj "${nj}" ${local_data_opts}
    run_jobs
fi
