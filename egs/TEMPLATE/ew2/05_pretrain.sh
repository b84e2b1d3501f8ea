# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Pre-train wav2vec 2.0 with its branches: contrastive loss on clean (or noisy) targets, with the enhancer's loss.
# pretrain_jobs GREP_OPTIONS: a job for every seed and every pre-training that grep finds.
pretrain_jobs() {
    local seed name
    for seed in ${seeds}; do
        for name in $(pretrainings | grep -E "${@}" || true); do
            model_options "${name}" "${seed}"
            case ${name} in w2v2*) options+=(--model.target noisy --model.consistency_weight 0) ;; esac
            case ${name} in
                *_clean) options+=(--data.noise_probability 0) ;;
                *_novq) options+=(--model.quantize false) ;;
                *_noconsistency) options+=(--model.consistency_weight 0) ;;
                *_othernoise) options+=(--data.noise "${datadir}/noise_other") ;;
            esac
            case ${name} in
                *_init*) options+=(--init-param "$(first_model "${seed}")" --model.add_branches true) ;;
            esac
            if [ -n "${pretrain_set}" ]; then options+=(--data.train "${datadir}/${pretrain_set}"); fi
            # shellcheck disable=SC2046 # words
            train_job "pt_${name}" "${seed}" "${pretrain_config}" $(mixture_data) "${options[@]}"
        done
    done
    run_jobs train
}

# Those that continue from one of these come after it.
pretrain_jobs -v _init
pretrain_jobs _init
