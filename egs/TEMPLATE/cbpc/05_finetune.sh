# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# Train the enhancer with the recogniser, once for every system that is compared.
for seed in ${seeds}; do
    for name in ${finetune_systems}; do
        # The last weights, not the best: the systems are compared after equally many steps.
        options=(--config "${finetune_config}" --average-best 0
            --init-param "${expdir}/seed${seed}/se_pretrain/enhancer" --model.asr "$(asr_of noisy "${seed}")")
        # What one system has of its own, such as the steps of a first phase.
        own=${finetune_config%.yaml}_${name}.yaml
        if [ -f "${own}" ]; then options+=(--config "${own}"); fi
        if [[ ${name} == token* || ${name} == cbpc ]]; then
            options+=(--model.tokenizer "${expdir}/seed${seed}/tokenizer/tokenizer")
        fi
        # shellcheck disable=SC2046,SC2059 # words; the name of the configuration is a format
        train_job "ft_${name}" "${seed}" "$(printf "${joint_configs}" "${name}")" $(mixture_data) "${options[@]}"
    done
done
run_jobs train
