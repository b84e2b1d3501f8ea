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
finetune_config=conf/finetune.yaml  # its fine-tunings; the losses are in conf/criterion of the checkout
upstream_config=conf/train_upstream.yaml  # pre-training of a small SSL model
upstream_other_config=""  # pre-training of the other SSL model, which has the next seed (empty: that of the first)
asr_config=conf/train_asr_ssl.yaml  # recognition head on the SSL model
logmel_config=conf/train_asr_logmel.yaml  # recogniser that shares nothing with the SSL model

# Models:
se_exp=""  # experiment whose enhancers are taken, a folder (empty: the enhancers of this one)
upstream_model=""  # SSL model, folder or hub name (empty: train a small one)
upstream_other_model=""  # the other SSL model (that of ssl_other), likewise
upstream_train_set=""  # speech that SSL models are trained on (empty: the training set)
whisper_model=openai/whisper-medium  # Whisper model, folder or hub name
logmel_model=""  # log-mel recogniser, folder of an ESPnet ASR model (empty: train one)
logmel_train_set=""  # clean speech that it is trained on (empty: the training set)
logmel_args=""  # further options of its training

# Report:
oa_weights="0.1 0.2 0.4"  # observation-adding weights to choose from on the validation set; where the best is at their edge, more are tried; 0 is always there, one needs no choice
oa_recogniser=""  # back-end whose word errors choose the weight, where it is among --backends (empty: all recognisers together)
oa_form=add  # observation adding: add (enhanced + ω · noisy) or interpolate ((1 − ω) · enhanced + ω · noisy)
title="Speech enhancement with an SSL-based loss"  # title of the report

integers=()
# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
