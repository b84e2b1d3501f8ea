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
mct_all_config=""  # what differs in that of MCT-all, a further ESPnet configuration
tokenizer_config=conf/train_tokenizer.yaml  # linear layer of the tokenizer
finetune_config=conf/finetune.yaml  # enhancer, data and steps of the joint trainings; the losses are in conf/joint of the checkout

# Models:
asr_model=""  # trained ESPnet ASR model, a folder (empty: train one on clean and noisy speech)
asr_args=""  # further options of the recogniser's training
clusters=1500  # of the tokenizer
extract_args=""  # further options of the encoder's vectors, such as "--cutoff-db 30"

# Decoding:
beam=10  # hypotheses that the search of the transducer keeps

# Report:
title="Enhancement with CBPC losses"  # title of the report
metrics="sdr pesq pesq_nb stoi composite"

integers=(clusters beam)
# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
