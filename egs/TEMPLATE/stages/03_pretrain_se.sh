# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Pre-train the enhancer on its own.
for seed in ${seeds}; do
    # shellcheck disable=SC2046 # words
    train_job se_pretrain "${seed}" "${se_config}" $(mixture_data)
done
run_jobs train
