#!/usr/bin/perl
# What a good request gets: types, bytes, headers, HEAD, ranges, conditions, CORS, compression.
use strict;
use warnings;
use Test::More;
use Time::Local qw(timegm);
use IO::Uncompress::Gunzip ();
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls playlist_uris);

my $s = JitOrigin::Httpd->new(
    modules => [qw(deflate filter expires)],
    conf => <<'CONF');
<Location /vod>
    JitOrigin On
</Location>
<Location /private>
    JitOrigin On
    JitOriginCors Off
    JitOriginCacheControl manifest "public, s-maxage=60, max-age=7"
    JitOriginCacheControl segment no-store
    JitOriginCacheControl error 77
</Location>
<Location /zip>
    JitOrigin On
    AddOutputFilterByType DEFLATE application/vnd.apple.mpegurl application/dash+xml
</Location>
<Location /expires>
    JitOrigin On
    ExpiresActive On
    ExpiresDefault "access plus 1 year"
</Location>
CONF
for my $dir (qw(vod private zip expires)) {
    add_title($s->docs . "/$dir", 'kite', 'video:kite.mp4', 'audio:kite.mp4');
}
$s->start;

sub seconds {
    my ($date) = @_;
    my ($d, $m, $y, $h, $min, $sec) = ($date || '') =~ /(\d+) (\w{3}) (\d{4}) (\d+):(\d+):(\d+) GMT/ or return -1;
    return timegm($sec, $min, $h, $d, index('JanFebMarAprMayJunJulAugSepOctNovDec', $m) / 3, $y);
}

sub check_caching {
    my ($res, $value, $age, $what) = @_;
    is($res->{headers}{'cache-control'}, $value, "$what: Cache-Control");
    cmp_ok(abs(seconds($res->{headers}{expires}) - seconds($res->{headers}{date}) - $age), '<=', 5, "$what: Expires agrees");
}

# ---- every class of response

my ($playlists, $inits, $segments) = hls_urls($s, '/vod/kite.ism');
cmp_ok(@$playlists, '>=', 2, 'playlists of picture and sound');
cmp_ok(@$inits, '>=', 2, 'init segments');
cmp_ok(@$segments, '>=', 4, 'segments');
my ($video) = grep { /video/ } @$segments;
my ($audio) = grep { /audio/ } @$segments;
my ($init) = grep { /video/ } @$inits;

my @cases = (
    ['/vod/kite.ism/.m3u8',       'application/vnd.apple.mpegurl', 'max-age=300',   300],
    ['/vod/kite.ism/any.m3u8',    'application/vnd.apple.mpegurl', 'max-age=300',   300],
    [$playlists->[0],             'application/vnd.apple.mpegurl', 'max-age=300',   300],
    ['/vod/kite.ism/.mpd',        'application/dash+xml',          'max-age=300',   300],
    [$init,                       'video/mp4',                     'max-age=86400', 86400],
    [$video,                      'video/mp4',                     'max-age=86400', 86400],
    [$audio,                      'audio/mp4',                     'max-age=86400', 86400],
);
for my $case (@cases) {
    my ($url, $type, $caching, $age) = @$case;
    my $res = $s->get($url);
    my $h = $res->{headers};
    is($res->{status}, 200, $url);
    is($h->{'content-type'}, $type, "$url: type");
    is($h->{'content-length'}, length $res->{content}, "$url: length");
    like($h->{etag}, qr/^"[0-9A-Za-z_-]+"$/, "$url: strong ETag");
    cmp_ok(seconds($h->{'last-modified'}), '>', 1_000_000_000, "$url: Last-Modified");
    is($h->{'accept-ranges'}, 'bytes', "$url: Accept-Ranges");
    is($h->{'access-control-allow-origin'}, '*', "$url: CORS");
    is($h->{vary}, undef, "$url: no Vary");
    is($h->{'content-language'}, undef, "$url: no language");
    check_caching($res, $caching, $age, $url);

    my $file = $s->docs . $url;
    is($res->{content}, $s->cli_get($file), "$url: the bytes that the command gives");
    my $again = $s->get($url);
    is($again->{headers}{etag}, $h->{etag}, "$url: same ETag again");

    my $head = $s->head($url);
    is($head->{status}, 200, "HEAD $url");
    for my $name (qw(content-type content-length etag last-modified cache-control accept-ranges)) {
        is($head->{headers}{$name}, $h->{$name}, "HEAD $url: $name");
    }
    is($head->{content} || '', '', "HEAD $url: no body");
}

# ---- ranges

for my $url ($video, $audio, '/vod/kite.ism/.mpd') {
    my $whole = $s->get($url)->{content};
    my $n = length $whole;
    for my $case (['0-99', 0, 99], ['100-', 100, $n - 1], ['-7', $n - 7, $n - 1], ["0-@{[$n * 2]}", 0, $n - 1], ['50-50', 50, 50]) {
        my ($range, $from, $to) = @$case;
        my $res = $s->get($url, {Range => "bytes=$range"});
        is($res->{status}, 206, "$url: bytes=$range");
        is($res->{headers}{'content-range'}, "bytes $from-$to/$n", "$url: Content-Range of $range");
        ok($res->{content} eq substr($whole, $from, $to - $from + 1), "$url: bytes of $range");
    }
    my $past = $s->get($url, {Range => "bytes=$n-"});
    is($past->{status}, 416, "$url: a range past the end");
    is($past->{headers}{'content-range'}, "bytes */$n", "$url: 416 tells the length");
    is($past->{headers}{'access-control-allow-origin'}, '*', "$url: 416 has CORS");
    my $many = $s->get($url, {Range => 'bytes=0-9,20-29'});
    is($many->{status}, 200, "$url: several ranges give the whole");
    ok($many->{content} eq $whole, "$url: indeed the whole");
    my $etag = $many->{headers}{etag};
    is($s->get($url, {Range => 'bytes=0-9', 'If-Range' => $etag})->{status}, 206, "$url: If-Range that holds");
    is($s->get($url, {Range => 'bytes=0-9', 'If-Range' => '"else"'})->{status}, 200, "$url: If-Range that does not");
    is($s->head($url, {Range => 'bytes=0-9'})->{status}, 200, "$url: HEAD has no ranges");
}

