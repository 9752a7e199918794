#!/usr/bin/env perl
# ./dev bench runs and prints its rows; the figures are nobody's business here. And --vs: an origin beside ours, which is ours.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Temp ();
use JitOrigin::Golden qw(ffmpeg_version spew);
use JitOrigin::Httpd;
use Load qw(median);
use Test::More;

for my $program (qw(wrk taskset)) {
    plan skip_all => "no $program" if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
}
plan skip_all => 'no ffmpeg' if !ffmpeg_version();
plan skip_all => 'the event MPM is measured' if ($ENV{JITORIGIN_MPM} // 'event') ne 'event';
plan skip_all => 'sanitizers cost what they cost' if $ENV{JITORIGIN_PRELOAD};

is(median(3, 1, 2), 2, 'median of three');
is(median(4, 1, 3, 2), 2.5, 'median of four');

my $other = JitOrigin::Httpd->new(mpm => 'event');
spew($other->docs . '/a.txt', 'a' x 5000);
spew($other->docs . '/b.txt', 'b' x 5000);
$other->start;
my $urls = File::Temp->new;
print {$urls} "# of another origin\nhls/frag/multivariant /a.txt\nhls/frag/multivariant /b.txt # the second\nstatic:hls/frag/multivariant /b.txt\nother /a.txt\n";
close $urls;

my $out = `'$^X' '$FindBin::Bin/run.pl' --quick --only '^hls/frag/multivariant' --sections cpu,cold,micro --vs 127.0.0.1:@{[$other->port]} --urls '$urls' --pids @{[$other->pid]} 2>&1`;
is($?, 0, 'exit status') or diag($out);
like($out, qr{^hls/frag/multivariant +0\.\d +\d+\.\d +\d+\.\d +\d+\.\d\d +[\d.]+-[\d.]+ +\d+ +1\.5 +(?:ok|misses) *$}m, 'a row with its target');
like($out, qr{^hls/frag/multivariant +4\.9 +\d+\.\d +\d+\.\d +\d+\.\d\d +[\d.]+-[\d.]+ +\d+\.\d +\d+\.\d\d$}m, 'the same of the other one');
like($out, qr{^other +4\.9 +\d+\.\d +- +- +- +- +-$}m, 'what it alone has');
like($out, qr{^one file, interleaved +\d+\.\d\d .* 5 +(?:ok|misses) *$}m, 'first byte');
like($out, qr{^  index of video=\d+ +\d+\.\d +KB an hour$}m, 'without httpd');
like(`'$^X' '$FindBin::Bin/run.pl' --list`, qr{^mss/prog/720$}m, '--list');
$other->finish;
done_testing();
