#!/bin/sh
# Every directive has its chapter in the manual (conf/reference.conf), and the manual names no other.
. "$(dirname "$0")/../lib/guard.sh"

rows=$(grep -o '"JitOrigin[A-Za-z0-9]*"' src/httpd/directives.h | tr -d '"' | sort -u)
manual=$(grep -oE 'JitOrigin[A-Za-z0-9]*' conf/reference.conf | sort -u)

ok_some "$(printf '%s' "$rows" | grep -c .)" "directives.h has rows"
ok_some "$(printf '%s' "$manual" | grep -c .)" "reference.conf names directives"

for name in $rows; do
    printf '%s\n' "$manual" | grep -qx "$name"
    ok $? "$name is in the manual"
done
# A chapter is "# Name" and below it the three fields that every one has.
for name in $rows; do
    chapter=$(awk -v name="$name" '$0 == "# " name { on = 1; next } /^(# )?[A-Z-]/ && !/^#  / { on = 0 } on' conf/reference.conf)
    for field in Syntax Default Context; do
        printf '%s\n' "$chapter" | grep -q "^#   $field:"
        ok $? "$name: $field"
    done
done
for name in $manual; do
    printf '%s\n' "$rows" | grep -qx "$name"
    ok $? "$name of the manual exists"
done

for conf in conf/jitorigin.conf conf/example-vhost.conf docker/*.conf; do
    [ -f "$conf" ] || continue
    for name in $(grep -oE 'JitOrigin[A-Za-z0-9]*' "$conf" | sort -u); do
        printf '%s\n' "$rows" | grep -qx "$name"
        ok $? "$name of $conf exists"
    done
done

done_testing
