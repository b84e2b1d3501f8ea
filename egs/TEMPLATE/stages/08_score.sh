# shellcheck shell=bash
# Score every variant: signal and perceptual metrics, word errors, errors of the other tasks.
run_planned
