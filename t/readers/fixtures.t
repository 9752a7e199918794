#!/usr/bin/env perl
# ffmpeg reads every output of the made titles through a real httpd, and finds the source's packets; for Smooth a reader of our own.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Compare qw(compare_title compare_smooth compare_whole);
use File::Copy ();
use JitOrigin::Golden qw(fixtures slurp ffmpeg_version);
use JitOrigin::Httpd;
use Test::More;

plan skip_all => 'no ffmpeg' if !ffmpeg_version();

my $made   = fixtures();
my $server = JitOrigin::Httpd->new(conf => "<Location />\n    JitOrigin On\n    JitOriginDirect On\n    JitOriginProgressive On\n</Location>\n");
my $docs   = $server->docs;
for my $file (glob "$made/*.mp4 $made/*.ism") {
    File::Copy::copy($file, $docs) or die "$file: $!";
}
chmod 0644, glob "$docs/*";
$server->start;

my %sources = map { $_ => [sources("$docs/$_")] } qw(cmaf.ism frag.ism number.ism number_timeline.ism prog.ism);
$sources{$_} = ["$docs/$_"] for qw(prog.mp4 prog-100k.mp4 frag.mp4 cmaf-eng.mp4);

sub sources {
    my ($descriptor) = @_;
    my $text = slurp($descriptor);
    my @found;
    while ($text =~ m{<(?:video|audio) ([^>]*?)(?:/>|>(.*?)</)}gs) {
        my ($attributes, $inner) = ($1, $2 // '');
        my ($file) = $attributes =~ /\bsrc="([^"]+)"/;
        my ($id) = $inner =~ /name="trackID" value="(\d+)"/;
        push @found, "$docs/$file" . ($id ? "#$id" : '');
    }
    return @found;
}

for my $title (sort keys %sources) {
    my @title = ($server->base . "/$title", @{$sources{$title}});
    for my $result (compare_title(@title), compare_smooth(@title), compare_whole(@title)) {
        my ($what, @problems) = @$result;
        ok(!@problems, "$title/$what") or diag(map { "    $_\n" } @problems);
    }
}

$server->finish;
done_testing();
