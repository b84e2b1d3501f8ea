# shellcheck shell=bash
# Train the SSL model that all variants share and start from.
run_planned
