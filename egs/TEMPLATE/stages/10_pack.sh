# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Pack the enhancers with a card, ready for from_pretrained and `sslse enhance`.
for seed in ${seeds}; do
    for system in $(enhancer_systems); do
        job "pack ${system} seed ${seed}" "${expdir}/seed${seed}/${system}/packed" \
            sslse pack --exp "${expdir}/seed${seed}/${system}" --out "${expdir}/seed${seed}/${system}/packed"
    done
done
run_jobs
