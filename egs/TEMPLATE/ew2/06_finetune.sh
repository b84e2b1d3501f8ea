# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Fine-tune the whole models with CTC on noisy speech; they keep the branches of their pre-training.
for seed in ${seeds}; do
    for name in ${systems}; do
        source=$(pretraining_of "${name}")
        if [ -n "${source}" ]; then
            config=${finetune_config}
            options=(--model.branches "$(branches_of "${name}")"
                --init-param "${expdir}/seed${seed}/pt_${source}/robust_wav2vec2")
        else
            config=${scratch_config}
            model_options "${name}" "${seed}"
        fi
        case ${name} in
            *_frozen_encoder) options+=(--model.update_feature_encoder false) ;;
            *_frozen_se) options+=(--model.update_enhancer false) ;;
            *_tuned_clean) options+=(--data.noise_probability 0) ;;
        esac
        # shellcheck disable=SC2046 # words
        train_job "${name}" "${seed}" "${config}" $(mixture_data) "${options[@]}"
    done
done
run_jobs train
