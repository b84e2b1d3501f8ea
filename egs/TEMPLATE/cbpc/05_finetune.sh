# shellcheck shell=bash
# Train the enhancer with the recogniser, once for every variant that is compared.
run_planned
