#!/usr/bin/env perl
# insert-events.pl OUT FILE: a fragmented MP4 with event messages before its fragments: timed ID3 and SCTE 35, both versions,
# some said twice. 23009-1 5.10.3.3.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JitOrigin::Golden qw(slurp spew);
use JitOrigin::Mp4 qw(full);

my $ID3  = 'https://aomedia.org/emsg/ID3';
my $SCTE = 'urn:scte:scte35:2013:bin';

# A tag with one frame: its title. ID3 v2.4.
sub tag {
    my ($text) = @_;
    my $frame = pack 'a4 N n C a*', 'TIT2', 1 + length $text, 0, 3, $text;
    return pack 'a3 n C N a*', 'ID3', 0x400, 0, length $frame, $frame;
}

sub late { # at that time
    my ($timescale, $time, $duration, $id, $scheme, $value, $payload) = @_;
    return full('emsg', 1, 0, pack 'N Q> N N Z* Z* a*', $timescale, $time, $duration, $id, $scheme, $value, $payload);
}

sub early { # so long after the fragment begins
    my ($timescale, $delta, $duration, $id, $scheme, $value, $payload) = @_;
    return full('emsg', 0, 0, pack 'Z* Z* N N N N a*', $scheme, $value, $timescale, $delta, $duration, $id, $payload);
}

my $splice = pack 'H*', 'fc302000000000000000fff00f05000000017fcffe000dbba0c00000000000001bbf5f3a';
my @before = ( # each fragment
    late(90000, 45000, 0xffffffff, 1, $ID3, '', tag('half a second')) . late(90000, 180000, 0xffffffff, 2, $ID3, '', tag('two seconds')),
    late(90000, 180000, 0xffffffff, 2, $ID3, '', tag('two seconds')) . early(1000, 1000, 4000, 7, $SCTE, '1001', $splice),
    '',
    late(1000, 9999, 1, 3, $ID3, '', tag('the last ms')) . late(1000, 20000, 1, 4, $ID3, '', tag('after the end')),
    early(48000, 48000, 96000, 9, 'urn:example:other', 'x & "y"', 'not ID3'),
);

my ($out, $file) = @ARGV;
die "usage: insert-events.pl OUT FILE\n" if !defined $file;
my ($data, $to, $n) = (slurp($file), '', 0);
for (my $at = 0; $at < length $data;) {
    my ($size, $type) = unpack 'N a4', substr $data, $at, 8;
    die "$type of $size bytes\n" if $size < 8;
    $to .= $before[$n++] // '' if $type eq 'moof';
    $to .= substr $data, $at, $size if $type !~ /^(?:sidx|mfra)$/;
    $at += $size;
}
spew($out, $to);
