#!/usr/bin/perl
# Headers for caches: lifetimes, staleness, sunset, prefetch, surrogate keys, canonical names, Vary, 304.
use strict;
use warnings;
use Test::More;
use POSIX qw(strftime);
use Time::Local qw(timegm);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls);

sub iso { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

my $soon = time + 1000;
my $s = JitOrigin::Httpd->new(modules => [qw(deflate filter headers rewrite)], conf => <<"CONF");
JitOriginClip exact
<Location /vod>
    JitOrigin On
</Location>
<Location /stale>
    JitOrigin On
    JitOriginStaleWhileRevalidate manifest 30
    JitOriginStaleIfError manifest 86400
    JitOriginStaleIfError error 7
    JitOriginStaleWhileRevalidate segment 9
    JitOriginPrefetch On
    JitOriginSurrogateKey Surrogate-Key
</Location>
<Location /stale/never>
    JitOriginCacheControl manifest no-store
    JitOriginCacheControl segment "max-age=3, Stale-While-Revalidate=1"
    JitOriginStaleIfError error 0
    JitOriginPrefetch Off
    JitOriginSurrogateKey None
</Location>
<Location /sunset>
    JitOrigin On
    JitOriginCacheControl manifest "public, MAX-AGE=5000, s-maxage=400, private=\\"x, max-age=9\\""
    JitOriginStaleWhileRevalidate manifest 30
    JitOriginStaleIfError manifest 86400
    JitOriginSunset manifest @{[iso($soon)]}
    JitOriginSunset segment 3600
    JitOriginStaleIfError segment 86400
    JitOriginSunset init 2026-01-31
    JitOriginStaleIfError init 60
</Location>
<Location /sunset/late>
    JitOriginSunset segment 2100-02-28T23:30:00-01:00
    JitOriginSunset init None
    JitOriginSunset manifest 2999-12-31
</Location>
<Location /versioned>
    JitOrigin On
    JitOriginUrlVersion On
</Location>
<Location /zip>
    JitOrigin On
    JitOriginStaleIfError manifest 60
    AddOutputFilterByType DEFLATE application/vnd.apple.mpegurl application/dash+xml text/xml
</Location>
<Directory "\@DOCS\@/zip">
    RewriteEngine On
    RewriteRule ^moved/(.*)\$ kite.ism/\$1
</Directory>
<Location /document>
    JitOrigin On
    JitOriginSurrogateKey Cache-Tag
    ErrorDocument 404 "our own"
</Location>
CONF
my @places = ('vod', 'stale', 'stale/never', 'sunset', 'sunset/late', 'versioned', 'zip', 'document');
add_title($s->docs . "/$_", 'kite', 'video:kite.mp4', 'audio:kite.mp4') for @places;
add_title($s->docs . '/stale/a, b', 'k%te', 'video:kite.mp4');
$s->start;

sub seconds {
    my ($date) = @_;
    my ($d, $m, $y, $h, $min, $sec) = ($date || '') =~ /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/ or return -1;
    return timegm($sec, $min, $h, $d, index('JanFebMarAprMayJunJulAugSepOctNovDec', $m) / 3, $y);
}

sub header { my ($name, @request) = @_; return $s->get(@request)->{headers}{$name} }

my (undef, $inits, $segments) = hls_urls($s, '/vod/kite.ism');
my ($first, $second) = grep { /video/ } @$segments;
my ($last) = (grep { /video/ } @$segments)[-1];
my ($init) = grep { /video/ } @$inits;
sub at { my ($place, $url) = @_; $url =~ s{^/vod}{/$place}; return $url }

# ---- staleness

is(header('cache-control', '/stale/kite.ism/.mpd'), 'max-age=300, stale-while-revalidate=30, stale-if-error=86400', 'both');
is(header('cache-control', at('stale', $first)), 'max-age=86400, stale-while-revalidate=9', 'one of them');
is(header('cache-control', at('stale', $init)), 'max-age=86400', 'another class');
is(header('cache-control', '/stale/kite.ism/no'), 'max-age=5, stale-if-error=7', 'errors');
is(header('cache-control', '/stale/never/kite.ism/.mpd'), 'no-store', 'nothing on top of no-store');
is(header('cache-control', at('stale/never', $first)), 'max-age=3, Stale-While-Revalidate=1', 'what the value says wins');
is(header('cache-control', '/stale/never/kite.ism/no'), 'max-age=5', '0 takes it back');
is(header('cache-control', '/vod/kite.ism/.mpd'), 'max-age=300', 'off by default');

# ---- sunset

{
    my $h = $s->get('/sunset/kite.ism/.mpd')->{headers};
    is(seconds($h->{sunset}), $soon, 'a date: Sunset');
    my ($max, $stale) = $h->{'cache-control'} =~
        /^public, MAX-AGE=(\d+), s-maxage=400, private="x, max-age=9"(, stale.*)?$/ or diag $h->{'cache-control'};
    cmp_ok(abs($soon - seconds($h->{date}) - ($max || 0)), '<=', 5, 'max-age ends with it');
    is($stale, undef, 'and so nothing is left for staleness');
    cmp_ok(abs(seconds($h->{expires}) - $soon), '<=', 5, 'Expires ends with it');

    $h = $s->get(at('sunset', $first))->{headers};
    is(seconds($h->{sunset}) - seconds($h->{date}), 3600, 'seconds: counted from the request');
    is($h->{'cache-control'}, 'max-age=3600', 'and the lifetime with them');
    is(seconds($h->{expires}) - seconds($h->{date}), 3600, 'and Expires');

    $h = $s->get(at('sunset', $init))->{headers};
    is($h->{sunset}, 'Sat, 31 Jan 2026 00:00:00 GMT', 'a day, long past: Sunset');
    is($h->{'cache-control'}, 'max-age=0', 'nothing is kept');
    is($h->{expires}, $h->{date}, 'Expires at once');

    $h = $s->get(at('sunset/late', $first))->{headers};
    is($h->{sunset}, 'Mon, 01 Mar 2100 00:30:00 GMT', 'a time with its zone');
    is($h->{'cache-control'}, 'max-age=86400, stale-if-error=86400', 'far away: nothing is shortened');
    is(header('sunset', at('sunset/late', $init)), undef, 'None takes it back');
    is(header('cache-control', '/sunset/late/kite.ism/.mpd'),
        'public, MAX-AGE=5000, s-maxage=400, private="x, max-age=9", stale-while-revalidate=30, stale-if-error=86400',
        'a value of many parts stays what it is');

    my $etag = header('etag', at('sunset', $first));
    is(header('sunset', at('sunset', $first), {'If-None-Match' => $etag}) && 1, 1, '304: Sunset');
    is(header('sunset', '/sunset/kite.ism/no'), undef, 'errors: a class of their own');
}

# ---- prefetch

for my $case (['200', {}], ['206', {Range => 'bytes=0-9'}], ['304', {'If-None-Match' => header('etag', $first)}]) {
    my ($status, $request) = @$case;
    my $res = $s->get(at('stale', $first), $request);
    is($res->{status}, $status, "next: $status");
    (my $name = $second) =~ s{.*/}{};
    is($res->{headers}{link}, qq(<$name>; rel="next"), "next: Link on $status");
}
is($s->head(at('stale', $first))->{headers}{link} && 1, 1, 'next: HEAD');
is(header('link', at('stale', $last)), undef, 'nothing comes after the last segment');
is(header('link', at('stale', $init)), undef, 'nor after an init segment');
(my $edge = at('stale', $first)) =~ s{hls/}{clip-0.5-/hls/};
is($s->get($edge)->{status}, 200, 'the first segment of a clip');
is(header('link', $edge), undef, 'is not followed by another one of its folder');
is(header('link', $first), undef, 'off by default');
is(header('link', at('stale/never', $first)), undef, 'Off in a narrower section');

# ---- surrogate keys

is(header('surrogate-key', "/stale/kite.ism/$_"), '/stale/kite.ism', "key: $_") for '.m3u8', '.mpd?x=1', 'Manifest', 'no', '.mpd?filter=((';
is(header('surrogate-key', at('stale', $first)), '/stale/kite.ism', 'key: a segment');
is(header('surrogate-key', at('stale', $first), {'If-None-Match' => header('etag', $first)}), '/stale/kite.ism', 'key: 304');
is(header('surrogate-key', at('stale', $first), {Range => 'bytes=0-9'}), '/stale/kite.ism', 'key: 206');
is(header('surrogate-key', at('stale', $first), {Range => 'bytes=99999999-'}), '/stale/kite.ism', 'key: 416');
is(header('surrogate-key', '/stale/kite.ism'), '/stale/kite.ism', 'key: the bare descriptor, 404');
is(header('surrogate-key', '/stale/none.ism/.mpd'), '/stale/none.ism', 'key: a title that is not there, 404');
is($s->request('POST', '/stale/kite.ism/.mpd')->{headers}{'surrogate-key'}, '/stale/kite.ism', 'key: 405');
is(header('surrogate-key', '/stale/a,%20b//k%25te.ism/.mpd'), '/stale/a%2C%20b/k%25te.ism', 'key: without spaces and commas');
is(header('cache-tag', '/document/kite.ism/no'), '/document/kite.ism', 'key: beside an ErrorDocument');
is(header('surrogate-key', '/vod/kite.ism/.mpd'), undef, 'key: off by default');
is(header('surrogate-key', '/stale/never/kite.ism/.mpd'), undef, 'key: None');

# ---- canonical names

for my $case (
    ['.m3u8', '.m3u8'], ['any.m3u8?sid=5&x', '.m3u8'], ['.mpd?b=1', '.mpd'], ['manifest', 'Manifest'],
    ['.mpd?sid=1&filter=(type==%22video%22)', '.mpd?filter=type==%22video%22'],
    ['.mpd?vend=8&utm=2&vbegin=4', '.mpd?vbegin=4&vend=8'],
) {
    my ($url, $canonical) = @$case;
    my $res = $s->get("/vod/kite.ism/$url");
    is($res->{headers}{'content-location'}, $canonical, "Content-Location of $url");
    my $again = $s->get("/vod/kite.ism/$canonical");
    is($again->{content}, $res->{content}, "$canonical: the same bytes");
    is($again->{headers}{etag}, $res->{headers}{etag}, "$canonical: the same ETag");
    is($s->get("/vod/kite.ism/$url", {'If-None-Match' => $res->{headers}{etag}})->{headers}{'content-location'}, $canonical, "$url: 304");
}
is(header('content-location', $first), undef, 'segments have one name');
is(header('content-location', '/vod/kite.ism/no'), undef, 'errors have none');

# ---- content in the path

{
    my (undef, $vinits, $vsegments) = hls_urls($s, '/versioned/kite.ism');
    for my $url ($vinits->[0], $vsegments->[0]) {
        my $res = $s->get($url);
        like($url, qr{/v-[0-9a-f]+/}, 'a URL that names its content');
        is($res->{headers}{'cache-control'}, 'max-age=31536000, immutable', "$url: a year");
        is(seconds($res->{headers}{expires}) - seconds($res->{headers}{date}), 31536000, "$url: Expires");
        (my $old = $url) =~ s{/v-[0-9a-f]{4}}{/v-0000};
        my $gone = $s->get($old);
        is($gone->{status}, 404, 'another version');
        is($gone->{headers}{'cache-control'}, 'max-age=5', 'is an error for a short time');
    }
    is(header('cache-control', '/versioned/kite.ism/.mpd'), 'max-age=300', 'manifests as ever');
    is(header('cache-control', at('versioned', $first)), 'max-age=86400', 'and URLs without version');
}

# ---- errors

{
    my $range = $s->get($first, {Range => 'bytes=99999999-'});
    is($range->{status}, 416, 'a range past the end');
    is($range->{headers}{'cache-control'}, 'no-store', '416 answers one request');
    my $match = $s->get($first, {'If-Match' => '"else"'});
    is($match->{status}, 412, 'If-Match');
    is($match->{headers}{'cache-control'}, 'no-store', '412 answers one request');
    is(header('cache-control', '/vod/kite.ism/.mpd?filter=(('), 'max-age=5', 'a malformed query');
    is(header('cache-control', '/vod/kite.ism/no'), 'max-age=5', 'no such resource');
}

# ---- Vary and 304

for my $url ('/vod/kite.ism/.mpd', $first, '/vod/kite.ism/no', '/vod/kite.ism/.mpd?filter=((') {
    my $res = $s->get($url, {'Accept-Encoding' => 'gzip', Origin => 'http://x.example', 'User-Agent' => 'a'});
    is($res->{headers}{vary}, undef, "$url: no Vary");
    (my $zip = $url) =~ s{^/vod}{/zip};
    my $v = $s->get($zip, {'Accept-Encoding' => 'gzip', Origin => 'http://x.example'})->{headers}{vary};
    is($v, $url =~ /\.mpd$/ ? 'Accept-Encoding' : undef, "$zip: Vary by mod_deflate alone");
}
for my $url ('/zip/kite.ism/.m3u8', '/zip/kite.ism/.mpd?filter=type==%22video%22', '/zip/moved/.mpd') {
    my %whole = map { $_ => $s->get($url, {'Accept-Encoding' => $_})->{headers} } qw(gzip identity);
    like($whole{gzip}{etag}, qr/-gzip"$/, "$url: compressed");
    for my $what (qw(gzip identity)) {
        for my $list ("", '"x", W/"y-gzip", ') {
            my $res = $s->get($url, {'Accept-Encoding' => 'gzip', 'If-None-Match' => $list . $whole{$what}{etag}});
            is($res->{status}, 304, "$url: $list$what tag: 304");
            is($res->{headers}{$_}, $whole{$what}{$_}, "$url: $what: $_ as of the 200") for qw(etag vary cache-control content-location);
            is($res->{headers}{'content-encoding'}, undef, "$url: $what: no Content-Encoding");
        }
    }
    is($s->get($url, {'If-None-Match' => '"else-gzip"'})->{status}, 200, "$url: another tag");
    is($s->get($url, {'If-None-Match' => $whole{gzip}{etag}, 'If-Modified-Since' => 'Thu, 01 Jan 1998 00:00:00 GMT'})->{status}, 304,
        "$url: a tag over an old date");
}
{
    (my $zip = $first) =~ s{^/vod}{/zip};
    my $h = $s->get($zip, {'Accept-Encoding' => 'gzip', 'If-None-Match' => header('etag', $first)})->{headers};
    is($h->{vary}, undef, '304 of a segment: no Vary');
    is($h->{etag}, header('etag', $first), '304 of a segment: its ETag');
}

$s->finish;

# ---- what is refused at start

for my $case (
    ['JitOriginStaleIfError manifest x',              qr/takes 0 to \d+ seconds, not "x"/],
    ['JitOriginStaleIfError playlist 5',              qr/takes one of manifest\|init\|segment\|error\|versioned, not "playlist"/],
    ["JitOriginCacheControl segment no-store\nJitOriginStaleIfError segment 5", qr/no-store can't have/],
    ["JitOriginStaleWhileRevalidate segment 5\nJitOriginCacheControl segment \"private, No-Store\"", qr/no-store can't have/],
    (map { ["JitOriginSunset segment $_", qr/takes seconds, a date .* or None, not "\Q$_\E"/] }
        qw(2026-02-30 2026-13-01 2026-1-1 2026-01-01T00:00:00 2026-01-01T24:00:00Z 2026-01-01T00:00:00+0100 2026-01-01Z 1969-01-01 -5 never)),
    ['JitOriginSunset segment 99999999999',           qr/takes 0 to \d+ seconds/],
    ['JitOriginSurrogateKey "Surrogate Key"',         qr/takes the name of a header or None/],
    ['JitOriginPrefetch maybe',                       qr/Off\|On/],
    ["<VirtualHost *:1>\nJitOriginCacheKey On\n</VirtualHost>", qr/cannot occur within/],
    ["<Location />\nJitOriginCacheKey On\n</Location>", qr/not allowed in <Location> context/],
) {
    my ($conf, $why) = @$case;
    my ($code, $out) = JitOrigin::Httpd->new(conf => $conf)->check_config;
    $conf =~ s/\n/; /g;
    isnt($code, 0, "refused: $conf");
    like($out, $why, "says why: $conf");
}
for my $conf ("JitOriginCacheControl segment no-store\nJitOriginStaleIfError init 5", 'JitOriginSunset init 2028-02-29T23:59:59+14:00',
    "JitOriginStaleIfError segment 0\nJitOriginCacheControl segment no-store") {
    my ($code, $out) = JitOrigin::Httpd->new(conf => $conf)->check_config;
    is($code, 0, "accepted: $conf") or diag $out;
}

done_testing;
