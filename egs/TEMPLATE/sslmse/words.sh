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

upstream_of() {
    echo "${upstream_model:-${expdir}/seed$1/upstream/upstream}"
}

other_upstream_of() {
    echo "${other_upstream_model:-${expdir}/seed$(next_seed "$1")/upstream/upstream}"
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
        ssl) model="ctc --model ${expdir}/seed$1/ds_ssl/downstream" ;;
        ssl_other) model="ctc --model ${expdir}/seed$1/ds_ssl_other/downstream" ;;
        logmel) model="espnet --model ${logmel_model:-${expdir}/seed$1/asr_logmel}" ;;
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
