# Debian 12 packages, read by deploy/demo and tests/run. Sourced, not run.

BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkgconf libzmq3-dev libczmq-dev libsodium-dev libmsgpack-dev libsqlite3-dev
    libsystemd-dev libyaml-dev libjansson-dev libsmartcols-dev libical-dev uthash-dev tzdata"
TEST_PACKAGES="libcmocka-dev iproute2 python3 python3-zmq python3-msgpack python3-nacl python3-yaml python3-dateutil python3-croniter
    systemd git bash-completion groff-base man-db"
FULL_PACKAGES="clang libclang-rt-14-dev debootstrap"
PACKAGE_PACKAGES="dpkg-dev debhelper fakeroot lintian po-debconf"

# need_packages NAME...: installs what is missing, or says what an administrator has to install.
need_packages() {
    local name missing=""
    for name in "$@"; do
        if ! dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii'; then
            missing="$missing $name"
        fi
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "error: Debian packages are missing:$missing" >&2
        echo "       install them once: sudo apt-get install$missing" >&2
        exit 1
    fi
    echo "installing Debian packages:$missing"
    local log
    log=$(mktemp)
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "error: apt-get could not install:$missing" >&2
        exit 1
    fi
    rm -f "$log"
}
