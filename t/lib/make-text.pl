#!/usr/bin/env perl
# make-text.pl DIR: text tracks for the golden titles, 10 s long: what ffmpeg can't write.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JitOrigin::Golden qw(spew);
use JitOrigin::Mp4 qw(mp4 stpp_entry wvtt_entry wvtt_sample);

my $dir = shift // die "usage: make-text.pl DIR\n";

sub cue { my ($ms, @texts) = @_; return [$ms, wvtt_sample(map { { payl => $_ } } @texts)] }

# A cue across a cut, one of two lines, nothing, an accented one: fragments end at 4 s and at 8 s.
spew("$dir/wvtt-eng.mp4", mp4(
    handler   => 'text',
    language  => 'eng',
    entries   => [wvtt_entry('WEBVTT')],
    fragments => [
        { samples => [cue(1000), cue(2000, 'Hello'), cue(1000, 'Across')] },
        { samples => [cue(1500, 'Across'), cue(1500, 'One', 'Two'), cue(1000)] },
        { samples => [cue(2000, "\xc3\x9cber")] },
    ],
));

# Nothing before 6 s: the first segments of a title have no text.
spew("$dir/wvtt-late.mp4", mp4(
    handler   => 'text',
    language  => 'fra',
    entries   => [wvtt_entry('WEBVTT')],
    fragments => [{ start => 6000, samples => [cue(1000, 'Tard'), cue(3000)] }],
));

# Cues that last over whole segments: no sample begins there.
spew("$dir/wvtt-long.mp4", mp4(
    handler   => 'text',
    language  => 'eng',
    entries   => [wvtt_entry('WEBVTT')],
    fragments => [{ samples => [cue(5000, 'Long'), cue(5000, 'Later')] }],
));

spew("$dir/wvtt-longer.mp4", mp4(
    handler   => 'text',
    language  => 'deu',
    entries   => [wvtt_entry('WEBVTT')],
    fragments => [{ samples => [cue(7000, 'Lang'), cue(3000, 'Kurz')] }],
));

# Another sample entry from 5 s on.
spew("$dir/wvtt-change.mp4", mp4(
    handler   => 'text',
    language  => 'eng',
    entries   => [wvtt_entry('WEBVTT'), wvtt_entry('WEBVTT - part 2')],
    fragments => [{ samples => [cue(5000, 'Before')] }, { entry => 2, samples => [cue(5000, 'After')] }],
));

# To and fro, 80 times.
spew("$dir/wvtt-restless.mp4", mp4(
    handler   => 'text',
    entries   => [wvtt_entry('WEBVTT'), wvtt_entry('WEBVTT - part 2')],
    fragments => [map { { entry => 1 + $_ % 2, samples => [cue(200, 'x')] } } 0 .. 80],
));

my $ttml = 'http://www.w3.org/ns/ttml';

sub document {
    my ($begin, $end, $text) = @_;
    return qq(<?xml version="1.0" encoding="UTF-8"?><tt xmlns="$ttml" xml:lang="nl"><body><div>)
        . qq(<p begin="${begin}s" end="${end}s">$text</p></div></body></tt>);
}

# One document of 2 s after the other.
spew("$dir/stpp-nld.mp4", mp4(
    handler   => 'subt',
    language  => 'nld',
    timescale => 90_000,
    entries   => [stpp_entry($ttml, '', '')],
    fragments => [map { { samples => [[180_000, document(2 * $_, 2 * $_ + 1.5, "Regel $_")]] } } 0 .. 4],
));
