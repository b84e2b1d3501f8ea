# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# Train separate enhancement, and the systems that start from the SSL model.
for seed in ${seeds}; do
    upstream=$(upstream_of "${seed}")
    if [[ " ${finetune_systems} " == *" cascade "* ]]; then
        # shellcheck disable=SC2046 # words
        train_job se "${seed}" "${se_config}" $(mixture_data) --model.upstream "${upstream}"
    fi
    for name in ${systems}; do
        data=(--data.noise "${datadir}/noise_${train_set}" --data.valid "${datadir}/${valid_set}_noisy")
        if [[ ${name} == *_clean ]]; then data=(--data.valid "${datadir}/${valid_set}"); fi
        # shellcheck disable=SC2059 # the name of the configuration is a format
        train_job "${name}" "${seed}" "$(printf "${train_configs}" "${name}")" "${data[@]}" --model.upstream "${upstream}"
    done
done
run_jobs train
