# shellcheck shell=bash
# Mix the validation and test speech with noises of their own.
run_planned
