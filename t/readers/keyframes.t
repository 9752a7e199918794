#!/usr/bin/env perl
# Every resource of I-frame playlists, in fMP4 and in TS, decodes to one picture: the source's, at its time. JITORIGIN_MEDIA adds real
# files: HEVC, parameter sets in the samples, variable frame rates.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Copy ();
use JitOrigin::Golden qw(fixtures ffmpeg_version);
use JitOrigin::Httpd;
use JitOrigin::Media qw(playlist_uris);
use Segments qw(fetch join_url sample_times);
use Test::More;

plan skip_all => 'no ffmpeg' if !ffmpeg_version();

my $most   = 30; # resources of a list that are decoded
my $server = JitOrigin::Httpd->new(conf => "Alias /ts \@DOCS\@\n<Location />\n    JitOrigin On\n    JitOriginDirect On\n</Location>\n"
        . "<Location /ts>\n    JitOriginHlsContainer ts\n    JitOriginTsHevc On\n</Location>\n");
my $docs = $server->docs;

# ---- titles: name => [files that hold their pictures]

my $made = fixtures();
my %titles = ('prog.ism' => [qw(prog.mp4 prog-100k.mp4)], map { $_ => [$_] } qw(frag.mp4 cmaf-100k.mp4 joined.mp4));
$titles{'entries.mp4'} = ['joined.mp4']; # the same pictures: of fragments ffmpeg does not take the second sample entry
copy_in($_) for glob "$made/*.mp4 $made/prog.ism";
for my $recipe (['open-gops', 'libx264 -x264-params open-gop=1:keyint=25:min-keyint=25:scenecut=0:bframes=3'], ['intra', 'libx264 -g 1'],
    ['open-hevc', 'libx265 -x265-params log-level=none:open-gop=1:keyint=25:min-keyint=25:scenecut=0']) {
    my ($name, $options) = @$recipe;
    next if system("ffmpeg -nostdin -v quiet -y -f lavfi -i testsrc2=size=160x90:rate=25:duration=4 -c:v $options '$docs/$name.mp4' 2>'$docs/said'") != 0;
    $titles{"$name.mp4"} = ["$name.mp4"];
}
if (my $media = $ENV{JITORIGIN_MEDIA}) {
    for my $file (grep { -e } map { "$media/$_" } qw(bbb-usp/bbb-video-86k.mp4 prog/bear-320x180.mp4 video/bear-640x360-hevc.mp4 video/h265_bframes.mp4
        video/sample_2_byte_NAL_length.mp4 frag/sample_with_increasing_timestamps_fragmented.mp4 timing/white-negative-ctts.mp4)) {
        my ($name) = $file =~ m{([^/]+)$};
        copy_in($file);
        $titles{$name} = [$name];
    }
}
chmod 0644, glob "$docs/*";

sub copy_in { my ($file) = @_; File::Copy::copy($file, $docs) or die "$file: $!"; return }

# ---- pictures: [seconds, hash]...

