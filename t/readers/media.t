#!/usr/bin/env perl
# The same over real files: JITORIGIN_MEDIA names a folder with prog/, frag/, timing/, aux/ and bbb-usp/. Each file is played directly;
# bbb-usp also as one title of two renditions.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Compare qw(compare_title compare_smooth compare_whole);
use File::Basename qw(basename);
use File::Path qw(make_path);
use JitOrigin::Golden qw(ffmpeg_version);
use JitOrigin::Httpd;
use JitOrigin::Media qw(smil);
use Test::More;

my $media = $ENV{JITORIGIN_MEDIA};
plan skip_all => 'JITORIGIN_MEDIA names no folder' if !$media;
plan skip_all => 'no ffmpeg' if !ffmpeg_version();

# Not compared, and why.
my %skip = (
    'frag/bear-640x360-av_frag.mp4'  => 'ffmpeg reads the second traf, without default-base-is-moof, from elsewhere in the file: 88 packets of 119',
    'aux/sample_with_color_info.mp4' => 'HEVC',
    'timing/water_180_mvhevc.mov'    => 'HEVC; and .mov is not played directly',
);

my $server = JitOrigin::Httpd->new(conf => "<Location />\n    JitOrigin On\n    JitOriginDirect On\n    JitOriginProgressive On\n</Location>\n");
my $docs   = $server->docs;
my %sources;
for my $file (sort glob "$media/{prog,frag,timing,aux,bbb-usp}/*.{mp4,mov}") {
    my ($folder, $name) = $file =~ m{([^/]+)/([^/]+)$};
    make_path("$docs/$folder");
    system('cp', '--reflink=auto', '-L', $file, "$docs/$folder/$name") == 0 or die "$file: not copied\n";
    chmod 0644, "$docs/$folder/$name";
    $sources{"$folder/$name"} = ["$docs/$folder/$name"];
}
my @bbb = grep { m{^bbb-usp/} } sort keys %sources;
if (@bbb) {
    my @elements = map { /audio/ ? qq(<audio src="@{[basename($_)]}"/>) : qq(<video src="@{[basename($_)]}"/>) } @bbb;
    JitOrigin::Httpd::write_file("$docs/bbb-usp/bbb.ism", smil(@elements));
    $sources{'bbb-usp/bbb.ism'} = [map { "$docs/$_" } @bbb];
}
$server->start;

my @only = split ' ', $ENV{JITORIGIN_ONLY} // '';
for my $title (sort keys %sources) {
    next if @only && !grep { index($title, $_) >= 0 } @only;
    if ($skip{$title}) {
        SKIP: { skip "$title: $skip{$title}", 1 }
        next;
    }
    my @title = ($server->base . "/$title", @{$sources{$title}});
    my @results = eval { (compare_title(@title), compare_smooth(@title), compare_whole(@title)) };
    for my $result (@results ? @results : ['could be compared', $@]) {
        my ($what, @problems) = @$result;
        ok(!@problems, "$title/$what") or diag(map { "    $_\n" } @problems);
    }
}

$server->finish;
done_testing();
