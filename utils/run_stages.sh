# shellcheck shell=bash
# The stage loop and what a stage file calls, run_planned and run_beside_next. Sourced by egs/TEMPLATE/pipeline.sh.
#
# A stage file is NN_name.sh: NN is its number, the comment on its first lines says what it does.

utils_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=log.sh
. "${utils_dir}/log.sh"
# run_planned STEP...: run the jobs that the plan has for this stage, or for steps of it, on what cmd.sh chose.
run_planned() {
    local jobs launcher=("${utils_dir}/run_jobs.py" --logdir "${expdir:?}/log/${stage_label:?}" --nj "${nj:?}" --cores "${cores:?}"
        --backend "${SSLSE_BACKEND:-local}" --heartbeat "${heartbeat:-30}"
        "--sbatch-train=${SSLSE_SBATCH_TRAIN:-}" "--sbatch-cpu=${SSLSE_SBATCH_CPU:-}"
        "--sbatch-gpu=${SSLSE_SBATCH_GPU:-${SSLSE_SBATCH_TRAIN:-}}" --jobs-per-gpu "${SSLSE_JOBS_PER_GPU:-1}")
    if "${force:-false}"; then launcher+=(--force); fi
    if "${dry_run:-false}"; then launcher+=(--dry-run); fi
    if [ $# -eq 0 ]; then set -- "${stage_label#*_}"; fi
    jobs=$(plan "$@")
    if [ -n "${jobs}" ]; then python "${launcher[@]}" <<< "${jobs}"; fi
}

# run_beside_next: run the jobs of this stage, and beside them those of the stage with the next number, if this run has
# it; that stage finds them done. So no core waits for the longest training of a stage.
run_beside_next() {
    local next=${stage_files[stage_index + 1]:-} number=$((10#${stage_label:0:2} + 1)) names=("${stage_label#*_}")
    next=${next##*/} && next=${next%.sh}
    if [[ ${next} == $(printf %02d "${number}")_* ]] && ! "${dry_run:-false}"; then names+=("${next#*_}"); fi
    run_planned "${names[@]}"
}

# steps_of FILE...: the steps that stage files plan.
steps_of() {
    local file name step
    for file in "$@"; do
        name=${file##*/[0-9][0-9]_}
        sed -nE 's/^ *run_(planned|beside_next) *//p' "${file}" | while IFS= read -r step; do
            echo "${step:-${name%.sh}}"
        done
    done
}

# time_left FILE...: what these stages may still take, by the `minutes` of the recipe and the pace of this run.
time_left() {
    local steps jobs
    if [[ ${train_args:-} == *max_steps* ]]; then return; fi  # the minutes are of other trainings
    mapfile -t steps < <(steps_of "$@")
    jobs=$(plan "${steps[@]}" 2> /dev/null)  # what is to be said of a stage is said when it runs
    python "${utils_dir}/time_left.py" "${expdir}/log/pace" "${cores}" <<< "${jobs}"
}

# list_stages FOLDER...: the stage files of the folders from --stage to --stop_stage, without --skip_stages. Where two
# folders have a stage of one number, that of the later folder is listed.
list_stages() {
    local folder file name number
    local -A file_of=()
    for folder in "$@"; do
        for file in "${folder}"/[0-9][0-9]_*.sh; do
            if [ -f "${file}" ]; then name=${file##*/} && file_of[${name:0:2}]=${file}; fi
        done
    done
    for name in "${!file_of[@]}"; do
        number=$((10#${name}))
        if [ "${number}" -ge "${stage:?}" ] && [ "${number}" -le "${stop_stage:?}" ] &&
            [[ " ${skip_stages:-} " != *" ${number} "* ]]; then
            echo "${name} ${file_of[${name}]}"
        fi
    done | sort | cut -d ' ' -f 2-
}

# begin_stage INDEX FILE...: say which of the files begins, what it does and what time is left.
begin_stage() {
    local index=$1 names summary
    shift
    names=("${@##*/}") && names=("${names[@]%.sh}")
    stage_label=${names[index]}
    names=("${names[@]#*_}")
    summary=$(sed -n '/^# [A-Z]/{s/^# //p;q}' "${@:index+1:1}")
    log "Stage $((10#${stage_label:0:2})) ${names[index]}: ${summary} ($((index + 1)) of $#$(time_left "${@:index+1}"))"
}
