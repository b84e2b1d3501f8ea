# shellcheck shell=bash
# Options of a script as variables, in Kaldi's manner. Sourced with the arguments of the script.
#
# The script that sources this file holds lines
#     name=default  # what it is (unit)
# Only such lines are options; their comments are the text of --help. `--name value`, `--name=value` and
# `--some-name value` set them; a default of true or false makes a boolean. An unknown option is an error
# that names the nearest one. What is no option is left in the array `positional`. Where several files hold option
# lines, the array `parse_options_scripts` names them before this file is sourced; the head of the first is
# the head of the help, and its options come last. A function `parse_options_settle` may change defaults before they are shown.

if [ -z "${parse_options_scripts+set}" ]; then parse_options_scripts=("${BASH_SOURCE[1]}"); fi
positional=()

# The option lines of the scripts as "name<TAB>comment"; lines "# Title:" between them as "<TAB>Title".
parse_options_table() {
    sed -nE -e "s/^([a-z][a-z0-9_]*)=('[^']*'|\"[^\"]*\"|[^ #]*) +# (.*)\$/\1\t\3/p" \
        -e 's/^# ([A-Z][A-Za-z ,]*:)$/\t\1/p' "${parse_options_scripts[@]:1}" "${parse_options_scripts[0]}"
}

parse_options_error() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# parse_options_nearest WORD < candidates: the end of a sentence that names the nearest, or all.
parse_options_nearest() {
    PYTHONPATH=$(dirname "${BASH_SOURCE[0]}")/.. python3 -c '
import sys
from sslse.names import nearest
print(nearest(sys.argv[1], sys.stdin.read().split()))' "$1" || true
}

parse_options_help() {
    local name comment
    if declare -F parse_options_settle > /dev/null; then parse_options_settle; fi
    sed -n '/^#!/d; /^# shellcheck/d; /^#/!q; s/^# \{0,1\}//p' "${parse_options_scripts[0]}"
    while IFS= read -r line; do
        name=${line%%$'\t'*} comment=${line#*$'\t'}
        if [ -z "${name}" ]; then
            printf '\n%s\n' "${comment}"
        else
            printf '  --%-20s %s [%s]\n' "${name}" "${comment}" "${!name}"
        fi
    done < <(parse_options_table)
    if declare -F parse_options_more_help > /dev/null; then parse_options_more_help; fi
}

# parse_options_names: the names of all options.
parse_options_names() {
    parse_options_table | sed -n 's/^\([^\t][^\t]*\)\t.*/\1/p'
}

# parse_options_records: the options for `sslse plan`, "name=value" each ending in NUL; a + marks those that were given.
parse_options_records() {
    local name mark
    while IFS= read -r name; do
        mark=
        if [[ " ${parse_options_given} " == *" ${name} "* ]]; then mark=+; fi
        printf '%s%s=%s\0' "${mark}" "${name}" "${!name}"
    done < <(parse_options_names)
}

# parse_options_check NAME: the name must be an option of the script.
parse_options_check() {
    local near
    if ! grep -qx -- "$1" < <(parse_options_names); then
        near=$(parse_options_names | sed 's/^/--/' | parse_options_nearest "--$1")
        if [[ ${near} != *"did you mean"* ]]; then near=; fi  # they are too many to name
        parse_options_error "unknown option --$1${near} (--help lists all options)"
    fi
}

parse_options_set() {
    local name=$1 value=$2
    if [[ ${!name} =~ ^(true|false)$ && ! ${value} =~ ^(true|false)$ ]]; then
        parse_options_error "--${name} must be true or false, not '${value}'"
    fi
    printf -v "${name}" '%s' "${value}"
}

parse_options_given=
parse_options_main() {
    local name help=false
    while [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) help=true && shift ;;
            --?*)
                name=${1%%=*} && name=${name#--} && name=${name//-/_}
                parse_options_check "${name}"
                parse_options_given+=" ${name}"
                if [[ $1 == *=* ]]; then
                    parse_options_set "${name}" "${1#*=}"
                    shift
                else
                    [ $# -ge 2 ] || parse_options_error "--${name} needs a value"
                    parse_options_set "${name}" "$2"
                    shift 2
                fi
                ;;
            *) positional+=("$1") && shift ;;
        esac
    done
    if "${help}"; then
        parse_options_help
        exit 0
    fi
}

# check_integer NAME...: the named options must hold whole numbers.
check_integer() {
    local name
    for name in "$@"; do
        [[ ${!name} =~ ^-?[0-9]+$ ]] || parse_options_error "--${name} must be a whole number, not '${!name}'"
    done
}

# check_words NAME ALLOWED...: every word of the option must be one of the allowed ones.
check_words() {
    local name=$1 word
    shift
    for word in ${!name}; do
        if [[ " $* " != *" ${word} "* ]]; then
            parse_options_error "--${name}: no '${word}'$(printf '%s\n' "$@" | parse_options_nearest "${word}")"
        fi
    done
}

parse_options_main "$@"
