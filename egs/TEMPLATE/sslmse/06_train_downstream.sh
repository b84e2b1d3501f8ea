# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the recognition heads on the frozen SSL models, on clean speech.
for seed in ${seeds}; do
    valid=(--data.valid "${datadir}/${valid_set}")
    if uses_recognizer ssl; then
        train_job ds_ssl "${seed}" "${asr_config}" "${valid[@]}" --model.upstream "$(upstream_of "${seed}")"
    fi
    if uses_recognizer ssl_other; then
        train_job ds_ssl_other "${seed}" "${asr_config}" "${valid[@]}" --model.upstream "$(other_upstream_of "${seed}")"
    fi
done
run_jobs train
