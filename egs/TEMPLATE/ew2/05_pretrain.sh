# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Pre-train wav2vec 2.0 with its branches: contrastive loss on clean (or noisy) targets, with the enhancer's loss.
for seed in ${seeds}; do
    for name in $(pretrainings); do
        model_options "${name}" "${seed}"
        case ${name} in w2v2*) options+=(--model.target noisy --model.consistency_weight 0) ;; esac
        case ${name} in
            *_clean) options+=(--data.noise_probability 0) ;;
            *_novq) options+=(--model.quantize false) ;;
            *_noconsistency) options+=(--model.consistency_weight 0) ;;
        esac
        if [ -n "${public_model}" ]; then options+=(--init-param "${public_model}"); fi
        # shellcheck disable=SC2046 # words
        train_job "pt_${name}" "${seed}" "${pretrain_config}" $(mixture_data) "${options[@]}"
    done
done
run_jobs train
