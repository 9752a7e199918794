#!/bin/sh
# The module exports its record and nothing else; the core needs no symbol of httpd and keeps no mutable state.
. "$(dirname "$0")/../lib/guard.sh"

module=${JITORIGIN_MODULE:-$JITORIGIN_BUILD/.libs/mod_jitorigin.so}
core=$JITORIGIN_BUILD/.libs/libjitorigin.a

exports=$(nm -D --defined-only "$module" | awk '{ print $3 }' | sort)
ok_some "$(printf '%s' "$exports" | grep -c .)" "$(basename "$module") exports something"
[ "$exports" = jitorigin_module ]
ok $? "it exports jitorigin_module alone"
[ "$exports" = jitorigin_module ] || printf '%s\n' "$exports" | sed 's/^/# /'

ok_some "$(nm "$core" 2>/dev/null | grep -c ' T jo_')" "the core archive defines functions"
ok_empty "$(nm -A "$core" 2>/dev/null | grep -E ' U (ap|unixd|mpm)_')" "the core needs no symbol of httpd"
ok_empty "$(nm "$core" 2>/dev/null | awk 'NF == 3 && $2 ~ /^[TDBRVW]$/ && $3 !~ /^(jo_|_|asan|DW\.ref)/ { print $3 }')" \
    "every global name of the core begins with jo_"

# Constant tables of pointers are relocated (.data.rel.ro); what stays writable is .data and .bss. Sanitizers and gcov
# add data of their own.
if nm "$core" 2>/dev/null | grep -qE '__asan_init|__gcov_'; then
    ok 0 "mutable state: not looked at in an instrumented build"
else
    ok_empty "$(objdump -t "$core" 2>/dev/null | awk '
        /file format/ { file = $1 }
        $3 !~ /^d/ && / (\.data|\.bss|\*COM\*|\.tdata|\.tbss)[.\t]/ && !/ \.data\.rel\.ro/ && $2 != "d" { print file $NF }')" \
        "the core has no writable static data"
fi

done_testing
