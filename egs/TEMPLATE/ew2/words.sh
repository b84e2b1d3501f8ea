# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# The words of the stages of EW2, SEW2 and EW2+SEW2.
#
# A system is a name and perhaps an ending: _scratch (no pre-training), _clean (pre-training without noise), _novq
# (targets are not quantised), _noconsistency, _frozen_encoder or _frozen_se (what fine-tuning leaves as it is).

# branches_of SYSTEM: the branches of its model.
branches_of() {
    case $1 in
        ew2_sew2*) echo both ;;
        sew2*) echo enhanced ;;
        *) echo noisy ;;
    esac
}

# pretraining_of SYSTEM: the pre-training that it is fine-tuned from; nothing where there is none.
pretraining_of() {
    local name=${1%_frozen_encoder}
    name=${name%_frozen_se}
    if [[ ${name} != *_scratch ]]; then echo "${name}"; fi
}

# pretrainings: the pre-trainings that the systems need.
pretrainings() {
    local name
    for name in ${systems}; do pretraining_of "${name}"; done | sort -u
}

# model_options SYSTEM SEED: the array `options` of what pre-training and fine-tuning share: branches, enhancer, fusion.
model_options() {
    options=(--model.branches "$(branches_of "$1")")
    if [ "$(branches_of "$1")" != noisy ] && "${pretrained_se}"; then
        options+=(--model.enhancer_param "${expdir}/seed$2/se_pretrain/enhancer")
    fi
    case $1 in
        ew2_sew2_concat*) options+=(--model.fusion '{"name": "concat"}') ;;
        ew2_sew2*) options+=(--model.fusion '{"name": "dual_attention"}') ;;
    esac
}

enhancer_systems() {
    echo se_pretrain
}

table_systems() {
    # shellcheck disable=SC2086 # words
    printf '%s,' ${systems} | sed 's/,$//'
}

uses_recognizer() {
    [[ " ${recognizers} " == *" $1 "* ]]
}

# recognize_job SEED SYSTEM SET RECOGNIZER WEIGHT: its words; WEIGHT is that of the language model.
recognize_job() {
    local folder search=()
    folder=$(decoded "$1" "$2" "$3" 0)/hyp_$4
    if [ "$4" = lm ]; then
        folder+=${5:+_$5}
        search=(--beam "${beam}" --lm "${expdir}/lm" --lm-weight "${5:-$(chosen_weight "$1" "$2")}")
    fi
    job "$4${5:+ weight $5} on $2 seed $1 $3" "${folder}" \
        sslse decode --recognizer ctc_wav2vec2 --model "${expdir}/seed$1/$2/recognizer" \
        --data "${datadir}/$3_noisy" --out "${folder}" "${search[@]}"
}

# chosen_weight SEED SYSTEM: the language model's weight of fewest word errors on the validation set.
chosen_weight() {
    cat "${expdir}/seed$1/$2/lm_weight" 2> /dev/null || echo "${lm_weights%% *}"
}
