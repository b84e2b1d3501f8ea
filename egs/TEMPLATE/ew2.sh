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
lm_text=""  # texts of the language model, files or data directories (empty: the training transcripts)
lm_order=3  # of the n-gram model

# Models:
fusion='{"name": "dual_attention"}'  # of the branches of EW2+SEW2; "residual": true adds the mean of both
public_model=""  # wav2vec 2.0 or HuBERT that *_init continue from, folder or hub name (empty: pre-trained on clean speech)
label_hours=10  # hours of labelled speech that *_few and *_few_clean are fine-tuned on
pretrain_set=""  # clean speech of the pre-training (empty: that of --train_set)

# Decoding:
beam=50  # hypotheses that the search keeps
lm_weights="0.3 0.6 1.0"  # weights of the language model to choose from on the validation set

# Report:
landscape_points=21  # points on each axis of a loss landscape (figures 6 and 7)
landscape_utts=32  # utterances in its loss
title="Joint pre-training of enhancement and wav2vec 2.0"  # title of the report

integers=(beam lm_order landscape_points landscape_utts)
# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
