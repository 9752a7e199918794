#!/usr/bin/env perl
# join-entries.pl [--progressive] OUT FILE…: fragmented files of one track, without reordered samples, put one behind the other as one
# track with a sample entry for each: a stream whose encoder was set up anew. No tool here writes that.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JitOrigin::Golden qw(slurp spew);
use JitOrigin::Mp4 qw(mp4 progressive);

# [type, payload] of each box.
sub children {
    my ($data) = @_;
    my @found;
    for (my $at = 0; $at < length $data;) {
        my ($size, $type) = unpack 'N a4', substr $data, $at, 8;
        die "box of $size bytes\n" if $size < 8;
        push @found, [$type, substr $data, $at + 8, $size - 8];
        $at += $size;
    }
    return @found;
}

sub find {
    my ($data, @path) = @_;
    for my $type (@path) {
        ($data) = map { $_->[1] } grep { $_->[0] eq $type } children($data);
        die "no $type\n" if !defined $data;
    }
    return $data;
}

# Sizes, durations and flags of a fragment's samples: 14496-12 8.8.7, 8.8.8.
sub samples {
    my ($traf, $data) = @_;
    my $tfhd = find($traf, 'tfhd');
    my ($flags, @rest) = unpack 'N N*', $tfhd;
    shift @rest;                                  # track_ID
    my %default;
    for ([8, 'duration'], [16, 'size'], [32, 'flags']) {
        $default{ $_->[1] } = shift @rest if $flags & $_->[0];
    }
    my ($trun, $count, @fields) = unpack 'N N N*', find($traf, 'trun');
    die "reordered samples\n" if $trun & 0x800;
    shift @fields if $trun & 1;
    my $first = $trun & 4 ? shift @fields : undef;
    my @samples;
    for my $n (1 .. $count) {
        my %s = %default;
        for ([0x100, 'duration'], [0x200, 'size'], [0x400, 'flags']) {
            $s{ $_->[1] } = shift @fields if $trun & $_->[0];
        }
        $s{flags} = $first if $n == 1 && defined $first;
        push @samples, [$s{duration}, substr($data, 0, $s{size}, ''), $s{flags} & 0x10000];
    }
    return \@samples;
}

my $write = @ARGV && $ARGV[0] eq '--progressive' && shift @ARGV ? \&progressive : \&mp4;
my ($out, @files) = @ARGV;
die "usage: join-entries.pl [--progressive] OUT FILE...\n" if !@files;
my (@entries, @fragments, $timescale, $handler);
for my $file (@files) {
    my $bytes = slurp($file);
    my $mdia  = find($bytes, 'moov', 'trak', 'mdia');
    $timescale = unpack 'x12 N', find($mdia, 'mdhd');
    $handler   = unpack 'x8 a4', find($mdia, 'hdlr');
    push @entries, substr find($mdia, 'minf', 'stbl', 'stsd'), 8;
    my $traf;
    for my $box (children($bytes)) {
        $traf = find($box->[1], 'traf') if $box->[0] eq 'moof';
        push @fragments, { entry => scalar @entries, samples => samples($traf, $box->[1]) } if $box->[0] eq 'mdat';
    }
}
spew($out, $write->(handler => $handler, timescale => $timescale, entries => \@entries, fragments => \@fragments));
