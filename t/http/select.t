#!/usr/bin/perl
# Queries and the URLs they lead to: clips, canonical names, versioned and shared segments, aws.manifestfilter, options.
use strict;
use warnings;
use File::Copy ();
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title media_file smil playlist_uris);

my $s = JitOrigin::Httpd->new(conf => <<'CONF');
<Location />
    JitOrigin On
</Location>
<Location /exact>
    JitOriginClip exact
</Location>
<Location /versioned>
    JitOriginUrlVersion On
</Location>
<Location /shared>
    JitOriginUrlStyle cmaf
</Location>
<Location /aws>
    JitOriginManifestFilter On
</Location>
<Location /options>
    JitOriginQueryOptions mpd_segment_template iss_client_manifest_version
</Location>
<Location /options/none>
    JitOriginQueryOptions None
</Location>
CONF
add_title($s->docs . "/$_", 'kite', 'video:kite.mp4', 'audio:kite.mp4') for qw(plain exact versioned shared aws options options/none);
add_title($s->docs . '/plain', 'a b&c', 'video:kite.mp4');
$s->start;

sub body { my ($url) = @_; my $r = $s->get($url); is($r->{status}, 200, $url) or diag $r->{content}; return $r->{content} }
sub status { my ($url) = @_; return $s->get($url)->{status} }
# Those of key frames have a test of their own.
sub playlists { my ($where, $query) = @_; return grep { !m{^keyframes/} } playlist_uris(body("$where/kite.ism/.m3u8$query")) }

# ---- clips: the segments of the whole title, under its URLs

