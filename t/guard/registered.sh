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
each "bench tests and files" "" t/bench/*.t t/bench/*.pm t/bench/*.pl t/bench/*.c t/bench/*.sh
each "guards" "" t/guard/*.sh

each "fuzz targets" .c t/fuzz/*_fuzz.c

for file in t/fuzz/*_fuzz.c; do
    target=$(basename "$file" .c)
    ok_some "$(find "t/fuzz/corpus/$target" -type f 2>/dev/null | wc -l)" "the corpus of $target has inputs"
done

done_testing
