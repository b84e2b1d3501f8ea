#!/usr/bin/env bash
# Makes the environment of this checkout: a virtual environment with the packages of requirements.lock and with sslse
# itself, which is read from the checkout (an editable install).
#
# Usage: tools/install.sh [--extra NAME]     no root, nothing outside the checkout but the package manager's cache
#   --extra NAME      also the optional packages of tools/extras/NAME.txt
#   SSLSE_VENV=DIR    environment to make or reuse (default: .venv in the checkout)
#   SSLSE_PYTHON=EXE  Python 3.10 to 3.12 to build it from (default: the first one found)
#
# A second call has nothing to do. Stopped at any moment, the next call goes on. Calls at once wait.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SSLSE_VENV:-${root}/.venv}
lock=${root}/requirements.lock
done_marker=${venv}/.sslse-lock
begun_marker=${venv}/.sslse-begun
checkout_marker=${venv}/.sslse-checkout

say() { echo "install: $*"; }
die() {
    echo "tools/install.sh: error: $*" >&2
    exit 1
}

extra=
case ${1:-} in
    '') ;;
    --extra)
        extra=${2:-}
        [ -f "${root}/tools/extras/${extra}.txt" ] || die "there is no extra '${extra}'; there are:" \
            "$(cd "${root}/tools/extras" && printf '%s ' *.txt | sed 's/\.txt//g')"
        ;;
    *) die "unknown option $1; the only one is --extra NAME" ;;
esac

lock_hash() { sha256sum < "${lock}" | cut -d ' ' -f 1; }

# pesq is published as source only: it needs a C compiler and the headers of Python.
can_compile() {
    command -v cc > /dev/null && [ -f "$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}

is_installed() {
    [ -f "${done_marker}" ] && [ -x "${venv}/bin/python" ] || return 1
    case $(cat "${done_marker}") in
        "$(lock_hash)") return 0 ;;
        "$(lock_hash) without pesq") ! can_compile "${venv}/bin/python" ;;
        *) return 1 ;;
    esac
}

# The first Python that serves: ours to say, on PATH, or known to uv.
find_python() {
    local candidate found=()
    for candidate in ${SSLSE_PYTHON:-python3 python3.12 python3.11 python3.10 python}; do
        candidate=$(command -v "${candidate}") || continue
        if "${candidate}" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2> /dev/null; then
            echo "${candidate}"
            return
        fi
        found+=("${candidate} ($("${candidate}" --version 2>&1))")
    done
    if [ -z "${SSLSE_PYTHON:-}" ] && command -v uv > /dev/null; then
        uv python find --no-python-downloads '>=3.10,<3.13' 2> /dev/null && return
    fi
    die "Python 3.10, 3.11 or 3.12 is needed; found ${found[*]:-none}. Install one (Debian, Ubuntu:" \
        "apt-get install python3 python3-venv; without root: uv python install 3.11, or conda) or set SSLSE_PYTHON."
}

# uv from PATH, or in a small environment of its own.
find_uv() {
    local python=$1 own=${root}/tools/.uv-venv
    if command -v uv; then return; fi
    if [ ! -x "${own}/bin/uv" ]; then
        say "getting the package manager uv" >&2
        rm -rf "${own}"
        if ! "${python}" -m venv "${own}" > "${root}/tools/.uv-venv.log" 2>&1; then
            rm -rf "${own}"
            die "$("${python}" --version) cannot make virtual environments (its part ensurepip is missing)." \
                "Install it (Debian, Ubuntu: apt-get install python3-venv), or put uv on PATH, or set SSLSE_PYTHON."
        fi
        if ! "${own}/bin/python" -m pip install --quiet --disable-pip-version-check uv >&2; then
            rm -rf "${own}"
            die "pip could not get uv (see above). Without a network, put uv on PATH, or set SSLSE_VENV to a" \
                "finished environment."
        fi
    fi
    rm -f "${root}/tools/.uv-venv.log"
    echo "${own}/bin/uv"
}

# Whether the environment has sslse of this checkout, or of another that shares the environment (SSLSE_VENV) and is
# still there: then the recipes of this one put their own code first (PYTHONPATH).
has_package() {
    local checkout
    checkout=$(cat "${checkout_marker}" 2> /dev/null) || return 1
    [ "${checkout}" = "${root}" ] || { [ "${venv}" != "${root}/.venv" ] && [ -f "${checkout}/setup.py" ]; }
}

