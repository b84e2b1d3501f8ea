# shellcheck shell=bash
# Pre-train wav2vec 2.0 with its branches: contrastive loss on clean (or noisy) targets, with the enhancer's loss.
run_planned
