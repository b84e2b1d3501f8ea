# shellcheck shell=bash
# Where a script writes is never where it reads. Sourced. Python has sslse/data/places.py.

# refuse_overwriting OUT IN...: end the script if the folder OUT is one of the folders IN, or a file in it one of the
# files in them, under whatever name or link.
refuse_overwriting() {
    local out=$1 input file
    shift
    for input in "$@"; do
        for file in "${input}" "${input}"/*; do
            if [ "${file}" -ef "${out}/${file##*/}" ] && [ -f "${file}" ] || [ "${input}" -ef "${out}" ]; then
                echo "${0##*/}: error: ${file} is read, so nothing may be written to ${out}; choose another folder" >&2
                exit 1
            fi
        done
    done
}
