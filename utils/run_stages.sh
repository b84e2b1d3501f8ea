# shellcheck shell=bash
# The stage loop and the two words of a stage file, job and run_jobs. Sourced by egs/TEMPLATE/pipeline.sh.
#
# A stage file is NN_name.sh: NN is its number, the comment on its first lines says what it does. It calls
#     job NAME FOLDER COMMAND...      as often as it has output folders, then
#     run_jobs [KIND]                 which runs them and returns when all are done. KIND: train (long, a
#                                     process each) or cpu (short, --nj processes for all of them).

utils_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=log.sh
. "${utils_dir}/log.sh"
job_keep=  # of the next jobs. "keep": the folder also holds other things; --force must not remove it
           # "update": the command brings its folder up to date, whatever options it had before
stage_jobs=()

# job NAME FOLDER COMMAND...: note a job; NUL-separated, so that no argument needs quoting.
job() {
    stage_jobs+=("$1" "$2" "${job_keep}" "$(($# - 2))" "${@:3}")
}

# run_jobs [train|cpu]: run the noted jobs with the launcher, on what cmd.sh chose.
run_jobs() {
    local launcher=("${utils_dir}/run_jobs.py" --logdir "${expdir:?}/log/${stage_label:?}" --nj "${nj:?}"
        --backend "${SSLSE_BACKEND:-local}" --heartbeat "${heartbeat:-30}")
    if [ "${1:-cpu}" = train ]; then
        launcher+=("--sbatch=${SSLSE_SBATCH_TRAIN:-}")
    else
        launcher+=(--batch "--sbatch=${SSLSE_SBATCH_CPU:-}")
    fi
    if "${force:-false}"; then launcher+=(--force); fi
    if "${dry_run:-false}"; then launcher+=(--dry-run); fi
    [ ${#stage_jobs[@]} -gt 0 ] || return 0
    # A process substitution and not a pipe: the launcher must be a child of this shell, to die with it.
    python "${launcher[@]}" < <(printf '%s\0' "${stage_jobs[@]}")
    stage_jobs=()
}

# time_left PAST LEFT: what the stages of the list LEFT may take, by conf/minutes ("NAME MINUTES" a line),
# corrected by how long those of the list PAST really took.
time_left() {
    [ -f conf/minutes ] || return 0
    awk -v past="$1" -v left="$2" -v real="$((SECONDS - log_start))" '
        BEGIN { split(past, p); split(left, l); for (i in p) is_past[p[i]]; for (i in l) is_left[l[i]] }
        $1 in is_past { before += $2 }
        $1 in is_left { after += $2 }
        END {
            minutes = after * (before > 0.5 ? real / 60 / before : 1)
            if (after) printf "; about %.0f min left", minutes < 1 ? 1 : minutes
        }' conf/minutes
}

# run_stages FOLDER...: run the stages of the folders from --stage to --stop_stage, without --skip_stages. Where two
# folders have a stage of one number, that of the later folder runs.
run_stages() {
    local folder file name number files=() names=() index summary
    local -A file_of=()
    for folder in "$@"; do
        for file in "${folder}"/[0-9][0-9]_*.sh; do
            if [ -f "${file}" ]; then name=${file##*/} && file_of[${name:0:2}]=${file}; fi
        done
    done
    while IFS= read -r file; do
        number=${file##*/} && number=$((10#${number:0:2}))
        if [ "${number}" -lt "${stage:?}" ] || [ "${number}" -gt "${stop_stage:?}" ]; then continue; fi
        if [[ " ${skip_stages:-} " == *" ${number} "* ]]; then continue; fi
        name=${file##*/[0-9][0-9]_}
        files+=("${file}") names+=("${name%.sh}")
    done < <(for number in "${!file_of[@]}"; do echo "${number} ${file_of[${number}]}"; done | sort | cut -d ' ' -f 2-)
    [ ${#files[@]} -gt 0 ] || die "no stage between --stage ${stage} and --stop_stage ${stop_stage}"
    for index in "${!files[@]}"; do
        file=${files[index]}
        stage_label=${file##*/} && stage_label=${stage_label%.sh}
        summary=$(sed -n '/^# [A-Z]/{s/^# //p;q}' "${file}")
        log "Stage $((10#${stage_label:0:2})) ${names[index]}: ${summary} ($((index + 1)) of ${#files[@]}$(
            time_left "${names[*]:0:index}" "${names[*]:index}"))"
        # shellcheck source=/dev/null
        . "${file}"
    done
    stage_label=
}
