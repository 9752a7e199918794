# Sourced by t/guard/*.sh: TAP for checks of the source tree. A guard that checked nothing fails.
# shellcheck shell=sh

: "${JITORIGIN_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${JITORIGIN_BUILD:=$JITORIGIN_SRC/build}"
cd "$JITORIGIN_SRC" || exit 99

guard_checks=0
guard_failures=0

# ok STATUS TEXT: one assertion; STATUS 0 is good.
ok() {
    guard_checks=$((guard_checks + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $guard_checks - $2"
    else
        guard_failures=$((guard_failures + 1))
        echo "not ok $guard_checks - $2"
    fi
}

# ok_empty LIST TEXT: good when LIST is empty, else prints it.
ok_empty() {
    [ -z "$1" ]
    ok $? "$2"
    [ -z "$1" ] || printf '%s\n' "$1" | sed 's/^/# /'
}

# ok_some COUNT TEXT: there was something to check.
ok_some() {
    [ "$1" -gt 0 ]
    ok $? "$2 ($1)"
}

done_testing() {
    ok_some "$guard_checks" "checks ran"
    echo "1..$guard_checks"
    [ "$guard_failures" -eq 0 ]
    exit $?
}
