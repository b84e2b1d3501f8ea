# shellcheck shell=bash
# Enhance and judge the test sets; settings are chosen on the validation set.
run_planned choose
run_planned select
# Where the best weight of observation adding is at the edge of those tried, one beyond is tried, too.
while ! "${dry_run:?}"; do
    more=$(plan grow)
    if [ -z "${more}" ]; then break; fi
    run_planned grow
    run_planned select
done
run_planned decode
