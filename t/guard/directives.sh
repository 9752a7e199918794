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

for conf in conf/jitorigin.conf conf/jitorigin-cache.conf conf/example-vhost.conf docker/*.conf; do
    [ -f "$conf" ] || continue
    for name in $(grep -oE 'JitOrigin[A-Za-z0-9]*' "$conf" | sort -u); do
        printf '%s\n' "$rows" | grep -qx "$name"
        ok $? "$name of $conf exists"
    done
done

# Numbers: the manual's "Default:" is the row's, which may name a member of jo_limits_default (src/base/status.c).
bytes() { # 64K, 4M, 1G, 16000000 or a C expression of numbers and <<
    case $1 in
    *K) echo $((${1%K} << 10)) ;;
    *M) echo $((${1%M} << 20)) ;;
    *G) echo $((${1%G} << 30)) ;;
    *) echo $(($1)) ;;
    esac
}
numbers=$(tr -d '\n\\' <src/httpd/directives.h | grep -oE 'X\(NUMBER,[^)]*' |
    sed -E 's/^X\(NUMBER, *[A-Z]+, *"([A-Za-z]+)", *[a-z_]+, *([^,]+),.*/\1 \2/')
ok_some "$(printf '%s' "$numbers" | grep -c .)" "rows with numbers"
while read -r name default; do
    case $default in
    jo_limits_default.*) default=$(sed -n "s/^    \.${default#*.} = \(.*\),$/\1/p" src/base/status.c) ;;
    esac
    said=$(awk -v name="$name" '$0 == "# " name { on = 1 } on && /Default:/ { print $3; exit }' conf/reference.conf)
    if [ "$default" = -1 ]; then # depends on other settings: said in words
        printf '%s' "$said" | grep -q '^[a-z]'
        ok $? "$name: the manual says in words what its default is"
        continue
    fi
    [ -n "$default" ] && [ -n "$said" ] && [ "$(bytes "$said")" -eq "$(bytes "$default")" ]
    ok $? "$name: the manual's default ${said:-none} is the row's ${default:-none}"
done <<EOF
$numbers
EOF

done_testing
