#!/usr/bin/env perl
# Clips of the made titles in HLS and DASH: their samples are the whole title's, in one piece and at the same times, with all that is
# presented between begin and end, and no more than the segments, or, exact, than what it takes to decode that.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Copy ();
use JitOrigin::Golden qw(fixtures ffmpeg_version);
use JitOrigin::Httpd;
use JitOrigin::Media qw(playlist_uris);
use Segments qw(fetch join_url playlist_segments mpd_segments sample_times);
use Test::More;

plan skip_all => 'no ffmpeg to make titles with' if !ffmpeg_version();

my $made   = fixtures();
my $server = JitOrigin::Httpd->new(conf => "<Location />\n    JitOrigin On\n</Location>\n<Location /exact>\n    JitOriginClip exact\n</Location>\n");
my $docs   = $server->docs;
for my $dir ('', 'exact/') {
    mkdir "$docs/$dir";
    File::Copy::copy($_, "$docs/$dir") or die "$_: $!" for glob "$made/*.mp4 $made/{prog,cmaf,frag}.ism";
    chmod 0644, glob "$docs/$dir*.{mp4,ism}";
}
$server->start;

# track => [init, segments…], of a manifest
sub hls {
    my ($title, $query) = @_;
    my $top = $server->base . "$title/.m3u8$query";
    return map { /-([a-z_]+=\d+)\.m3u8/ ? ($1 => [playlist_segments(join_url($top, $_))]) : () } grep { !m{^keyframes/} } playlist_uris((fetch($top))[1]);
}

sub dash { my ($title, $query) = @_; return mpd_segments($server->base . "$title/.mpd$query") }

# What the mdat boxes of segments hold, one after the other.
sub media {
    my (undef, @segments) = @_;
    my $all = '';
    for my $bytes (map { (fetch($_))[1] } @segments) {
        for (my $at = 0; $at < length $bytes;) {
            my ($size, $type) = unpack 'Na4', substr $bytes, $at, 8;
            $all .= substr $bytes, $at + 8, $size - 8 if $type eq 'mdat';
            $at += $size;
        }
    }
    return $all;
}

sub seconds { return sprintf '%.6f', $_[0] }

# Where the clip's times stand among the whole's; -1 if they don't.
sub place {
    my ($whole, $part) = @_;
    for my $at (0 .. @$whole - @$part) {
        return $at if !grep { seconds($whole->[$at + $_]) ne seconds($part->[$_]) } 0 .. $#$part;
    }
    return -1;
}

sub check {
    my ($what, $whole, $clip, $begin, $end, $exact) = @_;
    my ($all) = sample_times(@$whole);
    my ($in)  = sample_times(@$clip);
    my $at = place($all, $in);
    my @missing = grep { ($_ < $at || $_ >= $at + @$in) && $all->[$_] >= $begin && $all->[$_] < $end - 1e-6 } 0 .. $#$all;
    my ($first, $last) = (sort { $a <=> $b } @$in)[0, -1];
    my $slack = $exact ? [2.1, 0.2] : [4.1, 4.1]; # key frames every 2 s; segments of 4 s, two of which may join
    ok($at >= 0, "$what: samples of the whole title in one piece, at their times");
    ok(index(media(@$whole), media(@$clip)) >= 0, "$what: and its bytes");
    ok(!@missing, "$what: all that is presented") or diag("missing: @{$all}[@missing]");
    ok($first > $begin - $slack->[0] && $last < $end + $slack->[1], "$what: no more than it takes") or diag("$first to $last");
    return;
}

my %formats = (hls => \&hls, dash => \&dash);
for my $title (qw(/prog.ism /cmaf.ism /frag.ism)) {
    for my $format (sort keys %formats) {
        my %whole = $formats{$format}->($title, '');
        for my $range ([0, 1.5], [2.04, 6.5], [3.98, 4.02], [4, 8], [7.7, 10]) {
            my ($begin, $end) = @$range;
            for my $exact (0, 1) {
                my %clip = $formats{$format}->(($exact ? '/exact' : '') . $title, "?t=$begin-$end");
                my $what = "$format $title " . ($exact ? 'exactly ' : '') . "$begin to $end";
                is_deeply([sort keys %clip], [sort keys %whole], "$what: all tracks");
                check("$what $_", $whole{$_}, $clip{$_}, $begin, $end, $exact) for sort keys %clip;
                next if $exact;
                my %known = map { $_ => 1 } map { @$_ } values %whole;
                is_deeply([grep { !$known{$_} } map { @$_ } values %clip], [], "$what: in the title's own segments");
            }
        }
    }
}

$server->finish;
done_testing();