# All that the build needs is in the lock.
install_package() {
    if has_package; then return; fi
    "$1" pip install --quiet --offline --no-deps --no-build-isolation --reinstall-package sslse \
        --python "${venv}/bin/python" --editable "${root}" ||
        die "sslse itself could not be installed into ${venv} (see above); mend the cause and run the same command."
    echo "${root}" > "${checkout_marker}.tmp"
    mv "${checkout_marker}.tmp" "${checkout_marker}"
}

extra_marker=${venv}/.sslse-extra-${extra}
has_extra() {
    [ -z "${extra}" ] || cmp -s "${root}/tools/extras/${extra}.txt" "${extra_marker}"
}

# The extra names every package that the lock has not.
install_extra() {
    if has_extra; then return; fi
    "$1" pip install --no-deps --require-hashes --python "${venv}/bin/python" --requirements "${root}/tools/extras/${extra}.txt" ||
        die "the optional packages '${extra}' could not be installed (see above); mend the cause and run the same command."
    cp "${root}/tools/extras/${extra}.txt" "${extra_marker}.tmp"
    mv "${extra_marker}.tmp" "${extra_marker}"
}

is_complete() { is_installed && has_package && has_extra; }

if is_complete; then exit 0; fi
command -v flock > /dev/null || die "the program flock is missing (Debian, Ubuntu: apt-get install util-linux)."
mkdir -p "$(dirname "${venv}")" || die "cannot make $(dirname "${venv}")."
exec 8>> "${venv}.lock" || die "cannot write ${venv}.lock; set SSLSE_VENV to a folder of yours."
if ! flock -n 8; then
    say "another installation into ${venv} is running; waiting for it"
    flock 8
    if is_complete; then exit 0; fi
fi

python=$(find_python)
uv=$(find_uv "${python}")
# uv does not read pip's configuration: pass a mirror on.
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    mirror=$("${python}" -m pip config get global.index-url 2> /dev/null || true)
    if [ -n "${mirror}" ]; then export UV_DEFAULT_INDEX=${mirror}; fi
fi
if is_installed; then
    install_package "${uv}"
    install_extra "${uv}"
    exit 0
fi
# Compiled once here: else the first command of every kind waits, and where Python may not write bytecode, every command.
export UV_COMPILE_BYTECODE=1
begin=${SECONDS}
options=()
case $(cat "${begun_marker}" 2> /dev/null) in
    new)
        say "${venv} was begun and not finished; making it anew from what is downloaded"
        rm -rf "${venv}"
        ;;
    update)
        say "the update of ${venv} was not finished; installing every package again"
        options+=(--reinstall)
        ;;
esac
if [ -x "${venv}/bin/python" ]; then
    say "bringing ${venv} up to date with requirements.lock"
    echo update > "${begun_marker}"
elif [ -n "$(ls -A "${venv}" 2> /dev/null)" ]; then
    die "${venv} is neither empty nor an environment; set SSLSE_VENV to another folder, or remove this one."
else
    say "making ${venv} with $("${python}" --version) (about 6 GB; 1 to 5 minutes, less than one if cached)"
    mkdir -p "${venv}"
    echo new > "${begun_marker}"
    "${uv}" venv --quiet --allow-existing --python "${python}" "${venv}"
fi
mark=$(lock_hash)
if ! can_compile "${venv}/bin/python"; then
    mark+=" without pesq"
    say "no C compiler or no headers of Python: leaving out the metric PESQ. To have it (Debian, Ubuntu:" \
        "apt-get install gcc python3-dev), install them and run this command again; without it, leave pesq out of --metrics."
    awk '/^[^ #]/ { is_pesq = /^pesq==/ } !is_pesq' "${lock}" > "${venv}/.requirements"
    lock=${venv}/.requirements
fi
# The lock names every package with the hashes of its files: nothing is resolved, and no other file is installed.
"${uv}" pip install --no-deps --require-hashes --python "${venv}/bin/python" --requirements "${lock}" "${options[@]}" ||
    die "the packages could not be installed (see above); mend the cause, then run the same command: it goes on."
echo "${mark}" > "${done_marker}.tmp"
mv "${done_marker}.tmp" "${done_marker}"
rm -f "${begun_marker}"
install_package "${uv}"
install_extra "${uv}"
say "${venv} is ready ($((SECONDS - begin)) s)"
