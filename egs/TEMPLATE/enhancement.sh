#!/usr/bin/env bash
# An enhancer from clean speech and noise alone, without transcripts: from a folder of recordings to a packed model.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail
template=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=options.sh
. "${template}/options.sh"

stage=1

# Configurations:
se_config=conf/train_se.yaml  # training of a new enhancer
finetune_config=conf/finetune_se.yaml  # training that starts from a given one

# Models:
init=""  # enhancer to start from: default, a folder or hub name (empty: a new one is trained)

# Report:
oa_weights=""  # one observation-adding weight, to hear and score it beside 0 (empty: none)
oa_form=add  # observation adding: add (enhanced + ω · noisy) or interpolate ((1 − ω) · enhanced + ω · noisy)
title="Speech enhancement"  # title of the report

integers=()
# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
