# shellcheck shell=bash
# Download the corpora that db.sh does not name, or say where to ask for them.
run_planned
