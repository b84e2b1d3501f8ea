# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from options.sh and the system's script
# What every system's script ends with: read the options, run the stages, print the result. Sourced.
#
# The stages of system S are stages/NN_name.sh (shared) and S/NN_name.sh; of two with one number S's own runs.
# A script may define check_system_options (called after the options are read).

command_line=$*
system_name=$(basename "${BASH_SOURCE[1]}" .sh)
# shellcheck source=/dev/null
. ./path.sh
parse_options_scripts=("${BASH_SOURCE[1]}" "${template}/options.sh")
# shellcheck source=../../utils/parse_options.sh
. "${SSLSE_ROOT}/utils/parse_options.sh"
# shellcheck source=../../utils/run_stages.sh
. "${SSLSE_ROOT}/utils/run_stages.sh"
# shellcheck source=/dev/null
. ./cmd.sh

[ ${#positional[@]} -eq 0 ] || parse_options_error "'${positional[0]}' is no option (--help lists all options)"
part=${table:+table_${table}}${figure:+figure_${figure}}
if [ -n "${table}" ] && [ -n "${figure}" ]; then parse_options_error "--table and --figure: give one of them"; fi
# What the recipe sets, then what the table sets; the command line is stronger than both.
if [ -f conf/options ]; then parse_options_file conf/options; fi
if [ -n "${part}" ]; then parse_options_file "conf/${part}"; fi
check_integer stage stop_stage nj heartbeat simulate_seed
for word in ${max_utts}; do
    if [[ ! ${word} =~ ^[a-z_]+=[1-9][0-9]*$ ]]; then parse_options_error "--max_utts: '${word}' is no METRIC=NUMBER, such as dnsmos=40"; fi
done
if declare -F check_system_options > /dev/null; then check_system_options; fi
if [ "${nj}" -eq 0 ]; then nj=$(nproc); fi

# shellcheck source=words.sh
. "${template}/words.sh"
if [ -f "${template}/${system_name}/words.sh" ]; then
    # shellcheck source=/dev/null
    . "${template}/${system_name}/words.sh"
fi

if ! "${dry_run}"; then
    # Two runs in one folder would write the same files. The lock ends with this process.
    mkdir -p "${expdir}"
    exec 9>> "${expdir}/.lock"
    flock -w 15 9 || die "another run is at work in ${PWD}/${expdir}; wait for it, or choose another --expdir"
fi

on_exit() {
    local status=$?
    if [ "${status}" -ne 0 ] && [ -n "${stage_label:-}" ]; then
        {
            log "Stage ${stage_label} did not finish (exit status ${status})."
            echo "You can resume with: ${SSLSE_COMMAND:-$0 ${command_line}}"
        } >&2
    fi
}
trap on_exit EXIT

log "$(sslse doctor --one-line); $(nproc) cores, ${nj} jobs at a time (${SSLSE_BACKEND:-local})"
run_stages "${template}/stages" "${template}/${system_name}"
if "${dry_run}"; then exit 0; fi
log "Finished."
for set in ${test_sets}; do
    folder=$(report_of "${set}")
    if [ -f "${folder}/table.txt" ]; then
        printf '\n%s\n' "$(cat "${folder}/table.txt")"
        printf '\nReport: %s\n' "$(readlink -f "${folder}")/index.html"
    fi
done
