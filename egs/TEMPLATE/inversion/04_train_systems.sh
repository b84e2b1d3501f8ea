# shellcheck shell=bash
# Train separate enhancement, and the variants that start from the SSL model.
run_planned
