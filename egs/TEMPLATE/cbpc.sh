#!/usr/bin/env bash
# Enhancement trained with a frozen recogniser by contrastive losses on acoustic tokens (CBPC): from a corpus to a report.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail
template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=options.sh
. "${template}/options.sh"

# Configurations:
se_config=conf/train_se.yaml  # pre-training of the enhancer
asr_config=conf/train_asr.yaml  # recogniser, an ESPnet configuration
mct_all_config=conf/train_mct_all.yaml  # where it exists, adds to that of the recogniser for MCT-all
tokenizer_config=conf/train_tokenizer.yaml  # linear layer of the tokenizer
joint_configs=../../../conf/joint/%s.yaml  # losses of the joint trainings; %s stands for the system's name
finetune_config=conf/finetune.yaml  # data and steps of the joint trainings; finetune_NAME.yaml, where it exists, adds to it

# Systems:
finetune_systems="straight aso grad encoder token token_cbpc cbpc"  # joint trainings: files of conf/joint
mct_all=true  # whether to train the recogniser on clean, noisy and enhanced speech, too
asr_model=""  # trained ESPnet ASR model, a folder (empty: train one on clean and noisy speech)
asr_args=""  # further options of the recogniser's training
clusters=1500  # of the tokenizer
extract_args=""  # further options of the encoder's vectors, such as "--device cuda"

# Report:
title="Enhancement with CBPC losses"  # title of the report
paper=cbpc  # the paper whose figures stand beside ours in the report
metrics="sdr pesq stoi composite"

check_system_options() {
    check_integer clusters
}

# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
