#!/usr/bin/env perl
# HLS in TS: streams by a reader of our own (continuity over the whole playlist, tables, clock, random access), and by ffmpeg: every
# packet is the source's, pictures and sound equally late. Sound alone and muxed. JITORIGIN_MEDIA adds real files.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Copy ();
use JitOrigin::Golden qw(fixtures spew ffmpeg_version);
use JitOrigin::Httpd;
use JitOrigin::Media qw(media_file);
use Segments qw(fetch join_url);
use Test::More;

plan skip_all => 'no ffmpeg to make titles with' if !ffmpeg_version();

my $server = JitOrigin::Httpd->new(modules => [], conf => <<'CONF');
<Location />
    JitOrigin On
    JitOriginDirect On
    JitOriginHlsContainer ts
    JitOriginTsHevc On
    JitOriginQueryOptions hls_client_manifest_version
</Location>
CONF
my $docs = $server->docs;
my @files = map { media_file($_) } qw(kite.mp4 frag.mp4 dolby.mp4 mpeg.mp4);
if (my $media = $ENV{JITORIGIN_MEDIA}) {
    push @files, grep { -e } map { "$media/$_" } qw(prog/movie_300.mp4 prog/bear-640x360.mp4 video/bear-640x360-hevc.mp4 timing/edit_list_positive_shift.mp4 audio/sample_ac3.mp4);
}
for my $file (@files) {
    File::Copy::copy($file, $docs) or die "$file: $!";
}
chmod 0644, glob "$docs/*.mp4";
$server->start;

# ---- the stream, by 13818-1

# What is wrong with it; {pid => number of PES packets} goes to %$units.
sub faults {
    my ($stream, $starts, $units) = @_;
    my (%counter, %seen, $clock, @faults);
    my %begins = map { $_ => 1 } @$starts;
    push @faults, 'not of whole packets' if length($stream) % 188;
    for (my $at = 0; $at + 188 <= length $stream; $at += 188) {
        my ($sync, $flags, $control) = unpack 'Cnc', substr $stream, $at, 4;
        my ($pid, $starts_unit, $has_field, $has_payload) = ($flags & 0x1fff, $flags & 0x4000, $control & 0x20, $control & 0x10);
        push @faults, "no sync byte at $at" if $sync != 0x47;
        my $field = $has_field ? unpack 'C', substr $stream, $at + 4, 1 : -1;
        my $bits = $field > 0 ? unpack 'C', substr $stream, $at + 5, 1 : 0;
        if ($begins{$at}) {
            push @faults, "no PAT at the start of a segment, $at" if $pid != 0;
            %seen = ();
        }
        push @faults, "PID $pid: counter at $at" if $has_payload && defined $counter{$pid} && ($counter{$pid} + 1) % 16 != ($control & 15);
        $counter{$pid} = $control & 15 if $has_payload;
        if ($bits & 0x10) {
            my ($high, $low) = unpack 'NC', substr $stream, $at + 6, 5;
            my $pcr = $high * 2 + ($low >> 7);
            push @faults, sprintf 'PCR %.3f s on at %d', ($pcr - $clock) / 90000, $at if defined $clock && ($pcr <= $clock || $pcr - $clock > 9000);
            $clock = $pcr;
        }
        if ($starts_unit && $pid >= 0x100 && $pid < 0x1000) {
            push @faults, "PID $pid: a segment begins without random access at $at" if $pid == 0x100 && !$seen{$pid}++ && !($bits & 0x40);
            push @faults, "PID $pid: no PES at $at" if substr($stream, $at + 5 + $field, 3) ne "\0\0\1";
            $units->{$pid}++;
        }
    }
    return @faults;
}

# ---- the packets, by ffmpeg

my %plain = (
    h264 => 'h264_mp4toannexb,filter_units=remove_types=7-9',
    hevc => 'hevc_mp4toannexb,filter_units=remove_types=32-35|39-40',
    aac  => 'aac_adtstoasc');

sub stream_codec {
    my ($file, $kind) = @_;
    return `ffprobe -v error -select_streams $kind:0 -show_entries stream=codec_name -of csv=p=0 '$file'` =~ /^(\w+)/ ? $1 : undef;
}

