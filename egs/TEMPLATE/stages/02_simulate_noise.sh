# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Mix the validation and test speech with noises of their own.
read -ra sets <<< "${valid_set} ${test_sets}"
num_jobs=${#sets[@]}
if [ -f "${conditions}" ]; then
    num_jobs=$((1 + $(grep -c '^[^#]' "${conditions}") * (num_jobs - 1)))
fi
combined=()
for set in "${sets[@]}"; do
    noisy=${datadir}/${set}_noisy
    if [ "${set}" = "${valid_set}" ] || [ ! -f "${conditions}" ]; then
        simulate_job "${set}" "${datadir}/noise_${set}" "${noisy}"
    else
        # The same speech in every condition: one set, whose utterances are named after their conditions.
        combined+=("${set}")
        while read -r condition noise settings; do
            # shellcheck disable=SC2086 # settings are words
            simulate_job "${set}" "${datadir}/noise_${set}${noise#-}" "${noisy}_${condition}" \
                --condition "${condition}" ${settings:+$(printf -- '--set %s ' ${settings})}
        done < <(sed -n '/^[^#]/p' "${conditions}")
    fi
done
run_jobs
for set in "${combined[@]}"; do
    folders=()
    for condition in $(sed -n 's/^\([^# ][^ ]*\).*/\1/p' "${conditions}"); do
        folders+=("${datadir}/${set}_noisy_${condition}")
    done
    job "combine ${set}" "${datadir}/${set}_noisy" \
        "${SSLSE_ROOT}/utils/combine_data.sh" "${datadir}/${set}_noisy" "${folders[@]}"
done
run_jobs
