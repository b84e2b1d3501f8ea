# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from options.sh and the method's script
# What every method's script ends with: read the options, run the stages, print the result. Sourced.
#
# The stages of method M are stages/NN_name.sh (shared) and M/NN_name.sh; of two with one number M's own runs. What they
# run is said by M.yaml and the recipe's conf/method.yaml, through `sslse plan`.
# A script may name its options that are whole numbers in the array `integers`.

command_line=$*
method=$(basename "${BASH_SOURCE[1]}" .sh)
# shellcheck source=/dev/null
. ./path.sh
parse_options_scripts=("${BASH_SOURCE[1]}" "${template}/options.sh")
parse_options_more_help() {
    plan help
}
# plan STAGE...: the jobs of stages, or what else `sslse plan` says of these options.
plan() {
    parse_options_records |
        sslse plan "$@" --method "${template}/${method}.yaml" --extension conf/method.yaml --root "${SSLSE_ROOT}"
}
# What the method, the recipe and the table say; the command line is stronger than all.
parse_options_settle() {
    local settled
    settled=$(plan options) || exit 2
    eval "${settled}"
}
# shellcheck source=../../utils/parse_options.sh
. "${SSLSE_ROOT}/utils/parse_options.sh"
# shellcheck source=../../utils/run_stages.sh
. "${SSLSE_ROOT}/utils/run_stages.sh"
# shellcheck source=/dev/null
. ./cmd.sh

[ ${#positional[@]} -eq 0 ] || parse_options_error "'${positional[0]}' is no option (--help lists all options)"
check_integer stage stop_stage nj heartbeat simulate_seed "${integers[@]}"
parse_options_settle
if [ "${nj}" -eq 0 ]; then nj=${cores:?}; fi

if ! "${dry_run}"; then
    # Two runs in one folder would write the same files. The lock ends with this process.
    mkdir -p "${expdir}"
    exec 9>> "${expdir}/.lock"
    flock -w 15 9 || die "another run is at work in ${PWD}/${expdir}; wait for it, or choose another --expdir"
    mkdir -p "${expdir}/log"
    rm -f "${expdir}/log/pace"
fi

# The packed models, and a command that uses that of the last of the variants.
say_what_is_packed() {
    local packed=("${expdir}"/seed*/*/packed) example name
    if [ ! -d "${packed[0]}" ]; then return; fi
    example=${packed[0]}
    for name in ${variants}; do
        if [ -d "${expdir}/seed${seeds%% *}/${name}/packed" ]; then example=${expdir}/seed${seeds%% *}/${name}/packed; fi
    done
    printf '\nPacked models, to use or pass on:\n'
    printf '  %s\n' "${packed[@]}"
    printf '\nNext: %s enhance noisy.wav -o enhanced --model %s\n' "$(realpath --relative-to=. "${SSLSE_ROOT}/bin/sslse")" "${example}"
}

on_exit() {
    local status=$?
    if [ "${status}" -ne 0 ] && [ -n "${stage_label:-}" ]; then
        {
            log "Stage ${stage_label} did not finish (exit status ${status})."
            # Status 2: the same command would be refused again.
            [ "${status}" -eq 2 ] || echo "You can resume with: ${SSLSE_COMMAND:-$0 ${command_line}}"
        } >&2
    fi
}
trap on_exit EXIT

log "$(sslse doctor --one-line); ${cores} cores, ${nj} jobs at a time (${SSLSE_BACKEND:-local}), device ${device}"
mapfile -t stage_files < <(list_stages "${template}/stages" "${template}/${method}")
[ ${#stage_files[@]} -gt 0 ] || die "no stage between --stage ${stage} and --stop_stage ${stop_stage}"
# Not in a function: bash 5.2 complains when a file that a function reads ends the shell.
for stage_index in "${!stage_files[@]}"; do
    begin_stage "${stage_index}" "${stage_files[@]}"
    # shellcheck source=/dev/null
    . "${stage_files[stage_index]}"
done
stage_label=
if "${dry_run}"; then exit 0; fi
log "Finished."
while IFS= read -r folder; do
    if [ -f "${folder}/table.txt" ]; then
        printf '\n%s\n' "$(cat "${folder}/table.txt")"
        printf '\nReport: %s\n' "$(readlink -f "${folder}")/index.html"
    fi
done < <(plan report_folders)
say_what_is_packed
