# shellcheck shell=bash
# Options of a script as variables, in Kaldi's manner. Sourced with the arguments of the script.
#
# The script that sources this file holds lines
#     name=default  # what it is (unit)
# Only such lines are options; their comments are the text of --help. `--name value`, `--name=value` and
# `--some-name value` set them; a default of true or false makes a boolean. An unknown option is an error
# that names the nearest one. What is no option is left in the array `positional`. Where several files hold option
# lines, the array `parse_options_scripts` names them before this file is sourced; the head of the first is
# the head of the help, and its options come last.

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

# nearest WORD < candidates: the candidate with the smallest edit distance, if it is near enough.
parse_options_nearest() {
    awk -v word="$1" '
        function least(a, b) { return a < b ? a : b }
        function distance(s, t,    i, j, n, m, d, cost) {
            n = length(s); m = length(t)
            for (i = 0; i <= n; i++) d[i, 0] = i
            for (j = 0; j <= m; j++) d[0, j] = j
            for (i = 1; i <= n; i++) for (j = 1; j <= m; j++) {
                cost = substr(s, i, 1) != substr(t, j, 1)
                d[i, j] = least(least(d[i-1, j], d[i, j-1]) + 1, d[i-1, j-1] + cost)
            }
            return d[n, m]
        }
        { x = distance(word, $0); if (best == "" || x < low) { low = x; best = $0 } }
        END { if (best != "" && low <= length(word) / 2) print best }'
}

parse_options_help() {
    local name comment
    sed -n '/^#!/d; /^# shellcheck/d; /^#/!q; s/^# \{0,1\}//p' "${parse_options_scripts[0]}"
    while IFS= read -r line; do
        name=${line%%$'\t'*} comment=${line#*$'\t'}
        if [ -z "${name}" ]; then
            printf '\n%s\n' "${comment}"
        else
            printf '  --%-20s %s [%s]\n' "${name}" "${comment}" "${!name}"
        fi
    done < <(parse_options_table)
}

# parse_options_check NAME: the name must be an option of the script.
parse_options_check() {
    local names nearest
    names=$(parse_options_table | sed -n 's/^\([^\t][^\t]*\)\t.*/\1/p')
    if ! grep -qx -- "$1" <<< "${names}"; then
        nearest=$(parse_options_nearest "$1" <<< "${names}")
        parse_options_error "unknown option --$1${nearest:+; did you mean --${nearest}?}" \
            "(--help lists all options)"
    fi
}

parse_options_set() {
    local name=$1 value=$2
    if [[ ${!name} =~ ^(true|false)$ && ! ${value} =~ ^(true|false)$ ]]; then
        parse_options_error "--${name} must be true or false, not '${value}'"
    fi
    printf -v "${name}" '%s' "${value}"
}

# parse_options_file FILE: options that were not given, from lines "--name value".
parse_options_file() {
    local number=0 name value
    [ -f "$1" ] || parse_options_error "there is no file of options $1"
    while read -r name value; do
        number=$((number + 1))
        if [[ ${name} =~ ^(#.*)?$ ]]; then continue; fi
        [[ ${name} == --* ]] || parse_options_error "$1, line ${number}: '${name}' does not begin with --"
        name=${name#--} && name=${name//-/_}
        parse_options_check "${name}"
        if [[ " ${parse_options_given} " != *" ${name} "* ]]; then parse_options_set "${name}" "${value}"; fi
    done < "$1"
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
    local name=$1 word nearest
    shift
    for word in ${!name}; do
        if [[ " $* " != *" ${word} "* ]]; then
            nearest=$(printf '%s\n' "$@" | parse_options_nearest "${word}")
            parse_options_error "--${name}: no '${word}'${nearest:+; did you mean ${nearest}?} (possible: $*)"
        fi
    done
}

parse_options_main "$@"