sub pictures {
    my ($file, @options) = @_;
    open my $from, '-|', 'ffmpeg', qw(-nostdin -v quiet -noautorotate -copyts), @options, '-i', $file,
        qw(-map 0:v -autoscale 0 -vsync passthrough -enc_time_base -1 -f framemd5 -) or die "ffmpeg: $!";
    my (@tb, @found);
    while (my $line = <$from>) {
        if ($line =~ m{^#tb (\d+): (\d+)/(\d+)}) { $tb[$1] = $2 / $3 }
        elsif ($line =~ /^\d/) {
            my ($stream, undef, $pts, undef, undef, $hash) = split /,\s*/, $line =~ s/\s+$//r;
            push @found, [$pts * $tb[$stream], $hash];
        }
    }
    close $from;
    return @found;
}

sub source_pictures { # hash => [seconds...]
    my %at;
    for my $file (@_) { push @{$at{$_->[1]}}, $_->[0] for pictures("$docs/$file", '-ignore_editlist', 1) }
    return \%at;
}

# The first packet's time in TS, less the 10 s that all are late.
sub ts_time { my ($file) = @_; return `ffprobe -v quiet -show_entries packet=pts -of csv=p=0 -read_intervals '%+#1' '$file'` / 90000 - 10 }

# ---- playlists

# ([EXTINF, URL of the init or undef, URL]...)
sub entries {
    my ($url) = @_;
    my ($status, $text) = fetch($url);
    return if $status != 200 || $text !~ /^#EXT-X-I-FRAMES-ONLY$/m;
    my ($init, $seconds, @found);
    for my $line (split /\n/, $text) {
        if ($line =~ /^#EXT-X-MAP:URI="([^"]+)"/) { $init = join_url($url, $1) }
        elsif ($line =~ /^#EXTINF:([\d.]+)/) { $seconds = $1 }
        elsif ($line =~ /^[^#]/) { push @found, [$seconds, $init, join_url($url, $line)] }
    }
    return @found;
}

# What is wrong with a resource, or its time.
sub check_resource {
    my ($entry, $source) = @_;
    my (undef, $init, $url) = @$entry;
    my $bytes = join '', map { my ($status, $b) = fetch($_); return "$_: $status" if $status != 200; $b } grep { defined } $init, $url;
    my $file = $server->run_dir . '/one.' . ($init ? 'mp4' : 'ts');
    JitOrigin::Httpd::write_file($file, $bytes);
    my @got = pictures($file);
    return "$url: " . @got . ' pictures' if @got != 1;
    my $times = $source->{$got[0][1]} or return "$url: no picture of the source";
    my $time = $init ? (sample_times($init, $url))[0][0] : ts_time($file);
    return (undef, $time, map { $time - $_ } @$times);
}

# What no time of its pictures in the source explains: one shift for all.
sub check_times {
    my @shifts = @_; # [shifts that explain a resource's time]...
    for my $shift (@{$shifts[0] || []}) {
        return if !grep { my $of = $_; !grep { abs($_ - $shift) < 0.002 } @$of } @shifts;
    }
    return 'times are not the source\'s';
}

sub check_list {
    my ($url, $source) = @_;
    my @entries = entries($url) or return "no I-frame playlist";
    my $step = 1 + int($#entries / $most);
    my (@problems, @shifts, @times);
    for my $i (grep { $_ % $step == 0 } 0 .. $#entries) {
        my ($problem, $time, @of) = check_resource($entries[$i], $source);
        if ($problem) { push @problems, $problem; next }
        push @shifts, \@of;
        push @times, [$i, $time];
    }
    for my $k (2 .. $#times) { # the first one also stands for what is before it
        next if $times[$k][0] != $times[$k - 1][0] + 1;
        my $between = $times[$k][1] - $times[$k - 1][1];
        my $said = $entries[$times[$k - 1][0]][0];
        push @problems, "EXTINF $said, the next picture is shown after $between" if abs($between - $said) > 0.0001;
    }
    return (@problems, check_times(@shifts));
}

$server->start;
for my $title (sort keys %titles) {
    my $source = source_pictures(@{$titles{$title}});
    for my $folder ('', '/ts') {
        my $top = $server->base . "$folder/$title/.m3u8";
        my @lists = grep { m{^keyframes/} } playlist_uris((fetch($top))[1]);
        is(scalar @lists, scalar @{$titles{$title}}, "$folder/$title: an I-frame playlist for each picture");
        for my $list (@lists) {
            my @problems = check_list(join_url($top, $list), $source);
            ok(!@problems, "$folder/$title/$list") or diag(map { "    $_\n" } @problems[0 .. ($#problems < 5 ? $#problems : 5)]);
        }
    }
}

# Would it notice? A picture of another title, and one that is shown too late.
my ($other) = entries($server->base . '/cmaf-100k.mp4/keyframes/' . ((fetch($server->base . '/cmaf-100k.mp4/.m3u8'))[1] =~ m{"keyframes/([^"]+)"})[0]);
like((check_resource($other, source_pictures('entries.mp4')))[0], qr/no picture of the source/, 'another picture is found out');
ok(check_times([0, 2], [2.04], [2]), 'and a time that is off by a frame');
ok(!check_times([0, 2], [2], [1, 2.0001]), 'but not one picture that is there twice');

$server->finish;
done_testing();
