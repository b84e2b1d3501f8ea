# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# Train the SSL model that all systems share and start from.
if [ -z "${upstream_model}" ]; then
    for seed in ${seeds}; do
        # shellcheck disable=SC2046 # words
        train_job upstream "${seed}" "${upstream_config}" $(mixture_data)
    done
fi
run_jobs train
