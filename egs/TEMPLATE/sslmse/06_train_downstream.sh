# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the recognition heads on the frozen SSL models, on clean speech (those of @noise: mixed with noise).
for seed in ${seeds}; do
    for recognizer in ${recognizers}; do
        if [[ ${recognizer} != ssl* ]]; then continue; fi
        config=${asr_config} data=(--data.valid "${datadir}/${valid_set}")
        if [[ ${recognizer} == *@noise ]]; then
            config=${asr_config%.yaml}_noise.yaml
            data=(--data.noise "${datadir}/noise_${train_set}" --data.valid "${datadir}/${valid_set}_noisy")
        fi
        train_job "ds_${recognizer}" "${seed}" "${config}" "${data[@]}" \
            --model.upstream "$(upstream_of "$(upstream_name "${recognizer}")" "${seed}")"
    done
done
run_jobs train
