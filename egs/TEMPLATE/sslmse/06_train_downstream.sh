# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the recognition heads on the frozen SSL models, on clean speech.
for seed in ${seeds}; do
    for recognizer in ${recognizers}; do
        if [[ ${recognizer} == ssl* ]]; then
            train_job "ds_${recognizer}" "${seed}" "${asr_config}" --data.valid "${datadir}/${valid_set}" \
                --model.upstream "$(upstream_of "$(upstream_name "${recognizer}")" "${seed}")"
        fi
    done
done
run_jobs train
