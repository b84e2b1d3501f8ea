# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# Train the recogniser on clean and noisy speech, and the acoustic tokenizer on its encoder's vectors.
simulate_job 1 "${train_set}" "${datadir}/noise_${train_set}" "${datadir}/${train_set}_noisy"
run_jobs
if [ -z "${asr_model}" ]; then
    for seed in ${seeds}; do
        train_asr_job asr "${seed}" "${expdir}/seed${seed}/asr" "${datadir}/${train_set}" "${datadir}/${train_set}_noisy"
    done
    run_jobs train
fi
if uses_tokens; then
    for seed in ${seeds}; do
        for set in "${train_set}" "${valid_set}"; do
            folder=${expdir}/seed${seed}/vectors_${set}
            # shellcheck disable=SC2086 # extract_args is a list of words
            job "vectors of ${set} seed ${seed}" "${folder}" \
                sslse extract --data "${datadir}/${set}" --encoder "$(asr_of noisy "${seed}")" --out "${folder}" ${extract_args}
        done
    done
    run_jobs
    for seed in ${seeds}; do
        folder=${expdir}/seed${seed}/clusters
        job "clusters seed ${seed}" "${folder}" \
            sslse cluster --vectors "${expdir}/seed${seed}/vectors_${train_set}" --out "${folder}" \
            --clusters "${clusters}" --seed "${seed}"
    done
    run_jobs
    for seed in ${seeds}; do
        folder=${expdir}/seed${seed}/tokenizer
        # shellcheck disable=SC2086 # train_args is a list of words
        job "tokenizer seed ${seed}" "${folder}" \
            sslse train --config "${tokenizer_config}" --exp "${folder}" --seed "${seed}" \
            --model.tokenizer "${expdir}/seed${seed}/clusters" \
            --data.train "${expdir}/seed${seed}/vectors_${train_set}" \
            --data.valid "${expdir}/seed${seed}/vectors_${valid_set}" ${train_args}
    done
    run_jobs train
fi
