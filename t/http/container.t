#!/usr/bin/perl
# HLS in fMP4 or in transport streams: who decides, what playlists then name, bandwidths of what is sent, ETags, and URLs with
# versions and clips.
use strict;
use warnings;
use List::Util qw(max sum0);
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Mp4 qw(mp4 stpp_entry);
use JitOrigin::Media qw(add_title playlist_uris smil);

my $s = JitOrigin::Httpd->new(conf => <<'CONF');
LogLevel jitorigin:info
<Location />
    JitOrigin On
</Location>
<Location /ts>
    JitOriginHlsContainer ts
</Location>
<Location /auto>
    JitOriginHlsContainer auto
</Location>
<Location /options>
    JitOriginHlsContainer ts
    JitOriginQueryOptions hls_client_manifest_version hls_no_audio_only hls_no_multiplex
</Location>
<Location /versioned>
    JitOriginHlsContainer ts
    JitOriginUrlVersion On
</Location>
<Location /exact>
    JitOriginHlsContainer ts
    JitOriginClip exact
    JitOriginUrlVersion On
    JitOriginPrefetch On
</Location>
<Location /hevc>
    JitOriginHlsContainer ts
    JitOriginTsHevc On
</Location>
CONF
add_title($s->docs . "/$_", 'kite', 'video:kite.mp4', 'audio:kite.mp4') for qw(plain ts auto options versioned exact hevc);

