#!/usr/bin/env perl
# refer.pl OUT FILE: the moov of FILE alone, whose data references name FILE: what Unified calls a dref MP4. 14496-12 8.7.2.

use strict;
use warnings;
use File::Basename;
use FindBin;
use lib $FindBin::Bin;
use JitOrigin::Golden qw(slurp spew);
use JitOrigin::Mp4 qw(box full);

# The boxes that matter, with each url box of this file itself naming another.
sub rewrite {
    my ($data, $name) = @_;
    my $out = '';
    for (my $at = 0; $at < length $data;) {
        my ($size, $type) = unpack 'N a4', substr $data, $at, 8;
        my $body = substr $data, $at + 8, $size - 8;
        die "$type of $size bytes\n" if $size < 8;
        $at += $size;
        if    ($type =~ /^(?:moov|trak|mdia|minf|dinf)$/) { $out .= box($type, rewrite($body, $name)) }
        elsif ($type eq 'dref') { $out .= box($type, substr($body, 0, 8), rewrite(substr($body, 8), $name)) }
        elsif ($type eq 'url ') { $out .= full($type, 0, 0, "$name\0") }
        elsif ($type !~ /^(?:mdat|free)$/) { $out .= box($type, $body) }
    }
    return $out;
}

my ($out, $file) = @ARGV;
die "usage: refer.pl OUT FILE\n" if !defined $file;
spew($out, rewrite(slurp($file), basename($file)));