# [PTS in seconds, rising], [digests in coded order]
sub packets {
    my ($file, $kind) = @_;
    my $bsf = $plain{stream_codec($file, $kind) // ''} // 'null';
    my (@times, @digests, $tick);
    for (`ffmpeg -nostdin -v error -copyts -i '$file' -map 0:$kind:0 -c copy -bsf '$bsf' -f framemd5 - 2>&1`) {
        $tick = $1 / $2 if m{^#tb \d+: (\d+)/(\d+)};
        next if !/^\d/;
        my @cells = split /,\s*/;
        push @times, $cells[2] * $tick;
        push @digests, $cells[5] =~ s/\s+$//r;
    }
    return ([sort { $a <=> $b } @times], \@digests);
}

# ---- titles

# Packed audio without the tag before it: raw demultiplexers take one for a part of the frame before.
sub untagged {
    my ($bytes) = @_;
    my ($id, @size) = unpack 'a3 x3 C4', $bytes;
    return $id eq 'ID3' ? substr $bytes, 10 + ($size[0] << 21 | $size[1] << 14 | $size[2] << 7 | $size[3]) : '';
}

# The bytes of a media playlist's segments, and where each begins.
sub gather {
    my ($url) = @_;
    my ($all, @starts) = ('');
    for my $name ((fetch($url))[1] =~ /^([^#\s]\S*)$/mg) {
        push @starts, length $all;
        my $bytes = (fetch(join_url($url, $name)))[1];
        $all .= $name =~ /\.ts$/ ? $bytes : untagged($bytes);
    }
    return ($all, \@starts);
}

sub compare {
    my ($what, $source, $out, $kind, $shifts) = @_;
    my ($times, $digests) = packets($source, $kind);
    my ($got_times, $got) = packets($out, $kind);
    ok(@$digests > 0 && "@$got" eq "@$digests", "$what: every packet is the source's") or diag(@$got . ' for ' . @$digests);
    my $shift = @$got_times ? $got_times->[0] - $times->[0] : 0;
    my ($worst) = sort { $b <=> $a } map { abs($got_times->[$_] - $times->[$_] - $shift) } 0 .. ($#$times < $#$got_times ? $#$times : $#$got_times);
    cmp_ok($worst // 9, '<', 0.001, "$what: at its time");
    push @$shifts, $shift;
    return;
}

for my $file (@files) {
    my ($name) = $file =~ m{([^/]+)$};
    my $base = $name =~ s/\.mp4$//r;
    for my $version (4, 3) {
        my $top = $server->base . "/$name/.m3u8?hls_client_manifest_version=$version";
        my $text = (fetch($top))[1];
        my @lists = ($text =~ /^#EXT-X-MEDIA:.*URI="([^"]+)"/mg, grep { !/keyframes/ } $text =~ /^([^#\s]\S*)$/mg);
        ok(@lists > 0, "$name, version $version: there are playlists");
        my %done;
        my @shifts;
        for my $list (grep { !$done{$_}++ } @lists) {
            my $url = join_url($server->base . "/$name/.m3u8", $list);
            my ($bytes, $starts) = gather($url);
            my ($kind) = (fetch($url))[1] =~ /\.(\w+)\n#EXT-X-ENDLIST/;
            my $out = $server->run_dir . "/out.$kind";
            spew($out, $bytes);
            my $what = "$list, version $version";
            if ($kind eq 'ts') {
                my %units;
                my @faults = faults($bytes, $starts, \%units);
                ok(!@faults, "$what: the stream is sound") or diag(join "\n", @faults[0 .. ($#faults < 9 ? $#faults : 9)]);
                compare("$what, pictures", $file, $out, 'v', \@shifts);
                compare("$what, sound", $file, $out, 'a', \@shifts) if $list =~ /-audio.*-video/;
            } else {
                my (undef, $digests) = packets($file, 'a');
                my (undef, $got) = packets($out, 'a');
                ok("@$got" eq "@$digests", "$what: every frame is the source's") or diag(@$got . ' for ' . @$digests);
            }
        }
        my @sorted = sort { $a <=> $b } @shifts;
        cmp_ok($sorted[-1] - $sorted[0], '<', 0.001, "$name, version $version: picture and sound are equally late") or diag("@shifts") if @sorted;
    }
}
$server->finish;
done_testing;
