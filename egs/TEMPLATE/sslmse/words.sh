# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from sslmse.sh
# The words of the stages of SSL-MSE.

# The SSL model that comes after a seed's own: of the next seed, round the list; seed + 1 for a single seed.
next_seed() {
    local list index
    read -ra list <<< "${seeds}"
    for index in "${!list[@]}"; do
        if [ "${list[index]}" = "$1" ]; then
            if [ ${#list[@]} -eq 1 ]; then
                echo $(($1 + 1))
            else
                echo "${list[((index + 1) % ${#list[@]})]}"
            fi
        fi
    done
}

# upstream_of NAME SEED: the SSL model of a name: own (of the seed), other (of the next seed), one of
# --upstream_models, or one trained with the configuration of that name.
upstream_of() {
    local pair
    for pair in ${upstream_model:+own=${upstream_model}} ${upstream_models}; do
        if [ "${pair%%=*}" = "$1" ]; then
            echo "${pair#*=}"
            return
        fi
    done
    case $1 in
        own) echo "${expdir}/seed$2/upstream/upstream" ;;
        other) echo "${expdir}/seed$(next_seed "$2")/upstream/upstream" ;;
        *) echo "${expdir}/seed$2/upstream_$1/upstream" ;;
    esac
}

# upstream_name WORD: the SSL model in the name of a fine-tuning (ssl_mse_X), a recogniser (ssl_X) or a task (asv_X).
upstream_name() {
    local word=${1%%@*} name
    name=${word#ssl_mse}
    if [ "${name}" = "${word}" ]; then name=${word#"${word%%_*}"}; fi
    name=${name#_}
    echo "${name:-own}"
}

# heads: the recognisers and tasks that are trained here, on an SSL model.
heads() {
    local word
    for word in ${recognizers} ${tasks}; do
        if [[ ${word} =~ ^(ssl|asv|ic|ks|sid|sd)(_|@|$) ]]; then echo "${word}"; fi
    done
}

# upstream_names: the SSL models that the fine-tunings done here and the heads use.
upstream_names() {
    local word
    {
        for word in ${finetune_systems}; do
            if [ -z "${se_exp}" ] && [[ ${word} == ssl_mse* ]]; then upstream_name "${word}"; fi
        done
        for word in $(heads); do upstream_name "${word}"; done
    } | sort -u
}

# needs_logmel: whether the log-mel recogniser is to be trained, to recognise or to be in a loss.
needs_logmel() {
    if [ -n "${logmel_model}" ]; then return 1; fi
    if [[ " ${recognizers} " == *" logmel "* ]]; then return 0; fi
    [ -z "${se_exp}" ] && [[ " ${finetune_systems}" =~ " asr"(@| |$) ]]
}

# enhancer_systems: folder names of all trained enhancers.
enhancer_systems() {
    local name
    echo se_pretrain
    for name in ${finetune_systems}; do echo "ft_${name}"; done
}

# recognize_job SEED SYSTEM SET OA RECOGNIZER: its words.
recognize_job() {
    local folder model
    folder=$(decoded "$@")
    case $5 in
        ssl*) model="ctc --model ${expdir}/seed$1/ds_$5/downstream" ;;
        logmel) model="espnet --model ${logmel_model:-${expdir}/seed$1/asr_logmel}" ;;
        whisper) model="whisper --model ${whisper_model}" ;;
        *) model=$5 ;;
    esac
    # shellcheck disable=SC2086 # the kind and the folder of the recogniser are two words
    job "$5 on $2 seed $1 $3 oa$4" "${folder}/hyp_$5" \
        sslse decode --recognizer ${model} --data "${folder}/wav.scp" --out "${folder}/hyp_$5"
}

# task_kind TASK: asv of asv_large@noise.
task_kind() {
    local word=${1%%@*}
    echo "${word%%_*}"
}

