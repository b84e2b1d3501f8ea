# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from cbpc.sh
# The words of the stages of CBPC.

# shellcheck disable=SC2034 # score_job reads it
recognizers=transducer

# asr_of SYSTEM SEED: the recogniser behind a system; some joint trainings and MCT-all have their own.
asr_of() {
    case $1 in
        mct_all | ft_straight | ft_aso | ft_grad) echo "${expdir}/seed$2/$1/asr" ;;
        *) echo "${asr_model:-${expdir}/seed$2/asr}" ;;
    esac
}

# enhancer_systems: folder names of all trained enhancers.
enhancer_systems() {
    local name
    echo se_pretrain
    for name in ${finetune_systems}; do echo "ft_${name}"; done
}

# all_systems: rows of the table; MCT-all hears the speech of the pre-trained enhancer.
all_systems() {
    echo noisy
    echo clean
    enhancer_systems
    if "${mct_all}"; then echo mct_all; fi
}

# table_systems: the rows of a table, with commas between; MCT-all is one without an enhancer of its own.
table_systems() {
    # shellcheck disable=SC2046 # words
    printf '%s,' $(all_systems) | sed 's/,$//'
}

# heard_by SYSTEM SEED SET: the wav.scp that its recogniser gets.
heard_by() {
    local system=$1
    if [ "${system}" = mct_all ]; then system=se_pretrain; fi
    echo "$(decoded "$2" "${system}" "$3" 0)/wav.scp"
}

# train_asr_job NAME SEED FOLDER TRAINING_SETS...: train an ESPnet recogniser.
train_asr_job() {
    local configs=("${asr_config}")
    if [ "$1" = mct_all ] && [ -e "${mct_all_config}" ]; then configs+=("${mct_all_config}"); fi
    # shellcheck disable=SC2086 # asr_args is a list of words
    job "$1 seed $2" "$3" python -m sslse.recognizers.train_espnet --config "${configs[@]}" \
        --train "${@:4}" --valid "${datadir}/${valid_set}_noisy" --exp "$3" --seed "$2" ${asr_args}
}

# uses_tokens: whether a joint training needs the tokenizer.
uses_tokens() {
    [[ " ${finetune_systems} " == *" token"* || " ${finetune_systems} " == *" cbpc "* ]]
}
