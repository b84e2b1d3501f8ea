# shellcheck shell=bash
# Make and check the data directories of the corpus.
run_planned
