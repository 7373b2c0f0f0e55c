# Sourced by the commands beside it: makes `.venv` from requirements.lock when it is missing or out of date.
#
# Needs python3 >= 3.11 with venv, and a C compiler with Python's headers (pytricia ships as source). Root gets what is
# missing from the distribution; anybody else is told the packages in one sentence, exit 2. Up to date costs 20 ms.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
PATH=${PATH//"$venv/bin:"/} # an activated environment must not be the Python that it is made from
command_name=bin/$(basename "$0")
[[ $0 == */.ci/run ]] && command_name=.ci/run

give_up() {
    printf '%s: %s\n' "$command_name" "$1" >&2
    exit 2
}

python_new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null
}

# Names the Debian packages that are missing, on one line.
missing_packages() {
    local missing=()
    if ! command -v python3 >/dev/null; then
        missing+=(python3 python3-venv python3-dev)
    else
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
        python3 -c 'import os, sysconfig
raise SystemExit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
            missing+=(python3-dev)
    fi
    command -v gcc >/dev/null || missing+=(gcc)
    [[ -e /usr/include/stdio.h ]] || missing+=(libc6-dev)
    echo "${missing[*]}"
}

install_what_is_missing() {
    local missing
    missing=$(missing_packages)
    [[ -z $missing ]] && return
    # shellcheck disable=SC2086 # a list of packages
    install_packages $missing
}

# Installs the named Debian packages; whoever may not is told to.
install_packages() {
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
        give_up "this machine lacks $*: install them as root (apt-get install $*), then run this again."
    fi
    echo "$command_name: installing $* (apt-get)" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"; } \
        >"$root/.apt.log" 2>&1 </dev/null || {
        tail -n 20 "$root/.apt.log" >&2
        give_up "apt-get could not install $*"
    }
    rm -f "$root/.apt.log"
}

# need_package PROGRAM PACKAGE: what a command needs beyond the environment.
need_package() {
    [[ -x $1 ]] || install_packages "$2"
}

# What the environment is made from; another answer means that it is out of date.
environment_stamp() {
    { cat "$root/requirements.lock" "$root/pyproject.toml" && python3 -c 'import sys; print(sys.version)' && echo "$root"; } |
        sha256sum | cut -d ' ' -f 1
}

# Leaves the root in $root and the environment's programs first in PATH.
make_environment() {
    command -v python3 >/dev/null || install_what_is_missing
    python_new_enough python3 || give_up "this needs Python 3.11 or newer; $(python3 --version 2>&1) is installed."
    local stamp
    stamp=$(environment_stamp)
    if [[ $(cat "$venv/stamp" 2>/dev/null) != "$stamp" ]]; then
        install_what_is_missing
        stamp=$(environment_stamp) # what was installed may have brought another Python
        # Two commands started together make it once: the second waits, then finds it made.
        exec 9>"$root/.venv.lock"
        flock 9
        if [[ $(cat "$venv/stamp" 2>/dev/null) != "$stamp" ]]; then
            build_environment
            echo "$stamp" >"$venv/stamp"
        fi
        exec 9>&-
    fi
    export PATH=$venv/bin:$PATH
    cd "$root"
}

build_environment() {
    echo "$command_name: making .venv from requirements.lock" >&2
    # An environment of this very Python is brought up to date in place; any other is made anew.
    if ! "$venv/bin/python" -c "import sys
raise SystemExit(sys.version != '''$(python3 -c 'import sys; print(sys.version)')''')" 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv"
    fi
    local pip=("$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-input) setuptools
    # The builder first and by hash as well; then nothing that is built below fetches anything.
    setuptools=$(mktemp)
    awk '/^[^ #]/ { wanted = /^setuptools==/ } wanted' "$root/requirements.lock" >"$setuptools"
    "${pip[@]}" --require-hashes -r "$setuptools"
    rm -f "$setuptools"
    "${pip[@]}" --require-hashes --no-build-isolation --use-pep517 -r "$root/requirements.lock"
    "${pip[@]}" --no-deps --no-build-isolation --editable "$root"
}
