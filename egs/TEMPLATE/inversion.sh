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

# Models:
upstream_model=""  # SSL model, folder or hub name (empty: train a small one)

# Report:
title="Noise-robust speech inversion"  # title of the report
metrics="sdr pesq stoi"
max_trials=200  # verification trials of each kind (one speaker, two) in a condition

integers=(max_trials)
# shellcheck source=pipeline.sh
. "${template}/pipeline.sh"
