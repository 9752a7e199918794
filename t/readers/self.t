#!/usr/bin/env perl
# Would these readers notice? Packet lists with one thing wrong each, and a title whose source is not the one that it is held
# against.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Compare qw(compare_track compare_outputs compare_title compare_smooth compare_whole source_tracks);
use File::Copy qw(copy);
use JitOrigin::Golden qw(fixtures slurp spew ffmpeg_version);
use JitOrigin::Httpd;
use Test::More;

sub track { # 40 packets with B-pictures, moved by `shift` seconds
    my ($type, $shift) = @_;
    my @packets = map { {hash => "$type$_", time => ($_ + ($type eq 'video' ? (0, 2, -1, -1)[$_ % 4] : 0)) * 0.04 + $shift, key => $_ % 12 == 0 ? 1 : 0, skip => 0} }
        0 .. 39;
    return {name => $type, type => $type, codec => 'x', index => 0, tb => 1 / 12800, edit => 0, wanted => [0, 39], packets => \@packets};
}

my $source = track('video', 0);
my %fault  = (
    'two packets swapped'        => sub { @{$_[0]}[20, 21] = @{$_[0]}[21, 20] },
    'one packet missing'         => sub { splice @{$_[0]}, 20, 1 },
    'the first packet missing'   => sub { shift @{$_[0]} },
    'the last packet missing'    => sub { pop @{$_[0]} },
    'one packet twice'           => sub { splice @{$_[0]}, 20, 0, $_[0][20] },
    'one packet of other bytes'  => sub { $_[0][20]{hash} = 'other' },
    'one time off by two ticks'  => sub { $_[0][20]{time} += 2 / 12800 },
    'all times off from one on'  => sub { $_->{time} += 0.04 for @{$_[0]}[20 .. 39] },
    'a key flag too many'        => sub { $_[0][20]{key} = 1 },
    'a key flag missing'         => sub { $_[0][24]{key} = 0 },
    'nothing'                    => sub { @{$_[0]} = () },
);
my ($shift, @problems) = compare_track($source, track('video', 7));
ok(!@problems && abs($shift - 7) < 1e-9, 'the same, seven seconds later') or diag(@problems);
for my $name (sort keys %fault) {
    my $output = track('video', 7);
    $fault{$name}->($output->{packets});
    my (undef, @found) = compare_track($source, $output);
    ok(@found > 0, "noticed: $name") and note(@found);
}

my $sound = track('audio', 0);
my @bad = grep { @$_ > 1 } compare_outputs([$source, $sound], [['.mpd', [track('video', 7), track('audio', 7.02)], '']]);
ok(@bad > 0, 'noticed: sound 20 ms late');
@bad = grep { @$_ > 1 } compare_outputs([$source, $sound], [['.mpd', [track('video', 7)], '']]);
ok(@bad > 0, 'noticed: a track missing');
@bad = grep { @$_ > 1 } compare_outputs([$source, $sound], [['.mpd', [track('video', 7), track('audio', 7)], '']]);
ok(!@bad, 'and nothing where nothing is wrong') or diag(map { "@$_" } @bad);

SKIP: {
    skip 'no ffmpeg', 4 if !ffmpeg_version();
    my $server = JitOrigin::Httpd->new(conf => "<Location />\n    JitOrigin On\n    JitOriginDirect On\n    JitOriginProgressive On\n</Location>\n");
    my $good = fixtures() . '/prog.mp4';
    my $bytes = slurp($good);
    my $at = index($bytes, 'mdat') + int(0.4 * length $bytes);
    substr $bytes, $at, 1, chr(ord(substr $bytes, $at, 1) ^ 1);
    spew($server->docs . '/prog.mp4', $bytes);
    chmod 0644, $server->docs . '/prog.mp4';
    $server->start;
    my @title = ($server->base . '/prog.mp4', $good);
    my @results = (compare_title(@title), compare_smooth(@title), compare_whole(@title));
    for my $output ('.m3u8', '.mpd', 'Manifest', 'whole') {
        my @found = grep { index($_->[0], $output) == 0 && $_->[1] && $_->[1] =~ /^1 of \d+ packets differ/ } map { [@$_[0, 1]] } @results;
        is(scalar @found, 1, "noticed in $output: one bit of the source flipped") or diag(map { "@$_\n" } @results);
    }
    $server->finish;
}

done_testing();
