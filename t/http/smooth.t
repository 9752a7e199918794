#!/usr/bin/perl
# Smooth Streaming through httpd: types, caching, compression, URLs in every spelling, refusals, and what the nouns have in
# common.
use strict;
use warnings;
use FindBin;
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title);
use lib "$FindBin::Bin/../readers";
use Smooth qw(manifest read_fragment);

my $s = JitOrigin::Httpd->new(
    modules => [qw(deflate filter)],
    conf => <<'CONF');
<Location />
    JitOrigin On
</Location>
<Location /zip>
    AddOutputFilterByType DEFLATE text/xml
</Location>
CONF
add_title($s->docs . "/$_", 'kite', 'video:kite.mp4', 'audio:kite.mp4') for qw(vod zip);
$s->start;

my $res = $s->get('/vod/kite.ism/Manifest');
is($res->{status}, 200, 'a manifest');
is($res->{headers}{'content-type'}, 'text/xml; charset=utf-8', 'its type');
is($res->{headers}{'cache-control'}, 'max-age=300', 'its class');
is($res->{content}, $s->get('/vod/kite.ism/manifest')->{content}, 'in small letters too');
is($res->{content}, $s->get('/vod/kite.ism/Manifest?sid=1&x=y')->{content}, 'whatever the query');
is($s->get('/vod/kite.ism/Manifest', {'If-None-Match' => $res->{headers}{etag}})->{status}, 304, 'a condition that holds');
is($s->get('/vod/kite.ism/MANIFEST')->{status}, 404, 'no other spelling');
is($s->get('/zip/kite.ism/Manifest', {'Accept-Encoding' => 'gzip'})->{headers}{'content-encoding'}, 'gzip', 'it can be compressed');

my ($video, $audio) = @{manifest($res->{content})->{streams}};
is("$video->{Type} $audio->{Type}", 'video audio', 'picture and sound');
my ($bitrate, $time) = ($video->{levels}[0]{Bitrate}, $video->{chunks}[1][0]);

# ---- fragments

sub url { my ($noun, $stream, $rate, $t) = @_; return "/vod/kite.ism/QualityLevels($rate)/$noun($stream=$t)" }

my $url = url('Fragments', 'video', $bitrate, $time);
my $whole = $s->get($url);
is($whole->{status}, 200, 'a fragment');
is($whole->{headers}{'content-type'}, 'video/mp4', 'its type');
is($whole->{headers}{'cache-control'}, 'max-age=86400', 'its class');
my $sound = $s->get(url('Fragments', 'audio', $audio->{levels}[0]{Bitrate}, $audio->{chunks}[1][0]));
is("$sound->{status} $sound->{headers}{'content-type'}", '200 audio/mp4', 'of sound');
is($s->get($url, {Range => 'bytes=8-15'})->{content}, substr($whole->{content}, 8, 8), 'a range of it');

my %spelling = (
    'all encoded'             => "QualityLevels%28$bitrate%29/Fragments%28video%3D$time%29",
    'small hex digits'        => "QualityLevels%28$bitrate%29/Fragments%28video%3d$time%29",
    'letters encoded'         => "Qualit%79Levels($bitrate)/Fragments(vide%6F=$time)",
    'a custom attribute'      => "QualityLevels($bitrate,hardwareProfile=1000)/Fragments(video=$time)",
    'two, and encoded'        => "QualityLevels($bitrate%2Ca%3Db%2Cc%3D)/Fragments(video=$time)",
    'a query, which says nothing' => "QualityLevels($bitrate)/Fragments(video=$time)?t=0",
);
for my $what (sort keys %spelling) {
    my $other = $s->get("/vod/kite.ism/$spelling{$what}");
    ok($other->{status} == 200 && $other->{content} eq $whole->{content}, $what) or diag($other->{status});
}

# ---- nouns

my $f = read_fragment($whole->{content});
is($f->{shape}, 'tfhd trun sdtp uuid', 'boxes as IIS has them');
is("$f->{time} $f->{duration}", join(' ', @{$video->{chunks}[1]}), 'tfxd as in the manifest');
my $info = $s->get(url('FragmentInfo', 'video', $bitrate, $time));
is("$info->{status} $info->{headers}{'content-type'}", '200 video/mp4', 'FragmentInfo');
my $moof = unpack 'N', $whole->{content};
ok($info->{content} eq substr($whole->{content}, 0, $moof), 'is the moof');
my $raw = $s->get(url('RawFragments', 'video', $bitrate, $time));
is("$raw->{status} $raw->{headers}{'content-type'}", '200 application/octet-stream', 'RawFragments');
ok($raw->{content} eq substr($whole->{content}, $moof + 8), 'is the sample data');
my $key = $s->get(url('KeyFrames', 'video', $bitrate, $time));
is($key->{status}, 200, 'KeyFrames');
my $k = read_fragment($key->{content});
ok(@{$k->{samples}} == 1 && $k->{samples}[0]{key} && $k->{samples}[0]{data} eq $f->{samples}[0]{data} && $k->{time} == $time,
    'is the first picture');

# ---- refusals

my %none = (
    'no time'                  => url('Fragments', 'video', $bitrate, $time + 1),
    'past the end'             => url('Fragments', 'video', $bitrate, '1' . '0' x 17),
    'a number beyond 63 bits'  => url('Fragments', 'video', $bitrate, '9' x 20),
    'a leading zero'           => url('Fragments', 'video', $bitrate, "0$time"),
    'a sign'                   => url('Fragments', 'video', $bitrate, '-1'),
    'no number'                => url('Fragments', 'video', $bitrate, 'x'),
    'no level'                 => url('Fragments', 'video', $bitrate + 1, $time),
    'no bit rate'              => url('Fragments', 'video', '', $time),
    'another name'             => url('Fragments', 'vide', $bitrate, $time),
    'no noun'                  => url('Fragment', 'video', $bitrate, $time),
    'half an attribute'        => url('Fragments', 'video', "$bitrate,a", $time),
    'something behind'         => url('Fragments', 'video', $bitrate, $time) . 'x',
    'the folder'               => "/vod/kite.ism/QualityLevels($bitrate)/",
);
for my $what (sort keys %none) {
    my $answer = $s->get($none{$what});
    is($answer->{status}, 404, "$what: 404");
    is($answer->{headers}{'cache-control'}, 'max-age=5', "$what: for a short time");
}

$s->finish;
done_testing;
