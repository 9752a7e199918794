#!/bin/sh
# make-fixtures.sh DIR: small titles for the golden tests, the same to the byte for one build of ffmpeg and libx264
# on any machine. fixtures.sha256 in DIR lists them.
#
# Two pictures of 10 s (25 fps, key frame every 2 s, B-frames) and two languages are encoded once; the rest is
# copying them into the shapes that titles come in.
set -eu

dir=${1:?usage: make-fixtures.sh DIR}
lib=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir"
cd "$dir"

# Encoders choose instructions by machine, and floating point may then differ in the last bit: plain C everywhere.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F
exact='-fflags +bitexact -flags:v +bitexact -flags:a +bitexact'

ff() {
    # shellcheck disable=SC2086
    ffmpeg -nostdin -v error -y -cpuflags 0 -threads 1 -filter_threads 1 "$@"
}

video() { # FILE KBITS
    # shellcheck disable=SC2086
    ff -f lavfi -i testsrc2=size=160x90:rate=25:duration=10 -pix_fmt yuv420p -sws_flags +bitexact+accurate_rnd \
        -c:v libx264 -preset veryfast -profile:v main -b:v "$2k" -threads 1 \
        -x264-params asm=0:keyint=50:min-keyint=50:scenecut=0:bframes=2:b-adapt=0:ref=1 \
        $exact -video_track_timescale 12800 "$1"
}

plain() { # FILE SIZE SECONDS LEVEL: fragments of one GOP, nothing reordered
    # shellcheck disable=SC2086
    ff -f lavfi -i "testsrc2=size=$2:rate=25:duration=$3" -pix_fmt yuv420p -sws_flags +bitexact+accurate_rnd \
        -c:v libx264 -preset veryfast -profile:v baseline -level:v "$4" -b:v 100k -threads 1 \
        -x264-params asm=0:keyint=50:min-keyint=50:scenecut=0:ref=1 \
        -movflags +frag_keyframe+empty_moov+default_base_moof $exact -video_track_timescale 12800 "$1"
}

audio() { # FILE HERTZ LANGUAGE
    # shellcheck disable=SC2086
    ff -f lavfi -i "sine=frequency=$2:sample_rate=48000:duration=10" -ac 1 -c:a aac -b:a 32k -threads 1 \
        $exact -metadata:s:a:0 language="$3" "$1"
}

dolby() { # FILE HERTZ LANGUAGE: AC-3 by the integer encoder
    # shellcheck disable=SC2086
    ff -f lavfi -i "sine=frequency=$2:sample_rate=48000:duration=10" -ac 2 -c:a ac3_fixed -b:a 96k -threads 1 \
        $exact -metadata:s:a:0 language="$3" "$1"
}

copy() { # FILE OPTIONS INPUT...: all tracks of the inputs
    out=$1 options=$2
    shift 2
    inputs='' maps='' n=0
    for input; do
        inputs="$inputs -i $input"
        maps="$maps -map $n"
        n=$((n + 1))
    done
    # shellcheck disable=SC2086
    ff $inputs $maps -c copy $exact $options "$out"
}

video .v300.mp4 300
video .v100.mp4 100
audio .eng.mp4 440 eng
audio .deu.mp4 550 deu
dolby .ac3.mp4 440 eng

fragments='-movflags +frag_keyframe+empty_moov+default_base_moof'
copy prog.mp4 '' .v300.mp4 .eng.mp4 .deu.mp4              # progressive, moov last, interleaved
copy prog-100k.mp4 '-movflags +faststart' .v100.mp4       # progressive, moov first
copy frag.mp4 "$fragments" .v300.mp4 .eng.mp4             # fragmented, no index, edit lists lost to decode times
copy cmaf-300k.mp4 "$fragments+cmaf" .v300.mp4
copy cmaf-100k.mp4 "$fragments+cmaf" .v100.mp4
copy cmaf-eng.mp4 '-movflags +cmaf+dash+global_sidx+empty_moov -frag_duration 2000000' .eng.mp4
copy cmaf-deu.mp4 '-movflags +cmaf+empty_moov -frag_duration 2000000' .deu.mp4
copy ac3-eng.mp4 '-movflags +faststart' .ac3.mp4
plain .p1.mp4 160x90 4 1.2
plain .p2.mp4 320x180 6 1.3 # so that CODECS has two to name
perl "$lib/join-entries.pl" entries.mp4 .p1.mp4 .p2.mp4  # another sample entry from 4 s on
perl "$lib/join-entries.pl" --progressive joined.mp4 .p1.mp4 .p2.mp4
perl "$lib/refer.pl" refer.mp4 prog.mp4                   # its samples are in prog.mp4
perl "$lib/insert-events.pl" events-300k.mp4 cmaf-300k.mp4 # timed ID3 and SCTE 35
perl "$lib/insert-events.pl" events-eng.mp4 cmaf-eng.mp4
perl "$lib/make-text.pl" .                                # text, which ffmpeg can't write

rm .v300.mp4 .v100.mp4 .eng.mp4 .deu.mp4 .ac3.mp4 .p1.mp4 .p2.mp4
sha256sum -- *.mp4 >fixtures.sha256
