# shellcheck shell=bash
# Log lines with the time and the elapsed minutes. Sourced.

log_start=${log_start:-${SECONDS}}

# log WORDS...: one line on standard output.
log() {
    local elapsed=$((SECONDS - log_start))
    printf '%s [%3d:%02d] %s\n' "$(date '+%H:%M:%S')" $((elapsed / 60)) $((elapsed % 60)) "$*"
}

# die WORDS...: one error sentence on standard error, exit 1.
die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
