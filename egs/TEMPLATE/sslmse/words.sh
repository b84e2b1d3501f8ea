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

# upstream_name WORD: the SSL model in the name of a fine-tuning (ssl_mse_X) or of a recogniser (ssl_X).
upstream_name() {
    local word=${1%%@*} name
    name=${word#ssl_mse}
    if [ "${name}" = "${word}" ]; then name=${word#ssl}; fi
    name=${name#_}
    echo "${name:-own}"
}

# upstream_names: the SSL models that the fine-tunings and recognisers use.
upstream_names() {
    local word
    for word in ${finetune_systems} ${recognizers}; do
        if [[ ${word} == ssl* ]]; then upstream_name "${word}"; fi
    done | sort -u
}

uses_recognizer() {
    [[ " ${recognizers} " == *" $1 "* ]]
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

# chosen_oa SEED SYSTEM: the observation-adding weights to test: 0, and the one chosen on the validation set.
chosen_oa() {
    local choice=${expdir}/seed$1/$2/oa_${valid_set}.json
    echo 0
    if [ -f "${choice}" ]; then
        python -c 'import json, sys; print(json.load(open(sys.argv[1]))["weight"])' "${choice}" | grep -vx '0\(\.0\)\?' || true
    fi
}
