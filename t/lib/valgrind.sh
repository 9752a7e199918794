#!/bin/sh
# One title, every kind of response, by the command and by httpd, under valgrind.
. "$(dirname "$0")/guard.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/jitorigin-valgrind.XXXXXX")
chmod 755 "$work"
server=
cleanup() {
    [ -z "$server" ] || { kill -TERM "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
    rm -rf "$work"
}
trap cleanup EXIT

mkdir "$work/media"
ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440 -t 6 \
    -c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac "$work/media/kite.mp4" || echo "Bail out! no fixture"
(cd "$work/media" && "$JITORIGIN_CLI" ism -o kite.ism kite.mp4)
ok $? "jitorigin ism"

# The relative URLs of playlist or MPD on standard input, one a line, templates left out.
uris() { sed -n 's/.*URI="\([^"]*\)".*/\1/p; /^[^#]/p' | sort -u; }

# get PATH: by the command under valgrind, with the settings of $with; the body goes to $work/body.
with=
get() {
    # shellcheck disable=SC2086
    valgrind -q --error-exitcode=99 "$JITORIGIN_CLI" get $with "$work/media/kite.ism/$1" >"$work/body" 2>"$work/err"
    status=$?
    ok $status "jitorigin get $with kite.ism/$1"
    [ $status -eq 0 ] || sed 's/^/# /' "$work/err"
}

# What a name in a playlist means, seen from the title.
seen_from() { # PLAYLIST NAME
    case $1 in
    */*) echo "${1%/*}/$2" | sed 's,[^/]*/\.\./,,' ;;
    *) echo "$2" ;;
    esac
}

# A title's playlists, and some of the segments that each names, into $found.
walk() {
    get .m3u8
    found=.m3u8
    for playlist in $(uris <"$work/body"); do
        found="$found $playlist"
        get "$playlist"
        for name in $(uris <"$work/body" | sed -n '1,2p;$p'); do
            segment=$(seen_from "$playlist" "$name")
            found="$found $segment"
            get "$segment"
        done
    done
}

with='--with hls=ts'
walk
with=
walk
paths=".mpd $found"
get .mpd

JITORIGIN_WRAP="valgrind --log-file=$work/httpd.%p.log" "$JITORIGIN_SRC/dev" serve "$work/media" --port 0 >"$work/ready" 2>&1 &
server=$!
tries=0
until grep -q '^ready ' "$work/ready" || [ $tries -ge 60 ]; do
    tries=$((tries + 1))
    sleep 1
done
base=$(sed -n 's/^ready //p' "$work/ready")
[ -n "$base" ]
ok $? "httpd is up under valgrind"
if [ -n "$base" ]; then
    for path in $paths; do
        for title in kite.ism kite.mp4; do
            [ $title = kite.ism ] || case $path in .*) ;; *) continue ;; esac
            perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(timeout => 60)->get($ARGV[0]); print "$r->{status}\n"; exit !$r->{success}' \
                "$base$title/$path" >"$work/status"
            ok $? "GET $title/$path"
        done
    done
else
    sed 's/^/# /' "$work/ready"
fi
kill -TERM "$server"
wait "$server"
server=

# Errors of httpd and its libraries alone are not ours.
logs=0
for log in "$work"/httpd.*.log; do
    grep -q 'ERROR SUMMARY' "$log" || continue
    logs=$((logs + 1))
    ok_empty "$(grep -E 'mod_jitorigin|jo_[a-z]' "$log")" "no error of ours in $(basename "$log")"
done
ok_some "$logs" "valgrind wrote logs"

done_testing
