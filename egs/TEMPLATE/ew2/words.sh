# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# The words of the stages of EW2, SEW2 and EW2+SEW2.
#
# A system is a name and perhaps endings, in this order:
#   _init                          pre-training continues from --public_model, else from a wav2vec 2.0 of clean speech
#   _scratch, or _clean, _othernoise, _novq, _noconsistency
#                                  no pre-training; without noise, in that of noise_other, targets not quantised
#   _frozen_encoder, _frozen_se    what fine-tuning leaves as it is
#   _tuned_clean                   fine-tuning without noise

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
    name=${name%_frozen_se} && name=${name%_tuned_clean}
    if [[ ${name} != *_scratch ]]; then echo "${name}"; fi
}

# pretrainings: the pre-trainings that the systems need.
pretrainings() {
    local name
    {
        for name in ${systems}; do pretraining_of "${name}"; done
        if [[ ${systems} == *_init* ]] && [ -z "${public_model}" ]; then echo w2v2_clean; fi
    } | sort -u
}

# first_model SEED: what the pre-trainings with _init continue from.
first_model() {
    echo "${public_model:-${expdir}/seed$1/pt_w2v2_clean/robust_wav2vec2}"
}

# model_options SYSTEM SEED: the array `options` of what pre-training and fine-tuning share: branches, enhancer, fusion.
model_options() {
    options=(--model.branches "$(branches_of "$1")")
    if [ "$(branches_of "$1")" != noisy ] && "${pretrained_se}"; then
        options+=(--model.enhancer_param "${expdir}/seed$2/se_pretrain/enhancer")
    fi
    case $1 in
        ew2_sew2_concat*) options+=(--model.fusion '{"name": "concat"}') ;;
        ew2_sew2*) options+=(--model.fusion "${fusion}") ;;
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

# figure_jobs FOLDER: what the figure of --figure shows, in FOLDER/seed<S>/<system>.
figure_jobs() {
    local seed name names
    names=$(figure_names)
    for seed in ${seeds}; do
        for name in ${names}; do figure_job "$1/seed${seed}/${name}" "${seed}" "${name}"; done
    done
}

# figure_names: the systems of the figure: pre-trainings, fine-tunings, or those that have a second fine-tuning.
figure_names() {
    local name
    case ${figure} in
        4 | 5) pretrainings ;;
        6) echo "${systems}" ;;
        7)
            for name in ${systems}; do
                if [[ " ${systems} " == *" ${name}_tuned_clean "* ]]; then echo "${name}"; fi
            done
            ;;
    esac
}

# figure_count: how many jobs the figure has.
figure_count() {
    local names
    names=$(figure_names)
    echo $(($(wc -w <<< "${seeds}") * $(wc -w <<< "${names}")))
}

# figure_job FOLDER SEED SYSTEM: the numbers of one system; an interrupted landscape continues.
figure_job() {
    local trained=${expdir}/seed$2 valid=${datadir}/${valid_set}_noisy shape=line command other=()
    case ${figure} in
        4) command=(sslse analyze layers --data "${valid}" --limit 50 --upstream "${trained}/pt_$3" --out "$1") ;;
        5) command=(python -m sslse.analysis.validation_curve --exp "${trained}/pt_$3" --out "$1") ;;
        *)
            if [ "${figure}" = 7 ]; then shape=plane other=(--other "${trained}/$3_tuned_clean"); fi
            command=(python -m sslse.analysis.loss_landscape --exp "${trained}/$3" "${other[@]}" --data "${valid}"
                --out "$1/${shape}" --points "${landscape_points}" --utterances "${landscape_utts}" --nj "$(share "$(figure_count)")")
            ;;
    esac
    job "figure ${figure} of $3 seed $2" "$1" "${command[@]}"
}
