# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# Write the result table and the page with curves, spectrograms and audio.
# Always made anew: it reads all seeds and systems that are there, also those of earlier runs.
for set in ${test_sets}; do
    if "${dry_run}"; then break; fi
    folder=$(report_of "${set}")
    mkdir -p "${folder}"
    options=()
    # A table or figure has its own rows and recognisers; the scores of other seeds may know more of them.
    if [ -n "${part}" ]; then options+=(--systems "$(table_systems)" --recognizers "${recognizers// /,}"); fi
    # Folders of earlier runs may have observation adding where this one has none.
    if [ -z "${oa_weights-0}" ]; then options+=(--without-oa); fi
    # Those of a table or figure, where there are such, stand in place of the recipe's.
    for file in "${remarks%.txt}_${part}.txt" "${remarks}"; do
        if [ -f "${file}" ]; then
            options+=(--remarks "${file}")
            break
        fi
    done
    if [ -n "${analyses:-}" ]; then options+=(--analyses "${analyses}"); fi
    sslse report --exp "${expdir}" --set "${set}" --out "${folder}" --data "${datadir}/${set}_noisy" \
        --title "${title}${table:+: Table ${table}}${figure:+: Figure ${figure}}" --paper "${paper}${part:+/${part#table_}}" --command "${SSLSE_COMMAND:-./run.sh}" "${options[@]}" > "${folder}/table.txt"
done
