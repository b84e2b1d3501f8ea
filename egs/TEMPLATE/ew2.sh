#!/usr/bin/env bash
# Joint pre-training of enhancement and wav2vec 2.0 (EW2, SEW2, EW2+SEW2) and CTC fine-tuning: from a corpus to a report.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail
template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=options.sh
. "${template}/options.sh"

# Configurations:
se_config=conf/train_se.yaml  # pre-training of the enhancer (DEMUCS)
pretrain_config=conf/pretrain.yaml  # contrastive pre-training
finetune_config=conf/finetune.yaml  # CTC fine-tuning from pre-training
scratch_config=conf/finetune_scratch.yaml  # CTC training without pre-training
lm_config=""  # ESPnet language model configuration (empty: an n-gram model)
lm_text=""  # texts of the language model, files or data directories (empty: the training transcripts)
lm_order=3  # of the n-gram model

# Systems:
systems="w2v2 ew2 sew2 ew2_sew2"  # w2v2, ew2, sew2, ew2_sew2 or ew2_sew2_concat, each also with an ending; see words.sh
pretrained_se=true  # whether SEW2 begins with the pre-trained enhancer; else with a fresh one
fusion='{"name": "dual_attention"}'  # of the branches of ew2_sew2; "residual": true adds the mean of both
public_model=""  # wav2vec 2.0 that systems with _init continue from, folder or hub name (empty: pre-trained on clean speech)
pretrain_set=""  # clean speech of the pre-training (empty: that of --train_set)

# Decoding:
recognizers="greedy lm"  # best path, and beam search with the language model
beam=50  # hypotheses that the search keeps
lm_weights="0.3 0.6 1.0"  # weights of the language model to choose from on the validation set

# Report:
landscape_points=21  # points on each axis of a loss landscape (figures 6 and 7)
landscape_utts=32  # utterances in its loss
title="Joint pre-training of enhancement and wav2vec 2.0"  # title of the report
paper=ew2  # the paper whose figures stand beside ours in the report

check_system_options() {
    local word
    for word in ${systems}; do
        if [[ ! ${word} =~ ^(w2v2|ew2|sew2|ew2_sew2|ew2_sew2_concat)(_init)?(_scratch|_clean|_othernoise|_novq|_noconsistency)?(_frozen_encoder|_frozen_se|_tuned_clean)?$ || ${word} == *_init_scratch* ]]; then
            check_words systems w2v2 ew2 sew2 ew2_sew2 ew2_sew2_concat
        fi
    done
    check_words recognizers greedy lm
    if [ -n "${figure}" ] && [[ ! ${figure} =~ ^[4-7]$ ]]; then parse_options_error "--figure must be 4, 5, 6 or 7"; fi
    check_integer beam lm_order landscape_points landscape_utts
}

# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
