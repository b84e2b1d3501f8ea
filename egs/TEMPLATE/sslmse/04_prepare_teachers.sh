# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the SSL models and the log-mel recogniser, on clean speech.
upstream_seeds=()
for seed in ${seeds}; do
    if [ -z "${upstream_model}" ]; then upstream_seeds+=("${seed}"); fi
    if [ -z "${other_upstream_model}" ] && uses_recognizer ssl_other; then upstream_seeds+=("$(next_seed "${seed}")"); fi
done
for seed in $(printf '%s\n' "${upstream_seeds[@]}" | sort -un); do
    # shellcheck disable=SC2046 # words
    train_job upstream "${seed}" "${upstream_config}" $(mixture_data)
done
if uses_recognizer logmel && [ -z "${logmel_model}" ]; then
    for seed in ${seeds}; do
        # shellcheck disable=SC2086 # logmel_args is a list of words
        job "asr_logmel seed ${seed}" "${expdir}/seed${seed}/asr_logmel" \
            python -m sslse.recognizers.train_espnet --config "${logmel_config}" \
            --train "${datadir}/${train_set}" --valid "${datadir}/${valid_set}" \
            --exp "${expdir}/seed${seed}/asr_logmel" --seed "${seed}" ${logmel_args}
    done
fi
run_jobs train
