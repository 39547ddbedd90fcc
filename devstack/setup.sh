#!/bin/sh
# Installs what the project needs on Debian 12: system packages, a Python environment in .venv and
# one of the policy pack's own in policy/.venv. Does nothing, quickly, when all is there. The
# environments live in the cache, so that they survive the work tree and two work trees with the
# same requirements share one.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/langgraph-checkpoint

say() { echo "setup: $*"; }
fail() {
    say "$*" >&2
    exit 1
}

missing_packages() {
    dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' |
        sed -n 's/ installed$//p' | grep -Fxv -f - devstack/debian-packages.txt | tr '\n' ' '
}

install_packages() ( # PACKAGE...
    say "installing $* …"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # The stack starts its own containerd and PostgreSQL: installing them must start no service
    # and make no database. invoke-rc.d asks policy-rc.d; 101 means "do not".
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    clusters=/etc/postgresql-common/createcluster.conf
    if [ ! -e $clusters ]; then
        mkdir -p "${clusters%/*}"
        echo 'create_main_cluster = false' >$clusters
    fi
    # confold: dpkg would stop and ask about the file just written.
    if ! { apt-get -q update && apt-get -q -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold install "$@"; } >"$log" 2>&1 </dev/null; then
        fail "apt-get could not install $*: $(grep '^E:' "$log" | tail -n 1), all of it in $log"
    fi
    rm -f "$log"
)

find_python() {
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "expected Python 3.11 or newer with its venv module, found none: use Debian 12 or install it"
}

make_environment() { # PYTHON FOLDER REQUIREMENTS
    # Its programs name their own path, so it is made in place; the mark tells that it is whole.
    say "making the Python environment $2 (about 40 s) …"
    rm -rf "$2"
    "$1" -m venv "$2"
    "$2/bin/python" -m pip --disable-pip-version-check install --quiet --compile --require-hashes \
        --no-deps --requirement "$3" || fail "pip could not fill $2, see above"
    touch "$2/.complete"
}

link_environment() { # LINK REQUIREMENTS
    key=$({
        cat "$2"
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    } | sha256sum | cut -c 1-16)
    environment=$cache/venv-$key
    if [ ! -e "$environment/.complete" ]; then
        mkdir -p "$cache"
        # One builder at a time; a second one finds the work done when it gets the lock.
        exec 9>"$environment.lock"
        flock 9
        [ -e "$environment/.complete" ] || make_environment "$python" "$environment" "$2"
    fi
    [ -L "$1" ] || [ ! -e "$1" ] || fail "expected $1 to be a link of this script's, found a folder: remove it"
    [ "$(readlink "$1" || true)" = "$environment" ] || ln -sfn "$environment" "$1"
}

command -v dpkg-query >/dev/null || fail "expected Debian 12, found no dpkg: see README.md for using a cluster of your own"
missing=$(missing_packages)
if [ -n "$missing" ]; then
    [ "$(id -u)" -eq 0 ] || fail "Debian packages are missing: as root, apt-get install $missing"
    # shellcheck disable=SC2086 # one word a package
    install_packages $missing
fi

python=$(find_python)
link_environment .venv requirements-dev.txt
link_environment policy/.venv policy/requirements.txt
