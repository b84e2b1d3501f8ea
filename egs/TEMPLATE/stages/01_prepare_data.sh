# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Make and check the data directories of the corpus.
# shellcheck disable=SC2086 # local_data_opts is a list of words
job_keep=keep job prepare_data "${datadir}" "${SSLSE_ROOT}/utils/prepare_data.sh" \
    --datadir "${datadir}" --nj "${nj}" --sets "${train_set} ${valid_set} ${test_sets}" ${local_data_opts}
run_jobs
