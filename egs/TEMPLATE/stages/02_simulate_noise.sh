# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Mix the validation and test speech with noises of their own.
read -ra sets <<< "${valid_set} ${test_sets}"
for set in "${sets[@]}"; do
    job "simulate ${set}" "${datadir}/${set}_noisy" \
        sslse simulate --speech "${datadir}/${set}" --noise "${datadir}/noise_${set}" \
        --out "${datadir}/${set}_noisy" --config "${simulate_config}" --seed "${simulate_seed}" \
        --nj "$(share ${#sets[@]})"
done
run_jobs
