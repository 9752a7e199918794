#!/bin/sh
# A source or a test that Makefile.am does not list would never be built or run.
. "$(dirname "$0")/../lib/guard.sh"

# listed PATH: PATH stands in Makefile.am as a word of its own.
listed() {
    tr -s '[:space:]\\' '\n\n' <Makefile.am | grep -qxF "$1"
}

each() { # each WHAT CUT-OFF-SUFFIX FILE…
    what=$1 cut=$2
    shift 2
    found=0 unlisted=
    for file; do
        [ -f "$file" ] || continue
        found=$((found + 1))
        listed "${file%"$cut"}" || unlisted="$unlisted $file"
    done
    ok_some "$found" "$what found"
    ok_empty "$unlisted" "all $what are in Makefile.am"
}

each "sources" "" src/*.c src/*/*.c mod_jitorigin.c
each "headers" "" src/*.h src/*/*.h
each "unit tests" .c t/unit/*_test.c
each "golden tests" "" t/golden/*.t
each "httpd tests" "" t/http/*.t
each "guards" "" t/guard/*.sh

found=0
for file in t/fuzz/*.c; do
    [ -f "$file" ] || continue
    grep -q LLVMFuzzerTestOneInput "$file" || continue
    grep -q 'int main(' "$file" && continue # the replay driver
    found=$((found + 1))
    listed "${file%.c}"
    ok $? "$file is in Makefile.am"
    target=$(basename "$file" .c)
    ok_some "$(find "t/fuzz/corpus/$target" -type f 2>/dev/null | wc -l)" "corpus of $target has inputs"
done
ok_some "$found" "fuzz targets found"

done_testing
