#!/usr/bin/env bash
# Speech enhancement for robust speech recognition with an SSL-based loss: from a corpus to a report.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail
template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=options.sh
. "${template}/options.sh"

# Configurations:
se_config=conf/train_se.yaml  # pre-training of the enhancer
upstream_config=conf/train_upstream.yaml  # pre-training of a small SSL model
asr_config=conf/train_asr_ssl.yaml  # recognition head on the SSL model
logmel_config=conf/train_asr_logmel.yaml  # recogniser that shares nothing with the SSL model
finetune_configs=conf/finetune_%s.yaml  # fine-tunings; %s stands for the system's name
task_configs=conf/train_%s.yaml  # heads of other tasks; %s stands for the task
noise_robust_config=../../../conf/downstream/noise_robust.yaml  # laid over the configuration of a head with @noise

# Systems:
finetune_systems="snr lmfb ssl_mse"  # fine-tunings of the enhancer: snr, lmfb, asr, ssl_mse, ssl_mse_NAME, each also with @WEIGHT of the SNR loss
recognizers="ssl ssl_other logmel"  # ssl, ssl_other (SSL model of another seed), ssl_NAME (each also with @noise: head trained in noise), logmel, whisper, pocketsphinx
tasks=""  # other back-ends: asv, ic, ks, sid, sd on the SSL model (asv_NAME: on another; each also with @noise), vad, vad_webrtc, vad_energy
task_sets=""  # sets of tasks that need sets of their own, TASK=VALID:TEST
se_exp=""  # experiment whose enhancers are taken, a folder (empty: the enhancers of this one)
upstream_model=""  # SSL model, folder or hub name (empty: train a small one)
upstream_models=""  # further SSL models, NAME=FOLDER or NAME=HUB_NAME, for ssl_mse_NAME and ssl_NAME
whisper_model=openai/whisper-medium  # Whisper model, folder or hub name
logmel_model=""  # ESPnet ASR model, a folder (empty: train one)
logmel_args=""  # further options of the log-mel ASR's training

# Report:
oa_weights="0.1 0.2 0.4"  # observation-adding weights to choose from on the validation set; 0 is always there, one needs no choice
title="Speech enhancement with an SSL-based loss"  # title of the report
paper=sslmse  # the paper whose figures stand beside ours in the report

check_system_options() {
    local word set
    for word in ${recognizers}; do
        if [[ ! ${word} =~ ^(ssl(_[a-z0-9_]+)?(@noise)?|logmel|whisper|pocketsphinx)$ ]]; then
            check_words recognizers ssl ssl_other ssl_NAME logmel whisper pocketsphinx
        fi
    done
    for word in ${tasks}; do
        if [[ ! ${word} =~ ^((asv|ic|ks|sid|sd)(_[a-z0-9_]+)?(@noise)?|vad(_(silero|webrtc|energy))?)$ ]]; then
            check_words tasks asv ic ks sid sd asv_NAME ic@noise vad vad_silero vad_webrtc vad_energy
        fi
    done
    if [ -z "${recognizers}" ] && [ -z "${se_exp}" ] && [[ ${oa_weights} == *" "* ]]; then
        parse_options_error "--oa_weights: to choose one of several, --recognizers must not be empty"
    fi
    more_sets=
    for word in ${task_sets}; do
        [[ ${word} =~ ^(asv|ic|ks|sid|sd|vad)=([^:]+):([^:]+)$ ]] ||
            parse_options_error "--task_sets: '${word}' is not TASK=VALID:TEST"
        if [[ " ${tasks}" == *" ${BASH_REMATCH[1]}"* ]]; then
            for set in "${BASH_REMATCH[@]:2}"; do
                if [[ " ${valid_set} ${test_sets} ${more_sets} " != *" ${set} "* ]]; then more_sets+=" ${set}"; fi
            done
        fi
    done
    for word in ${upstream_models}; do
        [[ ${word} =~ ^[a-z0-9_]+=.+ ]] || parse_options_error "--upstream_models: '${word}' is not NAME=MODEL"
    done
}

# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
