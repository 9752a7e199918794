#!/bin/sh
# A file includes only its own folder and folders to the left of it; the core knows no httpd header.
. "$(dirname "$0")/../lib/guard.sh"

# "file<TAB>folder of the file<TAB>included folder" for every #include "…" below src/ and in the module record.
includes() {
    find src mod_jitorigin.c -name '*.[ch]' | sort | xargs awk '
        function folder(path,  parts) {
            sub(/^src\//, "", path)
            if (split(path, parts, "/") > 1) return parts[1]
            sub(/\.[ch]$/, "", path)
            return path
        }
        /^[ \t]*#[ \t]*include[ \t]*"/ {
            own = folder(FILENAME)
            split($0, q, "\"")
            inc = q[2]
            dir = FILENAME
            if (!sub(/\/[^\/]*$/, "", dir)) dir = "."
            while (inc ~ /^\.\.\//) { sub(/^\.\.\//, "", inc); if (!sub(/\/[^\/]*$/, "", dir)) dir = "." }
            path = (dir == ".") ? inc : dir "/" inc
            print FILENAME "\t" own "\t" folder(path) "\t" q[2]
        }'
}

violations() {
    includes | awk -F '\t' '
        BEGIN {
            n = split("base io media input plan output title find origin list list_hls httpd mod_jitorigin", order, " ")
            for (i = 1; i <= n; i++) rank[order[i]] = i
            rank["cli"] = rank["httpd"]
        }
        !($2 in rank) || !($3 in rank) { print $1 ": \"" $4 "\": unknown layer"; next }
        rank[$3] > rank[$2] || ($2 != $3 && rank[$2] == rank[$3]) ||
        ($2 == "output" && $3 == "input") || ($2 == "plan" && $3 == "io") {
            print $1 ": " $2 " includes " $3 " (\"" $4 "\")"
        }'
}

ok_some "$(includes | wc -l)" "found includes to check"
ok_some "$(find src -name '*.c' | wc -l)" "found sources to check"
ok_empty "$(violations)" "every file includes only its own layer and layers to the left"

ok_empty "$(grep -rnE '#[[:space:]]*include[[:space:]]*[<"](httpd|http_[a-z]+|ap_[a-z_]+|util_[a-z]+|mod_[a-z_]+|scoreboard|mpm_common)\.h' \
    src --include='*.[ch]' | grep -v '^src/httpd/')" "no httpd header outside src/httpd and mod_jitorigin.c"
ok_empty "$(grep -rnE '#[[:space:]]*include[[:space:]]*<openssl/' src mod_jitorigin.c --include='*.[ch]' |
    grep -v '^src/base/crypto\.c:')" "base/crypto.c is the only user of OpenSSL"
ok_empty "$(grep -rnE '#[[:space:]]*include[[:space:]]*<expat\.h>' src mod_jitorigin.c --include='*.[ch]' |
    grep -v '^src/base/xml\.c:')" "base/xml.c is the only user of expat"

done_testing
