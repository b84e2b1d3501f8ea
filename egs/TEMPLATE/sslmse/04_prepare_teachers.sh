# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Train the SSL models and the log-mel recogniser, on clean speech.
trained=()
for seed in ${seeds}; do
    for name in $(upstream_names); do
        owner=${seed}
        if [ "${name}" = other ]; then owner=$(next_seed "${seed}"); fi
        model=$(upstream_of "${name}" "${seed}")
        folder=${model#"${expdir}/seed${owner}/"}
        # A model from elsewhere needs no training; that of another seed may stand in the list twice.
        if [ "${folder}" != "${model}" ] && [[ " ${trained[*]} " != *" ${owner}/${folder} "* ]]; then
            trained+=("${owner}/${folder}")
            config=${upstream_config}
            if [ "${folder}" != upstream/upstream ]; then config=${config%.yaml}_${name}.yaml; fi
            # shellcheck disable=SC2046 # words
            train_job "${folder%/upstream}" "${owner}" "${config}" $(mixture_data)
        fi
    done
done
if needs_logmel; then
    for seed in ${seeds}; do
        # shellcheck disable=SC2086 # logmel_args is a list of words
        job "asr_logmel seed ${seed}" "${expdir}/seed${seed}/asr_logmel" \
            python -m sslse.recognizers.train_espnet --config "${logmel_config}" \
            --train "${datadir}/${train_set}" --valid "${datadir}/${valid_set}" \
            --exp "${expdir}/seed${seed}/asr_logmel" --seed "${seed}" ${logmel_args}
    done
fi
run_jobs train
