#!/usr/bin/env perl
# The tables of docs/codecs.md against the command: every row is made into a tiny title, which must be listed where the
# table says so, under the names that it gives, and refused with a reason where it says no.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(src command slurp spew run);
use JitOrigin::Mp4 qw(:DEFAULT boxes video_entry audio_entry plain_entry esds stpp_entry wvtt_entry wvtt_sample mp4);

# -- configuration records: x265's and libvpx's of a test picture, others by the clauses that the table names

my $AVC = 'avcC:0164000cffe1001e6764000cacd941419ea23016e1224128000003000800000300a078a14cb001000668ebe3cb22c0fdf8f800';
my $HEVC =
      'hvcC:0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959409'
    . 'a10001002f42010102200000030090000003000003003ca00a080c1d4436595952930bc39a848804820000030002000003001410'
    . 'a2000100064401c073c189';
my $DOLBY5  = ' dvcC:01000a350000000000000000000000000000000000000000';
my $DOLBY81 = ' dvvC:010010351000000000000000000000000000000000000000';
my $DOLBY9  = ' dvvC:010012352000000000000000000000000000000000000000';
my $DOLBY10 = ' dvvC:010014350000000000000000000000000000000000000000';
my $VVC     = 'vvcC:00000000ff00155f0102338000050002d00000028f00010003007900900001000300810a';
my $DTS     = 'ddts:000177000016e3600016e3601863240000004f00';
my $MP3     = pack 'H*', 'fffb9064' . '00' x 413;      # 128 kbit/s, 44.1 kHz, joint stereo
my $HALF    = pack 'H*', 'fff38064' . '00' x 204;      # of 13818-3: 22.05 kHz
my $CORE    = pack 'H*', '7ffe8001fc3c3ff0b5e0' . '00' x 1000;

my %VIDEO = (
    'avc1.64000C'                    => ['avc1', $AVC],
    'avc3.64000C'                    => ['avc3', $AVC],
    'hvc1.2.4.L60.90'                => ['hvc1', $HEVC],
    'hev1.2.4.L60.90'                => ['hev1', $HEVC],
    'dvh1.08.06/db1p'                => ['hvc1', $HEVC . $DOLBY81],
    'dvh1.05.06'                     => ['dvh1', $HEVC . $DOLBY5],
    'dvhe.05.06'                     => ['dvhe', $HEVC . $DOLBY5],
    'dva1.09.06'                     => ['dva1', $AVC . $DOLBY9],
    'dvav.09.06'                     => ['dvav', $AVC . $DOLBY9],
    'vvc1.1.L51.CQA'                 => ['vvc1', $VVC],
    'vvi1.1.L51.CQA'                 => ['vvi1', $VVC],
    'av01.0.00M.10.0.110.09.16.09.0' => ['av01', 'av1C:81004c000a0e000000043cf6c4daf95091009040'],
    'dav1.10.06'                     => ['dav1', 'av1C:81000c000a0b000000043cf6c402f80040' . $DOLBY10],
    'vp08.00.30.08.00.02.02.02.00'   => ['vp08', 'vpcC:01000000001e800202020000'],
    'vp09.00.10.08'                  => ['vp09', 'vpcC:01000000000a820101010000'],
);

# Sound: boxes, or [object type, DecoderSpecificInfo in hex]; a sample where the record is silent.
my %AUDIO = (
    'mp4a.40.2'      => ['mp4a', [0x40, '1190']],
    'mp4a.40.5'      => ['mp4a', [0x40, '2b118800']],
    'mp4a.40.29'     => ['mp4a', [0x40, 'eb098800']],
    'mp4a.40.1'      => ['mp4a', [0x40, '0990']],
    'mp4a.40.23'     => ['mp4a', [0x40, 'b988']],
    'mp4a.40.39'     => ['mp4a', [0x40, 'f8ec2180']],
    'mp4a.40.42'     => ['mp4a', [0x40, 'f94824211cc0']],
    'mp4a.6b'        => ['mp4a', [0x6b, ''], $MP3],
    'mp4a.69'        => ['mp4a', [0x69, ''], $HALF],
    'mp4a.a9'        => ['mp4a', [0xa9, ''], $CORE],
    '.mp3 mp4a.6b'   => ['.mp3', '', $MP3],
    'ac-3'           => ['ac-3', 'dac3:103dc0'],
    'ec-3'           => ['ec-3', 'dec3:0c00200f00'],
    'ac-4.02.01.01'  => ['ac-4', 'dac4:20a401400000001fffffffe00109f9000009000011c000'],
    'dtsc'           => ['dtsc', 'ddts:0000bb8000000000000000001042084000000000'],
    'dtse'           => ['dtse', $DTS],
    'dtsh'           => ['dtsh', $DTS],
    'dtsl'           => ['dtsl', $DTS],
    'dtsx'           => ['dtsx', 'udts:1c010000003fa000'],
    'opus'           => ['Opus', 'dOps:0002013800000000000000'],
    'flac'           => ['fLaC', 'dfLa:0000000080000022100010000000000000000ac440f0000000000' . '0' x 31],
    'alac'           => ['alac', 'alac:00000000000010000018280a0e0600000000000000000000' . '00017700'],
    'mha1.0x0D'      => ['mha1', 'mhaC:010d1300040d1904c0'],
    'mha2.0x0D'      => ['mha2', 'mhaC:010d0000060d1911000000'],
    'mhm1.0x10'      => ['mhm1', 'mhaC:011001000410190040'],
    'mhm2.0x0B'      => ['mhm2', 'mhaC:010b060000'],
);

