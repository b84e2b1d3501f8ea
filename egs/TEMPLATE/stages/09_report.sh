# shellcheck shell=bash
# Write the result table and the page with curves, spectrograms and audio.
run_planned figure
run_planned report
