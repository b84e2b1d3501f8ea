# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Mix the validation and test speech with noises of their own.
sets=()
for set in ${valid_set} ${test_sets} ${more_sets:-}; do
    if ! is_recorded "${set}"; then sets+=("${set}"); fi
done
num_jobs=${#sets[@]}
if [ -f "${conditions}" ]; then num_jobs=$((1 + $(grep -c '^[^#]' "${conditions}") * (num_jobs - 1))); fi
declare -A parts=()
for set in "${sets[@]}"; do
    noisy=${datadir}/${set}_noisy
    if [ "${set}" = "${valid_set}" ] || [ ! -f "${conditions}" ]; then
        simulate_job "${num_jobs}" "${set}" "${datadir}/noise_${set}" "${noisy}"
        continue
    fi
    # The same speech in every condition: one set, whose utterances are named after their conditions.
    while read -r condition noise settings; do
        options=(--condition "${condition}")
        for setting in ${settings}; do options+=(--set "${setting}"); done
        simulate_job "${num_jobs}" "${set}" "${datadir}/noise_${set}${noise#-}" "${noisy}_${condition}" "${options[@]}"
        parts[${set}]+=" ${noisy}_${condition}"
    done < <(sed -n '/^[^#]/p' "${conditions}")
done
run_jobs
for set in "${!parts[@]}"; do
    # shellcheck disable=SC2086 # a list of folders
    job "combine ${set}" "${datadir}/${set}_noisy" \
        "${SSLSE_ROOT}/utils/combine_data.sh" "${datadir}/${set}_noisy" ${parts[${set}]}
done
run_jobs