my $TTML    = 'http://www.w3.org/ns/ttml';
my $PICTURE = qq{<tt xmlns="$TTML" xmlns:ttp="$TTML#parameter" ttp:profile="$TTML/profile/imsc1.1/image"/>};
my %TEXT    = (
    'stpp.ttml.im1t' => ['subt', stpp_entry($TTML, '', ''), qq{<tt xmlns="$TTML"><body/></tt>}],
    'stpp.ttml.im2i' => ['subt', stpp_entry($TTML, '', ''), $PICTURE],
    'wvtt'           => ['text', wvtt_entry('WEBVTT'), wvtt_sample({ payl => 'hello' })],
);

# -- titles

sub entry_of {
    my ($kind, $type, $record) = @_;
    return video_entry($type, 318, 178, boxes($record)) if $kind eq 'vide';
    return audio_entry($type, 2, 48000, ref $record ? esds($record->[0], pack 'H*', $record->[1]) : boxes($record));
}

# The whole file for a row of the table; undef if none is made here.
sub title {
    my ($entry, $example) = @_;
    my ($handler, $bytes, $sample);
    if (my $v = $VIDEO{$example}) {
        ($handler, $bytes, $sample) = ('vide', entry_of('vide', @{$v}), "\0\0\0\1\x09");
    } elsif (my $a = $AUDIO{"$entry $example"} || $AUDIO{$example}) {
        ($handler, $bytes, $sample) = ('soun', entry_of('soun', @{$a}), $a->[2] // "\0" x 16);
    } elsif (my $t = $TEXT{$example}) {
        ($handler, $bytes, $sample) = @{$t};
    } else {
        return;
    }
    return if substr($bytes, 4, 4) ne $entry;
    return mp4(
        handler   => $handler,
        entries   => [$bytes],
        fragments => [map { { samples => [[1000, $sample], [1000, $sample]] } } 1 .. 4],
    );
}

# -- questions

my $dir     = tempdir(CLEANUP => 1);
my $scratch = "$dir/out";
my $cli     = command();
chdir $dir or die "$dir: $!";

sub get {
    my ($url, $with) = @_;
    run($scratch, $cli, 'get', '-i', '--with', $with // '', $url);
    my $answer = slurp($scratch);
    my ($status) = $answer =~ /^status: (\d+)/;
    return ($status // 0, $answer, slurp("$scratch.err"));
}

sub check_listed {
    my ($what, $url, $with, @names) = @_;
    my ($status, $answer, $said) = get($url, $with);
    my @missing = grep { $answer !~ /["\x{2c}]\Q$_\E["\x{2c}]/ } @names;
    ok($status == 200 && !@missing, "$what: listed") or diag("$status, without @missing: $said$answer");
    return;
}

sub check_refused {
    my ($what, $url, $with, $reason) = @_;
    my ($status, $answer, $said) = get($url, $with);
    ok($status == 415 && $said =~ $reason, "$what: refused with a reason") or diag("$status: $said$answer");
    return;
}

sub check_format {
    my ($what, $url, $with, $cell, @names) = @_;
    return $cell eq 'no'
        ? check_refused($what, $url, $with, qr/can carry none of the title's tracks \(.+: .+\)/)
        : check_listed($what, $url, $with, @names);
}

# In TS, HEVC hangs on a directive; "auto" is fMP4 where TS can't be.
sub check_ts {
    my ($what, $cell, @names) = @_;
    my $by_directive = $cell eq 'by directive';
    my $without = $by_directive ? 'no' : $cell;
    check_format("$what in TS", 'x.mp4/.m3u8', 'hls=ts', $without, @names);
    check_format("$what in TS with JitOriginTsHevc", 'x.mp4/.m3u8', 'hls=ts,ts-hevc', $by_directive ? 'yes' : $cell, @names);
    my $auto = (get('x.mp4/.m3u8', 'hls=auto'))[1] =~ /^#EXT-X-VERSION:4$/m ? 'yes' : 'no';
    is($auto, $without, "$what: auto");
    check_segments("$what in TS", 'hls=ts,ts-hevc') if $cell ne 'no';
    return;
}

sub check_row {
    my ($name, $hls, $ts, $dash, $smooth, $rfc) = @_;
    my ($codec, $extra, $apple) = $rfc =~ /^`([^`]+)`(?:, supplemental `([^`]+)`)?(?:, HLS `([^`]+)`)?$/;
    my ($entry) = $name =~ /^`(.{4})`$/;
    return fail("row $name $rfc: can't be read") if !defined $codec || !defined $entry;
    my $mp4 = title($entry, $extra // $codec);
    return fail("$entry $codec: no title is made of it here") if !defined $mp4;
    spew('x.mp4', $mp4);
    check_format("$entry $codec in HLS", 'x.mp4/.m3u8', '', $hls, $apple // $codec, $extra // ());
    check_format("$entry $codec in DASH", 'x.mp4/.mpd', '', $dash, $codec, split m{/}, $extra // '');
    check_format("$entry $codec in Smooth", 'x.mp4/Manifest', '', $smooth, $smooth =~ /`(.+)`/ ? "$1" : ());
    check_segments("$entry $codec", '');
    check_ts("$entry $codec", $ts, $apple // $codec);
    return;
}

# The init segment and the first segment of the track, which its playlist names.
sub check_segments {
    my ($what, $with) = @_;
    my ($list) = (get('x.mp4/.m3u8', $with))[1] =~ /^(\S+\.m3u8)$/m;
    my $playlist = (get('x.mp4/' . ($list // ''), $with))[1];
    my @resources = ($playlist =~ /URI="([^"]+)"/, $playlist =~ /^([^#\s]\S*-1\.(?:m4s|ts|aac|ac3|ec3|mp3|webvtt))$/m);
    my @bad = grep { (get("x.mp4/$_", $with))[0] != 200 } @resources;
    ok(@resources >= 1 && !@bad, "$what: its segments are there") or diag("@bad of @resources");
    return;
}

sub check_refusal {
    my ($name) = @_;
    my ($entry) = $name =~ /^`(.{4})`$/ or return fail("row $name: can't be read");
    my %handler = (encv => 'vide', mp4v => 'vide', s263 => 'vide', jpeg => 'vide', apcn => 'vide', enca => 'soun',
        sowt => 'soun', samr => 'soun');
    my $handler = $handler{$entry} || 'text';
    my $bytes = $handler eq 'text' ? plain_entry($entry, "\0" x 32) : entry_of($handler, $entry, '');
    spew('x.mp4', mp4(handler => $handler, entries => [$bytes], fragments => [{ samples => [[1000, 'x']] }]));
    my $reason = $entry =~ /^enc/ ? qr/encrypted source/ : qr/codec '\Q$entry\E' is not supported/;
    check_refused("$entry, $_", "x.mp4/$_", '', $reason) for '.m3u8', '.mpd', 'Manifest';
    return;
}

# Two files that differ only in what the first sample says of the codec: their manifests differ, so must their ETags.
sub check_etags {
    my ($what, $handler, $entry, @samples) = @_;
    my @etags = map {
        spew('x.mp4', mp4(handler => $handler, entries => [$entry], fragments => [{ samples => [[1000, $_]] }]));
        my ($status, $answer, $said) = get('x.mp4/.mpd');
        is($status, 200, "$what: 200") or diag($said);
        $answer =~ /^etag: (\S+)/mi ? $1 : '';
    } @samples;
    is(length $samples[0], length $samples[1], "$what: equal in size");
    isnt($etags[0], $etags[1], "$what: another ETag");
    return;
}

check_etags('MPEG audio at 44.1 and 48 kHz', 'soun', entry_of('soun', @{$AUDIO{'.mp3 mp4a.6b'}}[0, 1]),
    $MP3, pack 'H*', 'fffb9464' . '00' x 413);
check_etags('DTS in stereo and 5.1', 'soun', entry_of('soun', @{$AUDIO{'mp4a.a9'}}[0, 1]),
    $CORE, pack 'H*', '7ffe8001fc3c3ff275e0' . '00' x 1000);
check_etags('IMSC 1.1 pictures and text', 'text', $TEXT{(grep { /im2i/ } keys %TEXT)[0]}[1],
    $PICTURE, $PICTURE =~ s{image"}{text" }r);

my ($rows, $refusals) = (0, 0);
open my $doc, '<', src() . '/docs/codecs.md' or die "docs/codecs.md: $!";
while (<$doc>) {
    next if !/^\| `/;
    my @cells = /\| ((?:[^|\\]|\\.)*?) (?=\|)/g;
    if (@cells == 9) {
        $rows++;
        check_row(@cells[0, 3, 4, 5, 6, 2]);
    } else {
        $refusals++;
        check_refusal($cells[0]);
    }
}
close $doc;
my %examples = map { $_ => 1 } map { /^\.mp3/ ? () : $_ } keys %VIDEO, keys %AUDIO, keys %TEXT;
my $text = slurp(src() . '/docs/codecs.md');
is(join(' ', grep { $text !~ /`\Q$_\E`/ } sort keys %examples), '', 'every title made here has its row');
ok($rows > 0 && $refusals > 0, "$rows rows and $refusals refusals");
done_testing();
