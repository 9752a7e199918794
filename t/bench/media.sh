#!/bin/sh
# media.sh DIR SECONDS LONG HEIGHT…: what ./dev bench measures, made once. A short clip is encoded, the rest is copying it.
#   HEIGHT-frag.mp4   SECONDS of one video track, a fragment every 4 s      audio-frag.mp4   the same of sound
#   HEIGHT-prog.mp4   SECONDS of the video and the sound, interleaved frame by frame
#   long-frag.mp4, long-prog.mp4   LONG seconds of the first HEIGHT: video fragments, and interleaved with sound
#   frag.ism, prog.ism, long-frag.ism, long-prog.ism   4 s segments in every format
#   HEIGHT-frag.ism, HEIGHT-prog.ism   one rung and the sound
set -eu

dir=${1:?usage: media.sh DIR SECONDS LONG HEIGHT...} seconds=$2 long=$3
shift 3
made="clip 32 s, $seconds s, $long s, $*"
if [ "$(cat "$dir/made" 2>/dev/null)" = "$made" ]; then exit 0; fi
rm -rf "$dir"
mkdir -p "$dir/work"
cd "$dir"

ff() { ffmpeg -nostdin -v error -y "$@"; }

kbits() {
    case $1 in
    240) echo 400 ;; 360) echo 800 ;; 480) echo 1400 ;; 720) echo 3000 ;; 1080) echo 6000 ;;
    *) echo "media.sh: no rung of $1 lines" >&2; exit 1 ;;
    esac
}

# 32 s: whole numbers of pictures, of GOPs and of AAC frames at 48 kHz.
clip() { # HEIGHT...
    graph="testsrc2=size=1920x1080:rate=25:duration=32,format=yuv420p,split=$#" scales='' outputs=''
    for height; do
        rate=$(kbits "$height")
        graph="$graph[in$height]"
        scales="$scales;[in$height]scale=-2:$height[v$height]"
        outputs="$outputs -map [v$height] -c:v libx264 -preset ultrafast -bf 2 -g 50 -keyint_min 50 -sc_threshold 0 -b:v ${rate}k
            -maxrate ${rate}k -bufsize ${rate}k -video_track_timescale 12800 work/$height.mp4"
    done
    # shellcheck disable=SC2086
    ff -filter_complex "$graph$scales" $outputs
    ff -f lavfi -i "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=32" -ac 2 -c:a aac -b:a 128k -f adts work/clip.aac
}

sound() { # SECONDS FILE: ADTS frames stand alone, so that the clip is put behind itself
    n=$(($1 / 32 + 1))
    while [ $n -gt 0 ]; do
        cat work/clip.aac
        n=$((n - 1))
    done >work/loop.aac
    ff -i work/loop.aac -t "$1" -c copy -bsf:a aac_adtstoasc "$2"
    rm work/loop.aac
}

fragments='-movflags +frag_keyframe+empty_moov+default_base_moof -min_frag_duration 3990000'

interleaved() { # HEIGHT SECONDS SOUND FILE
    ff -stream_loop $(($2 / 32)) -i "work/$1.mp4" -i "$3" -map 0:v -map 1:a -t "$2" -c copy "$4"
}

fragmented() { # HEIGHT SECONDS FILE
    # shellcheck disable=SC2086
    ff -stream_loop $(($2 / 32)) -i "work/$1.mp4" -t "$2" -c copy $fragments "$3"
}

ism() { # FILE: the switch is read from standard input
    {
        echo '<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head>'
        for format in hls mpd iss; do echo "<meta name=\"${format}_minimum_fragment_length\" content=\"4\"/>"; done
        echo '</head><body><switch>'
        cat
        echo '</switch></body></smil>'
    } >"$1"
}

clip "$@"
sound "$seconds" work/audio.mp4
sound "$long" work/audio-long.mp4
# shellcheck disable=SC2086
ff -i work/audio.mp4 -c copy -movflags +empty_moov+default_base_moof -frag_duration 4000000 audio-frag.mp4
for height; do
    interleaved "$height" "$seconds" work/audio.mp4 "$height-prog.mp4"
    fragmented "$height" "$seconds" "$height-frag.mp4"
done
interleaved "$1" "$long" work/audio-long.mp4 long-prog.mp4
fragmented "$1" "$long" long-frag.mp4

ladder() { # SOUND KIND HEIGHT...
    sound=$1 kind=$2
    shift 2
    for height; do echo "<video src=\"$height-$kind.mp4\"/>"; done
    echo "<audio src=\"$sound\" systemLanguage=\"eng\"/>"
}
ladder audio-frag.mp4 frag "$@" | ism frag.ism
ladder "$1-prog.mp4" prog "$@" | ism prog.ism
for height; do
    ladder audio-frag.mp4 frag "$height" | ism "$height-frag.ism"
    ladder "$height-prog.mp4" prog "$height" | ism "$height-prog.ism"
done
echo '<video src="long-frag.mp4"/>' | ism long-frag.ism
echo '<video src="long-prog.mp4"/><audio src="long-prog.mp4"/>' | ism long-prog.ism
rm -r work
chmod -R a+rX .
echo "$made" >made