# The same, for players of version 3; and with fMP4 whatever the server says.
for my $case (['old', 'hls_client_manifest_version', 3], ['fmp4', 'hls_fmp4', 'true']) {
    my ($name, $meta, $value) = @$case;
    (my $text = smil('<video src="kite.mp4"/>', '<audio src="kite.mp4"/>')) =~ s{<body>}{<head><meta name="$meta" content="$value"/></head><body>};
    JitOrigin::Httpd::write_file($s->docs . "/$_/$name.ism", $text) for qw(plain ts auto versioned exact);
}
# Text that TS can't carry.
for my $folder (qw(ts auto)) {
    JitOrigin::Httpd::write_file($s->docs . "/$folder/ttml.mp4", mp4(
        handler   => 'subt',
        entries   => [stpp_entry('http://www.w3.org/ns/ttml', '', '')],
        fragments => [{ samples => [[12000, '<tt xmlns="http://www.w3.org/ns/ttml"><body/></tt>']] }],
    ));
    chmod 0644, $s->docs . "/$folder/ttml.mp4";
    JitOrigin::Httpd::write_file($s->docs . "/$folder/text.ism", smil('<video src="kite.mp4"/>', '<textstream src="ttml.mp4" systemBitrate="1000"/>'));
    JitOrigin::Httpd::write_file($s->docs . "/$folder/only.ism", smil('<textstream src="ttml.mp4" systemBitrate="1000"/>'));
}
$s->expect(qr/can carry none of the title's tracks/);
$s->start;

sub get { my ($url) = @_; my $r = $s->get($url); is($r->{status}, 200, $url) or diag $r->{content}; return $r }
sub body { return get(@_)->{content} }

# References of a playlist; key frames have a test of their own.
sub refs { return grep { !m{^(?:\.\./)?keyframes/} } playlist_uris(@_) }

# What the media playlists of a multivariant one lead to, by extension.
sub kinds {
    my ($title) = @_;
    my %kinds = map { /\.(\w+)$/ ? ($1 => 1) : () } map { refs(body("$title/$_")) } refs(body("$title/.m3u8"));
    return join ' ', sort keys %kinds;
}

# ---- directive and descriptor

is(kinds('/plain/kite.ism'), 'm4s', 'fMP4 by default');
is(kinds('/ts/kite.ism'), 'aac ts', 'ts');
is(kinds('/auto/kite.ism'), 'aac ts', 'auto');
is(kinds("/$_/fmp4.ism"), 'm4s', "$_, but hls_fmp4 in the descriptor") for qw(plain ts auto);
is(kinds('/ts/old.ism'), 'aac ts', 'an old version');
is(kinds('/plain/old.ism'), 'm4s', 'an old version under fmp4');
like(body('/plain/old.ism/.m3u8'), qr/^#EXT-X-VERSION:7$/m, 'which then says nothing');
like(body('/ts/kite.ism/.m3u8'), qr/^#EXT-X-VERSION:4\n(?:.*\n)*#EXT-X-MEDIA:TYPE=AUDIO/m, 'renditions');
like(body('/ts/old.ism/.m3u8'), qr/^#EXT-X-VERSION:3\n/m, 'version 3');
unlike(body('/ts/old.ism/.m3u8'), qr/EXT-X-MEDIA/, 'has none');
my @old = refs(body('/ts/old.ism/.m3u8'));
like("@old", qr/^old-audio=\d+-video=\d+\.m3u8 old-audio=\d+\.m3u8$/, 'but the sound in the variant, and alone');
is($s->get("/plain/old.ism/$old[0]")->{status}, 404, 'which is not there under fmp4');

my ($segment) = grep { /-1\.ts$/ } refs(body("/ts/old.ism/$old[0]"));
my $res = get("/ts/old.ism/$segment");
is($res->{headers}{'content-type'}, 'video/mp2t', 'a segment of both');
like($res->{content}, qr/^(?:G.{187}){8,}\z/s, 'is packets');
is($s->get("/plain/old.ism/$segment")->{status}, 404, 'and is not there under fmp4');

# ---- what TS can't carry

is(kinds('/auto/text.ism'), 'm4s', 'auto: fMP4 where TS leaves something out');
unlike(body('/ts/text.ism/.m3u8'), qr/SUBTITLES/, 'ts: it is left out');
is(scalar $s->logged(error => qr/track textstream=1000: HLS in TS can't carry TTML: left out/, 1), 1, '  with a line in the log');
is($s->get('/ts/text.ism/text-textstream=1000.m3u8')->{status}, 404, '  and has no playlist');
is(get('/ts/text.ism/text-textstream=1000.m3u8?hls_fmp4')->{status}, 200, '  but in fMP4');
is($s->get('/auto/only.ism/.m3u8')->{status}, 200, 'auto: nothing but that');
$res = $s->get('/ts/only.ism/.m3u8');
is($res->{status}, 415, 'ts: nothing but that');
like($res->{content}, qr/^HLS in TS can carry none of the title's tracks \(textstream=1000: TTML\)/, '  says why');

# ---- queries

like("@{[refs(body('/ts/kite.ism/.m3u8?sid=1&hls_fmp4&vbegin=4'))]}", qr/^\S+\.m3u8\?hls_fmp4&vbegin=4 \S+\.m3u8\?hls_fmp4&vbegin=4$/,
    'hls_fmp4 goes on to media playlists');
my ($video) = grep { /video/ } refs(body('/ts/kite.ism/.m3u8'));
like(body("/ts/kite.ism/$video"), qr/-1\.ts\n/, 'which without it name transport streams');
like(body("/ts/kite.ism/$video?hls_fmp4=1"), qr{EXT-X-MAP.*\nhls/}s, 'and with it fMP4');
is(get("/ts/kite.ism/$video?hls_fmp4=1&sid=3")->{headers}{'content-location'}, "$video?hls_fmp4", 'under one name');
unlike(body('/plain/kite.ism/.m3u8?hls_fmp4'), qr/\?/, 'where it changes nothing it does not go on');
is($s->get('/ts/kite.ism/.m3u8?hls_fmp4=perhaps')->{status}, 400, 'neither true nor false');
like($s->get('/ts/kite.ism/.m3u8?hls_fmp4=perhaps')->{content}, qr/^hls_fmp4: "perhaps" is neither/, 'says so');
for my $query ('hls_client_manifest_version=3', 'hls_client_manifest_version=7', 'hls_client_manifest_version=99', 'hls_no_multiplex') {
    my ($plain, $asked) = map { get("/ts/kite.ism/.m3u8$_") } '', "?$query";
    is($asked->{content}, $plain->{content}, "$query: nothing where it is not listed");
    is($asked->{headers}{etag}, $plain->{headers}{etag}, '  the same ETag');
}
my $muxed = body('/options/kite.ism/.m3u8?hls_client_manifest_version=3');
like($muxed, qr/^kite-audio=\d+-video=\d+\.m3u8\n#EXT-X-STREAM-INF.*\nkite-audio=\d+\.m3u8$/m, 'where it is listed: in one');
unlike(body('/options/kite.ism/.m3u8?hls_client_manifest_version=3&hls_no_audio_only'), qr/^kite-audio=\d+\.m3u8$/m, 'no sound alone');
like(body('/options/kite.ism/.m3u8?hls_client_manifest_version=3&hls_no_multiplex'), qr/EXT-X-MEDIA:TYPE=AUDIO/, 'not in one');
like(body('/options/kite.ism/.m3u8?hls_client_manifest_version=7'), qr/\.m3u8\?hls_fmp4$/m, 'version 7: fMP4');
is($s->get('/options/kite.ism/.m3u8?hls_client_manifest_version=99')->{status}, 400, 'version 99');

# ---- ETags

my %etags;
$etags{get("/$_")->{headers}{etag}}++ for qw(ts/kite.ism/.m3u8 auto/kite.ism/.m3u8 plain/kite.ism/.m3u8 hevc/kite.ism/.m3u8 ts/kite.ism/.m3u8?hls_fmp4),
    map { "options/kite.ism/.m3u8?hls_client_manifest_version=$_" } 2, 3, 4;
is(join(' ', values %etags), '1 1 1 1 1 1 1 1', 'settings and options have ETags of their own');

# ---- bandwidths: of the bytes that are sent

# Peak and average of a media playlist's segments, one of them at a time: each lasts between half a target and one and a half.
sub rates {
    my ($title, $playlist) = @_;
    my $text = body("$title/$playlist");
    my (@bits, @seconds);
    while ($text =~ /^#EXTINF:([\d.]+).*\n([^#].*)$/mg) {
        push @seconds, $1;
        push @bits, 8 * length body("$title/$2");
    }
    my ($target) = $text =~ /TARGETDURATION:(\d+)/;
    my $peak = max map { $seconds[$_] >= $target / 2 ? $bits[$_] / $seconds[$_] : 0 } 0 .. $#bits;
    return ($peak, sum0(@bits) / sum0(@seconds));
}

sub near { my ($got, $want, $what) = @_; ok(abs($got - $want) <= 2 + $want * 1e-5, $what) or diag "$got, not $want"; return }

my ($peak, $average) = rates('/ts/old.ism', $old[0]);
my ($said) = body('/ts/old.ism/.m3u8') =~ /^(#EXT-X-STREAM-INF.*)\n\Q$old[0]\E$/m;
near($said =~ /[:,]BANDWIDTH=(\d+)/, $peak, 'picture and sound in one: peak');
near($said =~ /AVERAGE-BANDWIDTH=(\d+)/, $average, '  average');
my ($alone) = body('/ts/old.ism/.m3u8') =~ /^(#EXT-X-STREAM-INF.*)\n\Q$old[1]\E$/m;
my @sound = rates('/ts/old.ism', $old[1]);
near($alone =~ /[:,]BANDWIDTH=(\d+)/, $sound[0], 'packed sound: peak');
near($alone =~ /AVERAGE-BANDWIDTH=(\d+)/, $sound[1], '  average');
my @picture = rates('/ts/kite.ism', $video);
my ($both) = body('/ts/kite.ism/.m3u8') =~ /^(#EXT-X-STREAM-INF.*)\n\Q$video\E$/m;
near($both =~ /[:,]BANDWIDTH=(\d+)/, $picture[0] + $sound[0], 'pictures with a rendition: peak');
near($both =~ /AVERAGE-BANDWIDTH=(\d+)/, $picture[1] + $sound[1], '  average');

# ---- versions and clips in URLs

for my $title ('/versioned/kite.ism', '/versioned/old.ism', '/exact/old.ism', '/exact/kite.ism') {
    my $query = $title =~ /exact/ ? '?t=3-7.5' : '';
    for my $playlist (refs(body("$title/.m3u8$query"))) {
        my @segments = refs(body("$title/$playlist"));
        is(scalar(grep { m{^v-[0-9a-f]{16}/} } @segments), scalar @segments, 'all segments are below a version');
        is(scalar(grep { m{^v-[0-9a-f]+/clip-3-7\.5/\w} } @segments), $query ? 2 : 0, 'the ends of an exact clip below it');
        is($s->get("$title/$_")->{status}, 200, $_) for @segments;
        like(get("$title/$segments[0]")->{headers}{'cache-control'}, qr/immutable/, 'and for ever');
    }
}
my ($first) = refs(body("/exact/old.ism/$old[0]"));
(my $next = $first =~ s{.*/}{}r) =~ s/-1\.ts/-2.ts/;
is(get("/exact/old.ism/$first")->{headers}{link}, "<$next>; rel=\"next\"", 'the next segment');

$s->finish;
done_testing();
