# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# Fine-tune in noise from clean-trained inversion; the cascade with its separate enhancement.
for seed in ${seeds}; do
    for name in ${finetune_systems}; do
        options=(--model.upstream "$(upstream_of "${seed}")" --init-param "${expdir}/seed${seed}/si_clean/model")
        if [ "${name}" = cascade ]; then options+=(--model.front "${expdir}/seed${seed}/se/enhancer"); fi
        # shellcheck disable=SC2046,SC2059 # words; the name of the configuration is a format
        train_job "ft_${name}" "${seed}" "$(printf "${finetune_configs}" "${name}")" $(mixture_data) "${options[@]}"
    done
done
run_jobs train
