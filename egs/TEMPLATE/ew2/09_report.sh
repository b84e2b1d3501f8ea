# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # the options come from ew2.sh, the shared stage uses the folder
# Compute the figure of the paper, where one is asked for, then write the result table and the page.
analyses=
if [ -n "${figure}" ]; then
    figure_jobs "${expdir}/${part}"
    run_jobs
    analyses=${expdir}/${part}
fi
# shellcheck source=../stages/09_report.sh
. "${template}/stages/09_report.sh"
