# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the heads of recognition and the other tasks on the frozen SSL models, on clean speech (@noise: mixed with noise).
for seed in ${seeds}; do
    for head in $(heads); do
        config=${asr_config}
        # shellcheck disable=SC2059 # the name of the configuration is a format
        if [[ ${head} != ssl* ]]; then config=$(printf "${task_configs}" "$(task_kind "${head}")"); fi
        # shellcheck disable=SC2046 # words
        train_job "ds_${head}" "${seed}" "${config}" $(head_data "${head}") \
            --model.upstream "$(upstream_of "$(upstream_name "${head}")" "${seed}")"
    done
done
run_jobs train
