# shellcheck shell=bash
# Train the word language model on the training transcripts.
run_planned
