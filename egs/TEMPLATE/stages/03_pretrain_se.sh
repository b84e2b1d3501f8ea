# shellcheck shell=bash
# Pre-train the enhancer on its own.
run_beside_next
