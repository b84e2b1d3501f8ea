# shellcheck shell=bash
# Fine-tune the whole models with CTC on noisy speech; they keep the branches of their pre-training.
run_planned
