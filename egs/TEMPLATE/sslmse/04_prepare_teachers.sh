# shellcheck shell=bash
# Train the SSL models, and the log-mel recogniser on clean speech.
run_planned