# ---- conditions

for my $url ('/vod/kite.ism/.m3u8', $video) {
    my $h = $s->get($url)->{headers};
    my $etag = $h->{etag};
    (my $zipped = $etag) =~ s/"$/-gzip"/;
    my $old = 'Thu, 01 Jan 1998 00:00:00 GMT';
    my %not_modified = (
        'the tag'            => {'If-None-Match' => $etag},
        'a weak tag'         => {'If-None-Match' => "W/$etag"},
        'a list'             => {'If-None-Match' => qq("x", "y-gzip", $etag)},
        'any'                => {'If-None-Match' => '*'},
        "mod_deflate's tag"  => {'If-None-Match' => $zipped},
        'the date'           => {'If-Modified-Since' => $h->{'last-modified'}},
        'tag over old date'  => {'If-None-Match' => $etag, 'If-Modified-Since' => $old},
    );
    for my $what (sort keys %not_modified) {
        my $res = $s->get($url, $not_modified{$what});
        is($res->{status}, 304, "$url: $what: 304");
        is(length($res->{content} || ''), 0, "$url: $what: no body");
        is($res->{headers}{etag}, $what =~ /deflate/ ? $zipped : $etag, "$url: $what: ETag, as the client has it");
        is($res->{headers}{'access-control-allow-origin'}, '*', "$url: $what: CORS");
        ok($res->{headers}{'cache-control'}, "$url: $what: Cache-Control");
    }
    my %modified = (
        'another tag'        => {'If-None-Match' => '"else"'},
        'old date'           => {'If-Modified-Since' => $old},
        'tag wins over date' => {'If-None-Match' => '"else"', 'If-Modified-Since' => $h->{'last-modified'}},
        'If-Match that holds' => {'If-Match' => $etag},
    );
    is($s->get($url, $modified{$_})->{status}, 200, "$url: $_: 200") for sort keys %modified;
    is($s->get($url, {'If-Match' => '"else"'})->{status}, 412, "$url: If-Match that does not hold");
    is($s->head($url, {'If-None-Match' => $etag})->{status}, 304, "$url: HEAD too");
}

# ---- OPTIONS and CORS

for my $url ('/vod/kite.ism/.m3u8', $video) {
    my $res = $s->request('OPTIONS', $url,
        {Origin => 'http://player.example', 'Access-Control-Request-Method' => 'GET', 'Access-Control-Request-Headers' => 'range'});
    is($res->{status}, 204, "OPTIONS $url");
    is($res->{headers}{allow}, 'GET, HEAD, OPTIONS', "OPTIONS $url: Allow");
    is($res->{headers}{'access-control-allow-origin'}, '*', "OPTIONS $url: any origin");
    like($res->{headers}{'access-control-allow-headers'}, qr/\brange\b/, "OPTIONS $url: Range may be sent");
    like($res->{headers}{'access-control-allow-methods'}, qr/\bGET\b/, "OPTIONS $url: methods");
    like($s->get($url)->{headers}{'access-control-expose-headers'}, qr/Content-Range/, "$url: Content-Range may be read");
}
is($s->get('/private/kite.ism/.m3u8')->{headers}{'access-control-allow-origin'}, undef, 'JitOriginCors Off');

# ---- caching as configured

check_caching($s->get('/private/kite.ism/.m3u8'), 'public, s-maxage=60, max-age=7', 7, 'own manifest rule');
(my $private = $video) =~ s{^/vod}{/private};
check_caching($s->get($private), 'no-store', 0, 'own segment rule');
check_caching($s->get('/private/kite.ism/no'), 'max-age=77', 77, 'own error rule');
check_caching($s->get('/expires/kite.ism/.m3u8'), 'max-age=300', 300, 'mod_expires keeps out');

# ---- compression

my $zip = $s->get('/zip/kite.ism/.mpd', {'Accept-Encoding' => 'gzip'});
is($zip->{headers}{'content-encoding'}, 'gzip', 'a manifest is compressed');
like($zip->{headers}{vary}, qr/Accept-Encoding/, 'and says so');
my $plain;
IO::Uncompress::Gunzip::gunzip(\$zip->{content}, \$plain);
is($plain, $s->get('/zip/kite.ism/.mpd')->{content}, 'same bytes underneath');
is($s->get('/zip/kite.ism/.mpd', {'Accept-Encoding' => 'gzip', 'If-None-Match' => $zip->{headers}{etag}})->{status}, 304,
    'the tag of the compressed manifest is known again');
(my $zipped_segment = $video) =~ s{^/vod}{/zip};
is($s->get($zipped_segment, {'Accept-Encoding' => 'gzip'})->{headers}{'content-encoding'}, undef, 'a segment is not');

# ---- the ETag is of the bytes, not of the place

is($s->get('/private/kite.ism/.mpd')->{headers}{etag}, $s->get('/vod/kite.ism/.mpd')->{headers}{etag},
    'two copies of a title have one ETag');

$s->finish;
done_testing;
