#!/usr/bin/env bash
# Noise-robust speech inversion by multi-task learning with enhancement: from a corpus to a report.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail
template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=options.sh
. "${template}/options.sh"

# Configurations:
upstream_config=conf/train_upstream.yaml  # pre-training of a small SSL model
se_config=conf/train_se.yaml  # separate enhancement, for the cascade
train_configs=conf/train_%s.yaml  # systems that start from the SSL model; %s stands for the system's name
finetune_configs=conf/finetune_%s.yaml  # systems that start from trained ones

# Systems:
systems="si_clean si_noisy joint"  # trained from the SSL model; also sv_clean, sv_noisy, joint_sv (speaker verification)
finetune_systems="si_noisy cascade joint"  # fine-tuned from si_clean (cascade: and from se)
upstream_model=""  # SSL model, folder or hub name (empty: train a small one)

# Report:
title="Noise-robust speech inversion"  # title of the report
paper=inversion  # the paper whose figures stand beside ours in the report
metrics="sdr pesq stoi"
max_trials=200  # verification trials of each kind (one speaker, two) in a condition

check_system_options() {
    check_words systems si_clean si_noisy joint sv_clean sv_noisy joint_sv
    check_integer max_trials
    check_words finetune_systems si_noisy cascade joint
}

# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
