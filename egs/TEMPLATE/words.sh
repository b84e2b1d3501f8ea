# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from the system's script
# The words that the stages of several systems use: each command with its options stands here once.

recognizers=${recognizers-}  # none where the system's script has no such option

# train_job NAME SEED CONFIG OPTIONS...: train or continue one system.
train_job() {
    local folder=${expdir}/seed$2/$1
    # shellcheck disable=SC2086 # train_args is a list of words
    job "$1 seed $2" "${folder}" \
        sslse train --config "$3" --exp "${folder}" --seed "$2" --data.train "${datadir}/${train_set}" \
        "${@:4}" ${train_args}
}

# Where noises and the noisy validation set are, for the systems that mix on the fly.
mixture_data() {
    if ! is_recorded "${train_set}"; then echo "--data.noise ${datadir}/noise_${train_set}"; fi
    echo "--data.valid ${datadir}/${valid_set}_noisy"
}

# is_recorded SET: whether local/data.sh made the noisy speech of the set.
is_recorded() {
    [[ " ${recorded} " == *" $1 "* ]]
}

# simulate_job COUNT SET NOISE OUT OPTIONS...: noisy speech of a set, one of COUNT jobs at once.
simulate_job() {
    job "simulate ${4##*/}" "$4" \
        sslse simulate --speech "${datadir}/$2" --noise "$3" --out "$4" \
        --config "${simulate_config}" --seed "${simulate_seed}" --nj "$(share "$1")" "${@:5}"
}

# decoded SEED SYSTEM SET OA: the folder of one enhanced set.
decoded() {
    echo "${expdir}/seed$1/$2/decode_$3/oa$4"
}

# enhance_job SEED SYSTEM SET OA: enhanced speech; the systems "noisy" and "clean" take the files as they are.
enhance_job() {
    local folder noisy=${datadir}/$3_noisy
    folder=$(decoded "$@")
    case $2 in
        noisy) set -- "$@" cp "${noisy}/wav.scp" "${folder}/wav.scp" ;;
        clean) set -- "$@" cp "${noisy}/spk1.scp" "${folder}/wav.scp" ;;
        *) set -- "$@" sslse enhance "${noisy}/wav.scp" -o "${folder}" --model "${se_exp:-${expdir}}/seed$1/$2/enhancer" --oa "$4" ;;
    esac
    job "$2 seed $1 $3 oa$4" "${folder}" "${@:5}"
}

# share COUNT: the processes that each of COUNT jobs at once may use.
share() {
    echo $((nj > $1 ? nj / $1 : 1))
}

# metric_options METRICS: what `sslse score` computes, with the limits of those metrics.
metric_options() {
    local limit
    echo "--metrics ${1// /,}"
    for limit in ${max_utts}; do
        if [[ " $1 " == *" ${limit%%=*} "* ]]; then echo "--max-utts ${limit}"; fi
    done
}

# score_job SEED SYSTEM SET OA METRICS OPTIONS...: metrics per utterance and the word errors of every recogniser. Other
# metrics or recognisers than before, as tables ask for, change the columns; what is known of the signals stays.
score_job() {
    local folder recognizer options=()
    folder=$(decoded "$@")
    # shellcheck disable=SC2207 # words
    if [ -n "$5" ]; then options+=(--enhanced "${folder}/wav.scp" $(metric_options "$5")); fi
    for recognizer in ${recognizers}; do
        options+=(--hyp "${recognizer}=${folder}/hyp_${recognizer}/text")
        # Its words are digits and one spelling: the reference must be, too.
        if [ "${recognizer}" = whisper ]; then options+=(--normalize "whisper=${whisper_model}"); fi
    done
    if [ $((${#options[@]} + $#)) -eq 5 ]; then return; fi
    job_keep=update job "score $2 seed $1 $3 oa$4" "${folder}/scores" \
        sslse score --reference "${datadir}/$3_noisy" --out "${folder}/scores" --nj 1 "${options[@]}" "${@:6}"
}

# table_systems: the rows of a table, with commas between.
table_systems() {
    # shellcheck disable=SC2046 # words
    printf '%s,' clean noisy $(enhancer_systems) | sed 's/,$//'
}

# report_of SET: the folder of its report.
report_of() {
    local folder=${expdir}/report${part:+/${part}}
    if [ "${test_sets}" = "$1" ]; then echo "${folder}"; else echo "${folder}/$1"; fi
}