my %whole = map { $_ => 1 } map { playlist_uris(body("/plain/kite.ism/$_")) } playlists('/plain', '');
my @clipped = playlists('/plain', '?vend=7&sid=abc&vbegin=5');
is(scalar @clipped, 2, 'playlists of a clip');
is_deeply([grep { !/\?vbegin=5&vend=7$/ } @clipped], [], 'have the clip in their URLs, and nothing else');
for my $playlist (@clipped) {
    my $text = body("/plain/kite.ism/$playlist");
    my @segments = grep { /-\d+\.m4s$/ } playlist_uris($text);
    is_deeply([grep { !$whole{$_} } @segments], [], 'segments have the URLs of the whole title');
    my ($first) = $segments[0] =~ /-(\d+)\.m4s$/;
    like($text, qr/^#EXT-X-MEDIA-SEQUENCE:$first$/m, 'and its numbers');
    like($text, qr/^#EXT-X-ENDLIST$/m, 'to the end');
}
like(body('/plain/kite.ism/.mpd?t=5-7'), qr/presentationTimeOffset="51200".*<S t="51200" d="/s, 'in DASH a clip counts from its first segment');
like(body('/plain/kite.ism/Manifest?t=5-7'), qr/<c t="40000000" d="/, 'Smooth names its first chunk');
is(status('/plain/kite.ism/.mpd?t=99-100'), 404, 'after the end there is nothing');
is(status('/plain/kite.ism/.mpd?t=7-5'), 400, 'a range turned around');
like($s->get('/plain/kite.ism/.mpd?vbegin=soon')->{content}, qr/^vbegin: "soon" is no time/, 'the reason for a bad time');

# ---- canonical names

my %location = (
    '.m3u8?sid=1'                                  => '.m3u8',
    'any.m3u8?sid=1&vbegin=0'                      => '.m3u8',
    '.m3u8?vend=00:00:08&min_bitrate=1&vbegin=2.0' => '.m3u8?min_bitrate=1&vbegin=2&vend=8',
    'kite.mpd?t=2-8'                               => '.mpd?vbegin=2&vend=8',
    'manifest'                                     => 'Manifest',
    '.mpd?filter=(type%3D%3D%22video%22)'          => '.mpd?filter=type==%22video%22',
);
for my $asked (sort keys %location) {
    my $r = $s->get("/plain/kite.ism/$asked");
    is($r->{headers}{'content-location'}, $location{$asked}, "$asked is $location{$asked}");
    my $again = $s->get("/plain/kite.ism/$location{$asked}");
    is($again->{content}, $r->{content}, 'which gives the same');
    is($again->{headers}{etag}, $r->{headers}{etag}, 'under the same tag');
}
is($s->get('/plain/a%20b&c.ism/x.m3u8')->{headers}{'content-location'}, '.m3u8', 'whatever the name');
my ($child) = playlist_uris(body('/plain/a%20b&c.ism/.m3u8?vbegin=2'));
is($s->get("/plain/a%20b&c.ism/$child")->{headers}{'content-location'}, $child, 'a playlist names itself as it is named');
isnt($s->get('/plain/kite.ism/.mpd')->{headers}{etag}, $s->get('/plain/kite.ism/.mpd?vend=8')->{headers}{etag}, 'another selection has another tag');
my ($segment) = grep { /-1\.m4s$/ } sort keys %whole;
is($s->get("/plain/kite.ism/$segment?vbegin=3&filter=)")->{headers}{etag}, $s->get("/plain/kite.ism/$segment")->{headers}{etag}, 'no query changes a segment');
ok(!defined $s->get("/plain/kite.ism/$segment")->{headers}{'content-location'}, 'which has no other name');

# ---- exact clips

for my $playlist (playlists('/exact', '?vbegin=4.5&vend=10.2')) {
    my $text = body("/exact/kite.ism/$playlist");
    my @segments = grep { /-\d+\.m4s$/ } playlist_uris($text);
    like($text, qr/^#EXT-X-START:TIME-OFFSET=0\.5,PRECISE=YES$/m, 'where to start');
    is_deeply([map { m{^clip-4\.5-10\.2/hls/} ? 1 : 0 } @segments], [0, 1], 'what is cut anew has a URL of its own') or diag "@segments";
    body("/exact/kite.ism/$_") for @segments;
    my ($end) = $segments[-1] =~ m{^clip-[^/]+/(.*)};
    ok(length(body("/exact/kite.ism/$segments[-1]")) < length(body("/exact/kite.ism/$end")), 'and is the beginning of the whole one');
    is(status("/plain/kite.ism/$segments[-1]"), 404, 'where clips are not exact it is not there');
}
my $mpd = body('/exact/kite.ism/.mpd?vbegin=4.5&vend=10.2');
like($mpd, qr{mediaPresentationDuration="PT5\.700S".*<BaseURL>clip-4\.5-10\.2/dash/</BaseURL>}s, 'an MPD of an exact clip');
body("/exact/kite.ism/clip-4.5-10.2/dash/$_") for $mpd =~ /initialization="([^"\$]*)\$/ ? "$1" . ($mpd =~ /<Representation id="([^"]+)"/)[0] . '.dash' : 'none';
is(status('/exact/kite.ism/clip-4.50-10.2/hls/kite-video=1-1.m4s'), 404, 'one clip has one spelling');

# ---- content in the URL

sub versioned {
    my ($list) = grep { /video/ } playlists('/versioned', '');
    my @uris = playlist_uris(body("/versioned/kite.ism/$list"));
    is_deeply([grep { !m{^v-[0-9a-f]{16}/hls/} } @uris], [], 'URLs name their content');
    return @uris;
}
my @old = versioned();
my $r = $s->get("/versioned/kite.ism/$old[1]");
is("$r->{status} $r->{headers}{'cache-control'}", '200 max-age=31536000, immutable', 'a segment for a year');
(my $unversioned = $old[1]) =~ s{^v-[^/]+/}{};
$r = $s->get("/versioned/kite.ism/$unversioned");
is("$r->{status} $r->{headers}{'cache-control'}", '200 max-age=86400', 'its old URL for a day');
is_deeply([versioned()], \@old, 'they stay');
File::Copy::copy(media_file('frag.mp4'), $s->docs . '/versioned/new.mp4');
chmod 0644, $s->docs . '/versioned/new.mp4';
rename $s->docs . '/versioned/new.mp4', $s->docs . '/versioned/kite.mp4';
my @new = versioned();
isnt($new[1], $old[1], 'a replaced file has others');
is(status("/versioned/kite.ism/$new[1]"), 200, 'which are there');
$r = $s->get("/versioned/kite.ism/$old[1]");
is("$r->{status} $r->{headers}{'cache-control'}", '404 max-age=5', 'the old ones are gone, for now');
is(status('/versioned/kite.ism/v-0123456789abcdef/.m3u8'), 404, 'manifests have none');

# ---- one object for HLS and DASH

my %hls = map { $_ => 1 } map { playlist_uris(body("/shared/kite.ism/$_")) } playlists('/shared', '');
$mpd = body('/shared/kite.ism/.mpd');
my %dash;
while ($mpd =~ m{<AdaptationSet.*?initialization="([^"]+)" media="([^"]+)".*?<SegmentTimeline>(.*?)</SegmentTimeline>.*?<Representation id="([^"]+)"}sg) {
    my ($init, $media, $timeline, $id) = ($1, $2, $3, $4);
    my $n = 0;
    $n += 1 + ($_ =~ / r="(\d+)"/ ? $1 : 0) for $timeline =~ /(<S [^>]*>)/g;
    s/\$RepresentationID\$/$id/ for $init, $media;
    $dash{"cmaf/$_"} = 1 for $init, map { (my $name = $media) =~ s/\$Number\$/$_/; $name } 1 .. $n;
}
is_deeply(\%dash, \%hls, 'HLS and DASH name the same init and media segments') or diag explain [\%dash, \%hls];
ok(scalar keys %hls >= 8, 'of which there are some');
body("/shared/kite.ism/$_") for sort keys %hls;
is(status('/plain/kite.ism/' . (sort keys %hls)[0]), 404, 'which are not there where they are not set');

# ---- aws.manifestfilter: MediaPackage's table of answers

my %answer = (
    'audio_language:zzz'                        => 200,
    'video_height:180'                          => 200,
    'VIDEO_HEIGHT:100-200%2C1080'               => 200,
    'video_height:1-2;audio_bitrate:1-2147483647' => 200,
    'video_height:1-2;audio_bitrate:1'          => 400,
    'video_heigth:180'                          => 400,
    'video_codec:H266'                          => 400,
    'video_height:200-100'                      => 400,
    'video_bitrate:2147483648'                  => 400,
    'video_height'                              => 400,
    'video_height:180;video_height:180'         => 400,
    'video_height:180&aws.manifestfilter=video_height:180' => 400,
    'audio_language:' . 'a' x 1024              => 400,
);
for my $filter (sort keys %answer) {
    is(status("/aws/kite.ism/$_?aws.manifestfilter=$filter"), $answer{$filter}, "$_ " . substr $filter, 0, 60) for qw(.m3u8 .mpd);
    is(status("/plain/kite.ism/.m3u8?aws.manifestfilter=$filter"), 200, 'elsewhere it is nothing');
}
unlike(body('/aws/kite.ism/.m3u8?aws.manifestfilter=video_height:1-2'), qr/RESOLUTION/, 'no picture is left');
my ($media) = playlists('/aws', '');
is(status("/aws/kite.ism/$_?aws.manifestfilter=video_height:180"), 400, "$_ refuses it") for $media, $segment;
is(status("/plain/kite.ism/$segment?aws.manifestfilter=video_height:180"), 200, 'elsewhere a segment does not');

# ---- options

like(body('/options/kite.ism/.mpd?mpd_segment_template=number'), qr/\$Number\$/, 'an option that is listed');
like(body("$_/kite.ism/.mpd?mpd_segment_template=number"), qr/\$Time\$/, "not under $_") for qw(/plain /options/none);
like(body('/options/kite.ism/Manifest?iss_client_manifest_version=20'), qr/MinorVersion="0"/, 'another one');
is(status('/options/kite.ism/.mpd?mpd_segment_template=maybe'), 400, 'a value that is none');
is(status('/options/kite.ism/.mpd?hls_minimum_fragment_length=2'), 200, 'what changes segments is nothing in a query');

$s->finish;
done_testing();
