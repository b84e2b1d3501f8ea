# shellcheck shell=bash
# Train the recogniser of MCT-all on clean, noisy and enhanced speech.
run_planned
