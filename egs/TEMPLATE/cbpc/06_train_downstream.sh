# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# Train the recogniser of MCT-all on clean, noisy and enhanced speech.
if "${mct_all}"; then
    for seed in ${seeds}; do
        folder=${expdir}/seed${seed}/mct_all/enhanced
        job "enhanced training speech seed ${seed}" "${folder}" \
            "${SSLSE_ROOT}/utils/enhance_set.sh" "${datadir}/${train_set}_noisy" "${folder}" \
            "${expdir}/seed${seed}/se_pretrain/enhancer"
    done
    run_jobs
    for seed in ${seeds}; do
        train_asr_job mct_all "${seed}" "${expdir}/seed${seed}/mct_all/asr" "${datadir}/${train_set}" \
            "${datadir}/${train_set}_noisy" "${expdir}/seed${seed}/mct_all/enhanced"
    done
    run_jobs train
fi