# task_set TASK valid|test [SET]: the set that a task is validated or tested on, SET where it has none of its own.
task_set() {
    local pair sets
    for pair in ${task_sets}; do
        if [ "${pair%%=*}" = "$(task_kind "$1")" ]; then
            sets=${pair#*=}
            if [ "$2" = valid ]; then echo "${sets%:*}"; else echo "${sets#*:}"; fi
            return
        fi
    done
    if [ "$2" = valid ]; then echo "${valid_set}"; else echo "$3"; fi
}

# task_test_sets: the test sets, and those that tasks have of their own.
task_test_sets() {
    local task
    # shellcheck disable=SC2086 # a list of sets
    {
        printf '%s\n' ${test_sets}
        for task in ${tasks}; do task_set "${task}" test "${test_sets%% *}"; done
    } | awk '!seen[$0]++'
}

# head_data HEAD: options of the data that a head is trained on.
head_data() {
    local valid=${valid_set}
    if [[ $1 != ssl* ]]; then valid=$(task_set "$1" valid); fi
    valid=${datadir}/${valid}
    if [[ $1 == *@noise ]]; then
        echo "--config ${noise_robust_config} --data.noise ${datadir}/noise_${train_set} --data.valid ${valid}_noisy"
    else
        echo "--data.valid ${valid}"
    fi
}

# turns_job SEED TASK: threshold and filter of a diarizer, from its validation set.
turns_job() {
    local valid folder=${expdir}/seed$1/ds_$2
    valid=${datadir}/$(task_set "$2" valid)
    if [[ $2 == *@noise ]]; then valid+=_noisy; fi
    job "turns of $2 seed $1" "${folder}/turns" \
        sslse diarize --model "${folder}/downstream" --data "${valid}" --out "${folder}/turns" \
        --threshold 0.3,0.4,0.5,0.6,0.7 --median 1,11
}

# task_job SEED SYSTEM SET OA TASK: what a back-end other than a recogniser says of one enhanced set.
task_job() {
    local folder detector=${5#vad} command=() head=${expdir}/seed$1/ds_$5
    folder=$(decoded "$@")
    detector=${detector#_}
    case $(task_kind "$5") in
        asv) command=(verify --model "${head}/downstream" --trials "${datadir}/$3_noisy/trials") ;;
        sd) command=(diarize --model "${head}/downstream" --settings "${head}/turns/settings.json") ;;
        vad) command=(diarize --detector "${detector:-silero}") ;;
        *) command=(classify --model "${head}/downstream") ;;
    esac
    job "$5 on $2 seed $1 $3 oa$4" "${folder}/$5" \
        sslse "${command[@]}" --data "${folder}/wav.scp" --out "${folder}/$5"
}

# task_scores SEED SYSTEM SET OA: options of `sslse score` for the tasks.
task_scores() {
    local task set folder
    for task in ${tasks}; do
        set=$(task_set "${task}" test "$3")
        folder=$(decoded "$1" "$2" "${set}" "$4")/${task}
        case $(task_kind "${task}") in
            asv) echo "--trials ${task}=${folder}/scores" ;;
            ic) echo "--labels ${task}=${folder}/labels --label-file ${task}=utt2intent" ;;
            ks) echo "--labels ${task}=${folder}/labels --label-file ${task}=utt2label" ;;
            sid) echo "--labels ${task}=${folder}/labels --label-file ${task}=utt2spk" ;;
            sd) echo "--rttm ${task}=${folder}/rttm" ;;
            vad) echo "--vad ${task}=${folder}/rttm" ;;
        esac
        if [ "${set}" != "$3" ]; then echo "--truth ${task}=${datadir}/${set}_noisy"; fi
    done
}

# chosen_oa SEED SYSTEM: the observation-adding weights to test: 0, and the given one, or of several the one chosen on
# the validation set.
chosen_oa() {
    local weights choice=${se_exp:-${expdir}}/seed$1/$2/oa_${valid_set}.json
    read -ra weights <<< "${oa_weights}"
    echo 0
    if [ ${#weights[@]} -eq 1 ]; then
        echo "${weights[0]}"
    elif [ ${#weights[@]} -gt 1 ] && [ -f "${choice}" ]; then
        python -c 'import json, sys; print(json.load(open(sys.argv[1]))["weight"])' "${choice}" | grep -vx '0\(\.0\)\?' || true
    fi
}
