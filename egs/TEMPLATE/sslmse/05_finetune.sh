# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# Fine-tune the enhancer, once for every loss that is compared.
for seed in ${seeds}; do
    for name in ${finetune_systems}; do
        # The last weights, not the best: the systems are compared after equally many steps.
        options=(--init-param "${expdir}/seed${seed}/se_pretrain/enhancer" --average-best 0)
        criterion=${name%%@*}
        # NAME@0.3: the weight of the SNR loss against the other.
        if [ "${criterion}" != "${name}" ]; then options+=(--model.alpha "${name#*@}"); fi
        if [[ ${criterion} == ssl_mse* ]]; then
            options+=(--model.upstream "$(upstream_of "$(upstream_name "${criterion}")" "${seed}")")
            criterion=ssl_mse
        fi
        if [ "${criterion}" = asr ]; then
            options+=(--model.asr "${logmel_model:-${expdir}/seed${seed}/asr_logmel}")
        fi
        # shellcheck disable=SC2046,SC2059 # words; the name of the configuration is a format
        train_job "ft_${name}" "${seed}" "$(printf "${finetune_configs}" "${criterion}")" $(mixture_data) "${options[@]}"
    done
done
run_jobs train
