#!/usr/bin/perl
# mod_cache as conf/jitorigin-cache.conf sets it up: what is a hit, what goes past, and what must never be mixed or given
# to the wrong one.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use List::Util qw(shuffle);
use Test::More;
use JitOrigin::Clients qw(h2_get);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls smil);

sub shipped { return JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . "/conf/$_[0].conf") }

my @modules = qw(cache cache_socache socache_shmcb deflate filter headers http2 rewrite setenvif
    auth_basic authn_core authn_file authz_user authz_host);

my $other = JitOrigin::Httpd::free_port();
my $conf = <<'CONF';
LogFormat "%H %{cache-status}e %U%q" cached
CustomLog "@RUN@/logs/cached.log" cached
Protocols h2c http/1.1
<Location /vod>
    JitOrigin On
</Location>
# The same, never from the cache.
Alias /plain "@DOCS@/vod"
<Location /plain>
    JitOrigin On
    CacheDisable on
</Location>
<Location /direct>
    JitOrigin On
    JitOriginDirect On
</Location>
Alias /basic "@DOCS@/vod"
<Location /basic>
    JitOrigin On
    AuthType Basic
    AuthName titles
    AuthUserFile "@RUN@/users"
    Require valid-user
</Location>
Alias /token "@DOCS@/vod"
<Location /token>
    JitOrigin On
    SetEnvIf X-Token ^good$ allowed
    Require env allowed
</Location>
Alias /nobody "@DOCS@/vod"
<Location /nobody>
    JitOrigin On
    Require ip 192.0.2.1
</Location>
# One URL, two titles, as a header says (not by %{HTTP:X-Tenant}, for which mod_rewrite sets Vary).
SetEnvIf X-Tenant ^(a|b)$ tenant=$1
<Location /tenant>
    JitOrigin On
</Location>
RewriteEngine On
RewriteCond %{ENV:tenant} (.)
RewriteRule ^/tenant/(.*)$ "@DOCS@/tenant-%1/$1"
# Soon stale.
Alias /brief "@DOCS@/vod"
<Location /brief>
    JitOrigin On
    JitOriginCacheControl manifest 3
</Location>
# Settings by a header.
Alias /if "@DOCS@/vod"
<Location /if>
    JitOrigin On
    <If "req_novary('X-Version') == '1'">
        JitOriginUrlVersion On
    </If>
    <If "req_novary('X-Container') == 'ts'">
        JitOriginHlsContainer ts
    </If>
</Location>
# All of a title is kept.
Alias /all "@DOCS@/vod"
<Location /all>
    JitOrigin On
    CacheEnable socache
    SetOutputFilter CACHE
</Location>
# Files of others.
<Location /static>
    CacheEnable socache
    Header set Cache-Control max-age=60
</Location>
<Location /vod/folder.ism>
    Header set Cache-Control max-age=60
</Location>
CONF

my $hosts = <<"CONF";
Listen 127.0.0.1:$other
<VirtualHost *:\@PORT\@>
    ServerName one.example
    DocumentRoot "\@DOCS\@"
</VirtualHost>
<VirtualHost *:\@PORT\@>
    ServerName two.example
    ServerAlias alias.example
    DocumentRoot "\@DOCS\@/two"
</VirtualHost>
<VirtualHost *:$other>
    ServerName one.example
    DocumentRoot "\@DOCS\@/three"
</VirtualHost>
CONF

sub fill {
    my ($s) = @_;
    my $docs = $s->docs;
    add_title("$docs/$_->[0]", 'kite', @{$_}[1 .. $#$_]) for
        ['vod', 'video:kite.mp4', 'audio:kite.mp4'], ['two/vod', 'video:video.mp4'], ['three/vod', 'audio:tone.mp4'],
        ['tenant-a', 'video:video.mp4'], ['tenant-b', 'audio:tone.mp4'], ['direct', 'video:kite.mp4'];
    JitOrigin::Httpd::write_file("$docs/vod/many.ism", smil('<video src="kite.mp4"><param name="label" value="' . 'x' x 12000 . '"/></video>'));
    JitOrigin::Httpd::write_file("$docs/vod/kite?.ism", smil('<video src="kite.mp4"/>'));
    JitOrigin::Httpd::make_path("$docs/static", "$docs/vod/folder.ism");
    JitOrigin::Httpd::write_file("$docs/static/page.txt", 'a page');
    JitOrigin::Httpd::write_file("$docs/vod/folder.ism/$_", 'a file') for qw(real.mpd real.txt);
    JitOrigin::Httpd::write_file($s->run_dir . '/users', 'ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' . "\n"); # "password"
    return;
}

sub server {
    my ($before, $more) = @_;
    my $s = JitOrigin::Httpd->new(modules => \@modules, global => "AddOutputFilterByType DEFLATE application/dash+xml\n",
        conf => $before . $conf . ($more || ''));
    fill($s);
    return $s->start;
}

# ask(SERVER, PATH, {headers, Port, Method}): {status, cache ("HIT", "MISS" or ""), headers, content}, whatever is in the path.
sub ask {
    my ($s, $path, $h) = @_;
    my %h = (Host => 'localhost', Connection => 'close', %{$h || {}});
    my $method = delete $h{Method} || 'GET';
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => delete $h{Port} || $s->port, Timeout => 20) or die "connect: $!";
    print $socket join "\r\n", "$method $path HTTP/1.1", (map { "$_: $h{$_}" } sort keys %h), '', '';
    my $answer = do { local $/ = undef; <$socket> };
    my ($head, $content) = split /\r\n\r\n/, $answer, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $head;
    my ($cache) = ($headers{'x-cache'} || '') =~ /^(\w+)/;
    return {status => $status, cache => $cache || '', headers => \%headers, content => $content};
}

sub got {
    my ($res, $status, $cache, $what) = @_;
    return is("$res->{status} $res->{cache}", "$status $cache", $what);
}

my %figures;
sub count { $figures{$_[0]{cache} || 'past'}++; return $_[0] }

# ---- the shipped configuration

my $s = server(shipped('jitorigin-cache'));
$s->expect('AH01630', 'AH01617'); # denied, as meant
my ($playlists, $inits, $segments) = hls_urls($s, '/plain/kite.ism');
s{^/plain}{/vod} for @$playlists, @$inits, @$segments;

for my $url ('/vod/kite.ism/.m3u8', $playlists->[0], $playlists->[1], '/vod/kite.ism/.mpd', '/vod/kite.ism/Manifest', '/direct/kite.mp4/.mpd') {
    my $first = count(ask($s, $url));
    my $again = count(ask($s, $url));
    got($first, 200, 'MISS', "$url: first");
    got($again, 200, 'HIT', "$url: second");
    is($again->{content}, $first->{content}, "$url: the same bytes");
    for my $name (qw(content-type content-length etag last-modified cache-control content-location access-control-allow-origin accept-ranges)) {
        is($again->{headers}{$name}, $first->{headers}{$name}, "$url: $name");
    }
}
for my $url (@$inits, @$segments) {
    my @status = map { my $res = count(ask($s, $url)); "$res->{status}$res->{cache}" } 1, 2;
    is("@status", '200 200', "$url: past the cache");
}

# Spellings of one resource.
my ($media) = $playlists->[0] =~ m{([^/]+)$};
for my $case (
    ['.mpd', '.mpd?sid=1', '.mpd?SID=2&utm_source=x', '.mpd?', 'any.mpd', '%2empd', '/.mpd', './x/../.mpd'],
    ['.mpd?filter=type==%22video%22', '.mpd?sid=8&filter=type==%22video%22&x=', '.mpd?filter=(type%3D%3D%22video%22)',
        '.mpd?filter=TYPE=="video"', '.mpd?filter=%74ype==%22video%22&sid=1', '.mpd?filter=type==%22video%22||type==%22video%22'],
    ['.m3u8?vbegin=2&vend=9', '.m3u8?vend=9&vbegin=2', 'x.m3u8?vend=9&sid=4&vbegin=2', '.m3u8?vend=%39&vbegin=%32'],
    ['.m3u8?hls_fmp4', '.m3u8?hls_fmp4=1&sid=1', '.m3u8?sid=2&hls_fmp4=true', 'x.m3u8?hls%5Ffmp4=TRUE'],
    ["$media?hls_fmp4&vend=9", "$media?vend=9&hls_fmp4"],
    [$media, "$media?sid=1", $media =~ s/=/%3D/r],
) {
    my ($canonical, @others) = @$case;
    ask($s, "/vod/kite.ism/$canonical");
    my $whole = ask($s, "/vod/kite.ism/$canonical");
    for my $name (@others) {
        my $res = count(ask($s, "/vod/kite.ism/$name"));
        got($res, 200, 'HIT', "$name is $canonical");
        is($res->{content}, $whole->{content}, "$name: its bytes");
    }
}
got(ask($s, '/vod//kite.ism/.mpd'), 200, 'HIT', 'slashes are merged');
got(ask($s, '/vod/kite.ism/.mpd', {Host => 'LOCALHOST'}), 200, 'HIT', 'a host in upper case');
got(ask($s, '/vod/kite.ism/.mpd', {'User-Agent' => $_}), 200, 'HIT', "user agent $_") for qw(a b);
got(ask($s, '/vod/kite.ism/.mpd', {Method => 'HEAD'}), 200, 'HIT', 'HEAD');
is(ask($s, '/vod/kite.ism/.mpd', {Method => 'HEAD'})->{content}, '', 'HEAD: no body');

# Resources that must not be mixed: every answer is the one that comes without a cache.
{
    my @names = ('.m3u8', '.mpd', 'Manifest', 'no.txt', 'kite-video=1.m3u8', '.mpd%3Ffilter=type==%22video%22',
        map { my $what = $_; map { "$_?$what" } qw(.m3u8 .mpd Manifest) }
            'filter=type==%22video%22', 'filter=type==%22audio%22', 'filter=type!=%22audio%22', 'filter=systemBitrate<100000',
            'filter=((', 'filter=)', 'vbegin=4', 'vend=4', 'vbegin=4&vend=8', 't=4,8', 'vbegin=8&vend=4', 'max_bitrate=100000',
            'min_bitrate=100000', 'filter=type==%22video%22&filter=type==%22audio%22', 'filter=%zz', 'vbegin=1%00');
    my (%wrong, %seen);
    for my $round (1 .. 3) {
        for my $name (shuffle @names) {
            my ($cached, $plain) = (count(ask($s, "/vod/kite.ism/$name")), ask($s, "/plain/kite.ism/$name"));
            $wrong{$name} = "$cached->{status}, not $plain->{status}"
                if $cached->{status} != $plain->{status} || $cached->{content} ne $plain->{content};
            $seen{$plain->{status}}++;
            $wrong{$name} = 'no hit' if $round > 1 && $cached->{status} == 200 && $cached->{cache} ne 'HIT';
        }
    }
    ok(!%wrong, scalar(@names) . ' resources in any order, three times') or diag map { "$_: $wrong{$_}\n" } sort keys %wrong;
    ok($seen{200} > 60 && $seen{400} > 20 && $seen{404} > 3, 'of which some exist') or diag explain \%seen;
}
isnt(ask($s, '/vod/kite%3F.ism/.mpd')->{content}, ask($s, '/vod/kite.ism/.mpd')->{content}, 'kite?.ism is another title');
# Manifests have neither versions nor clips in their path: what is there is no other name of theirs.
for my $folder ('v-0123456789abcdef', 'clip-2-8', 'v-0123456789abcdef/clip-2-8') {
    for my $name ('.mpd', '.m3u8', 'Manifest') {
        is(join(' ', map { ask($s, "/all/kite.ism/$_")->{status} } "$folder/$name", $name, "$folder/$name"), '404 200 404', "$folder/$name");
    }
}
got(ask($s, '/vod/kite.ism%2F.mpd'), 404, '', 'an encoded slash names nothing');

# What another header makes of a URL.
for my $tenant (qw(a b a b)) {
    my $res = ask($s, '/tenant/kite.ism/.mpd', {'X-Tenant' => $tenant});
    like($res->{content}, $tenant eq 'a' ? qr/video=/ : qr/audio=/, "a rewrite by header: $tenant");
}
for my $version (1, 0, 1, 0) {
    my $found = ask($s, '/if/kite.ism/.mpd', {'X-Version' => $version})->{content} =~ m{v-[0-9a-f]+/} || 0;
    is($found, $version, "settings by header: $version");
}

for my $container (qw(ts fmp4 ts fmp4)) {
    my $found = ask($s, '/if/kite.ism/.m3u8', {'X-Container' => $container})->{content} =~ /EXT-X-VERSION:4/ ? 'ts' : 'fmp4';
    is($found, $container, "settings by header: $container");
}

# Ranges.
{
    my $url = '/vod/kite.ism/.mpd';
    my $whole = ask($s, $url)->{content};
    my $res = ask($s, $url, {Range => 'bytes=10-19'});
    got($res, 206, 'HIT', 'a range of a hit');
    is($res->{content}, substr($whole, 10, 10), 'its bytes');
    is(ask($s, $url, {Range => 'bytes=999999-'})->{status}, 416, 'past the end of a hit');
    is(ask($s, $url, {Range => 'bytes=0-9', 'If-Range' => '"else"'})->{status}, 200, 'If-Range that does not hold');
    is(ask($s, $url, {Range => 'bytes=0-9', 'If-Range' => ask($s, $url)->{headers}{etag}})->{status}, 206, 'If-Range that does');
    got(ask($s, $url), 200, 'HIT', 'a hit afterwards');
    my $miss = ask($s, "$url?vend=2", {Range => 'bytes=10-19'});
    got($miss, 200, 'MISS', 'a range of a miss is answered with all of it');
    got(ask($s, "$url?vend=2", {Range => 'bytes=10-19'}), 206, 'HIT', 'the next one is a hit');
    my $segment = ask($s, $segments->[0], {Range => 'bytes=10-19'});
    got($segment, 206, '', 'a range of a segment');
}

# Conditions, with and without compression; what they do to the entry.
for my $case (['hit', '.mpd'], ['miss', '.mpd?vend=3']) {
    my ($what, $name) = @$case;
    my $plain = ask($s, "/plain/kite.ism/$name")->{headers};
    my $zip = ask($s, "/plain/kite.ism/$name", {'Accept-Encoding' => 'gzip'})->{headers};
    like($zip->{etag}, qr/-gzip"$/, "$what: compressed");
    my @conditions = (['gzip tag', {'If-None-Match' => $zip->{etag}, 'Accept-Encoding' => 'gzip'}, $zip],
        ['tag', {'If-None-Match' => $plain->{etag}}, $plain], ['list', {'If-None-Match' => qq("x", W/$zip->{etag}, "y")}, $zip],
        ['tag and old date', {'If-None-Match' => $zip->{etag}, 'If-Modified-Since' => 'Thu, 01 Jan 1998 00:00:00 GMT'}, $zip],
        ['date', {'If-Modified-Since' => $plain->{'last-modified'}}, $plain]);
    for my $c (@conditions) {
        my ($kind, $headers, $like) = @$c;
        for my $round (1, 2) {
            my $res = ask($s, "/vod/kite.ism/$name", $headers);
            is($res->{status}, 304, "$what, $kind: 304");
            is($res->{cache}, 'HIT', "$what, $kind: from the cache") if $what eq 'hit';
            is($res->{headers}{vary}, 'Accept-Encoding', "$what, $kind: Vary") if $kind ne 'date';
            is($res->{headers}{etag}, $like->{etag}, "$what, $kind: ETag");
            ok($res->{headers}{'cache-control'}, "$what, $kind: Cache-Control");
            is($res->{headers}{'content-location'}, $like->{'content-location'}, "$what, $kind: Content-Location");
        }
        got(ask($s, "/vod/kite.ism/$name"), 200, 'HIT', "$what, $kind: does not drive it out") if $what eq 'hit';
    }
}
got(ask($s, '/vod/kite.ism/.mpd', {'If-None-Match' => '"else"'}), 200, 'MISS', 'another tag is asked of the origin');
got(ask($s, '/vod/kite.ism/.mpd'), 200, 'HIT', 'and what it says is kept');
{
    my @zip = map { ask($s, '/vod/kite.ism/.mpd', {'Accept-Encoding' => $_}) } 'gzip', 'gzip, deflate, br', 'identity';
    is(join(' ', map { $_->{cache} } @zip), 'HIT HIT HIT', 'one entry for every Accept-Encoding');
    is(join(' ', map { $_->{headers}{'content-encoding'} || '-' } @zip), 'gzip gzip -', 'compressed as asked');
}
is(ask($s, '/vod/kite.ism/.mpd?vend=5', {'If-Match' => '"else"'})->{status}, 412, 'If-Match that does not hold');
is(ask($s, '/vod/kite.ism/.mpd?vend=5')->{status}, 200, 'is an answer to that request alone');

# Access.
{
    my %ann = (Authorization => 'Basic YW5uOnBhc3N3b3Jk');
    my $url = '/basic/kite.ism/.mpd';
    is(ask($s, $url)->{status}, 401, 'Basic: not without a name');
    is(ask($s, $url, \%ann)->{status}, 200, 'Basic: with it') for 1, 2;
    is(ask($s, $url)->{status}, 401, 'Basic: still not without') for 1, 2;
    my %good = ('X-Token' => 'good');
    $url = '/token/kite.ism/.mpd';
    is(ask($s, $url)->{status}, 403, 'Require env: not without a token');
    got(ask($s, $url, \%good), 200, $_ ? 'HIT' : 'MISS', 'Require env: with it') for 0, 1;
    is(ask($s, $url)->{status}, 403, 'Require env: still not without, while there is an entry') for 1, 2;
    is(ask($s, "$url?sid=1", {'X-Token' => 'bad'})->{status}, 403, 'Require env: nor with a bad one');
    got(ask($s, $url, \%good), 200, 'HIT', 'Require env: a refusal does not take its place');
    is(ask($s, '/nobody/kite.ism/.mpd')->{status}, 403, 'Require ip');
}

# Files of others keep their keys.
is(join(' ', map { ask($s, "/static/page.txt?$_")->{cache} } qw(a=1&b=2 b=2&a=1 a=1&b=2)), 'MISS MISS HIT', 'a file: its query counts');
is(join(' ', map { ask($s, "/vod/folder.ism/real.mpd?$_")->{content} } qw(a=1 a=2)), 'a file a file', 'a file below a folder.ism');

# HTTP/2 gets what HTTP/1.1 had stored.
{
    my $body = ask($s, '/vod/kite.ism/.m3u8')->{content};
    my @streams = h2_get($s->port, ['/vod/kite.ism/.m3u8', '/vod/kite.ism/.m3u8?sid=h2', '/vod/kite.ism/.m3u8?sid=h3']);
    is(scalar(grep { $_->{digest} eq md5_hex($body) } @streams), 3, 'HTTP/2: the same bytes');
    is(scalar $s->logged(cached => qr{^HTTP/2\S* "?cache hit}, 3), 3, 'HTTP/2: all from the cache');
}

# Spread over the whole of shmcb: more of them than one part holds.
{
    my @urls = map { sprintf '/vod/many.ism/.mpd?vbegin=0.%03d', $_ } 1 .. 300;
    cmp_ok(length(ask($s, $urls[0] . '9')->{content}) * 300, '>', 3 << 20, 'more than one part of shmcb holds');
    my (%first, %second);
    $first{count(ask($s, $_))->{cache}}++ for @urls;
    $second{count(ask($s, $_))->{cache}}++ for @urls;
    is($first{MISS}, 300, '300 manifests');
    is($second{HIT}, 300, '300 hits');
}
# What is stale is asked of the origin. A 304 there makes mod_cache_socache keep, and send, nothing in place of the body.
{
    my $url = '/brief/kite.ism/.mpd';
    my $first = ask($s, $url);
    my $zip = ask($s, $url, {'Accept-Encoding' => 'gzip'});
    sleep 4;
    my $again = ask($s, $url, {'Accept-Encoding' => 'gzip', 'If-None-Match' => $zip->{headers}{etag}});
    is("$again->{status} $again->{content}", "200 $zip->{content}", 'stale, and a client that has it: the whole');
    is($again->{headers}{etag}, $zip->{headers}{etag}, 'its own tag');
    is(join(' ', map { ask($s, $url, {'Accept-Encoding' => $_})->{cache} } 'gzip', 'br', ''), 'HIT HIT HIT', 'fresh again, one entry');
    sleep 4;
    my $whole = ask($s, $url);
    is("$whole->{status} $whole->{content}", "200 $first->{content}", 'stale, and a client that has nothing');
    $whole = ask($s, $url);
    got($whole, 200, 'HIT', 'fresh again');
    is($whole->{content}, $first->{content}, 'the same bytes');
    # What a client says to caches makes an entry stale, too.
    for my $say ('max-age=0', 'no-cache', 'min-fresh=10000', 'no-store') {
        for my $tag ({}, {'If-None-Match' => $first->{headers}{etag}}, {'If-Modified-Since' => $first->{headers}{'last-modified'}}) {
            my $res = ask($s, '/vod/kite.ism/.mpd', {'Cache-Control' => $say, %$tag});
            like($res->{status}, %$tag ? qr/^(200|304)$/ : qr/^200$/, "$say: an answer");
            $res = ask($s, '/vod/kite.ism/.mpd');
            is(length $res->{content}, length $first->{content}, "$say: the next one has its bytes");
        }
    }
}
diag "shipped configuration: $figures{HIT} hits, $figures{MISS} misses, $figures{past} past the cache";
$s->finish;

# ---- virtual hosts: by the file they map to, and with the quick handler by themselves

(my $quick = shipped('jitorigin-cache')) =~ s/CacheQuickHandler off/CacheQuickHandler on/;
$quick =~ s{<LocationMatch.*?</LocationMatch>}{CacheEnable socache /vod\nCacheEnable socache /static}s;

for my $way (shipped('jitorigin-cache'), $quick) {
    my $h = JitOrigin::Httpd->new(modules => \@modules, conf => $way . "<Location /vod>\nJitOrigin On\n</Location>\n$hosts");
    $h->{conf} =~ s/\*:\@PORT\@/*:*/g; # the first two: all ports but the other one
    fill($h);
    $h->start;
    my %tracks = ("one.example $h->{port}" => 'video audio', "two.example $h->{port}" => 'video', "one.example $other" => 'audio');
    for my $round (1, 2) {
        for my $case (['one.example', $h->port], ['two.example', $h->port], ['alias.example', $h->port], ['one.example', $other],
            ["one.example:$other", $h->port], ["one.example:@{[$h->port]}", $other], ['spoofed.example', $other], ['spoofed.example', $h->port]) {
            my ($host, $port) = @$case;
            (my $name = $host) =~ s/:.*//;
            my $want = $port == $other ? 'audio' : $name =~ /two|alias/ ? 'video' : 'video audio';
            my $res = ask($h, '/vod/kite.ism/.m3u8', {Host => $host, Port => $port});
            my $got = join ' ', grep { $res->{content} =~ /$_=\d/ } qw(video audio);
            is($got, $want, "$host at port " . ($port == $other ? 2 : 1) . ": its own title, $round");
            is($res->{cache}, $round == 1 ? 'MISS' : 'HIT', "$host at port " . ($port == $other ? 2 : 1) . ": $round");
        }
    }
    $h->finish;
}

# ---- with the quick handler, nothing is known but the URL

{
    my $q = server($quick);
    my $length = length ask($q, '/plain/kite.ism/.mpd')->{content};
    for my $name ('.mpd', '.mpd?filter=type==%22video%22', '.m3u8?vbegin=2&vend=9', '.mpd?vbegin=4') {
        my $plain = ask($q, "/plain/kite.ism/$name");
        my @seen = map { ask($q, "/vod/kite.ism/$_") } $name, $name . ($name =~ /\?/ ? '&' : '?') . 'sid=1';
        is(join(' ', map { $_->{cache} } @seen), 'MISS HIT', "quick: $name");
        is(scalar(grep { $_->{content} eq $plain->{content} } @seen), 2, "quick: $name: its bytes");
    }
    is(ask($q, '/vod/kite.ism/.mpd', {'Cache-Control' => $_})->{status}, 200, "quick: $_") for 'max-age=0', 'min-fresh=10000';
    got(ask($q, $_), 200, 'HIT', "quick: $_") for '/vod//kite.ism/.mpd', '/vod/x/../kite.ism/any.mpd', '/vod/%6bite.ism/%2Empd?x';
    got(ask($q, '/vod/kite.ism/.mpd', {Host => 'LOCALHOST'}), 200, 'HIT', 'quick: a host in upper case');
    is(length ask($q, '/vod/kite.ism/.mpd')->{content}, $length, 'quick: no entry without a body');
    got(ask($q, '/vod/kite.ism%2F.mpd'), 404, '', 'quick: an encoded slash names nothing') or diag explain ask($q, '/vod/kite.ism%2F.mpd');
    is(ask($q, '/vod/kite.ism/.mpd%3Ffilter=type==%22video%22')->{status}, 404, 'quick: nor does an encoded question mark');
    is(ask($q, '/vod/kite.ism/.mpd?filter=((')->{status}, 400, 'quick: a malformed query') for 1, 2;
    is(ask($q, '/vod/kite.ism/.mpd?filter=))')->{status}, 400, 'quick: another one');
    is(join(' ', map { ask($q, "/vod/kite.ism/$_")->{status} } 'clip-2-8/.mpd?vend=3', '.mpd?vend=3', 'clip-2-8/.mpd?vend=3'), '404 200 404',
        'quick: a clip\'s folder makes no other name');
    isnt(ask($q, '/vod/kite%3F.ism/.mpd')->{content}, ask($q, '/vod/kite.ism/.mpd')->{content}, 'quick: kite?.ism is another title');
    is(join(' ', map { ask($q, "/static/page.txt?$_")->{cache} } qw(a=1 a=2 a=1)), 'MISS MISS HIT', 'quick: files of others');
    is(join(' ', map { ask($q, "/vod/folder.ism/real.txt?$_")->{cache} } qw(a=1 a=2 a=1)), 'MISS MISS HIT', 'quick: what may be anybody\'s');
    $q->finish;
}

# ---- without JitOriginCacheKey, and without mod_cache

{
    (my $off = shipped('jitorigin-cache')) =~ s/JitOriginCacheKey On/JitOriginCacheKey Off/;
    my $o = server($off);
    is(join(' ', map { ask($o, "/vod/kite.ism/.mpd?$_")->{cache} } qw(sid=1 sid=2 sid=1)), 'MISS MISS HIT', 'Off: keys are mod_cache\'s own');
    $o->finish;
}
{
    my $none = JitOrigin::Httpd->new(conf => "JitOriginCacheKey On\n");
    ok(!eval { $none->start; 1 }, 'On without mod_cache: does not start');
    like($@, qr/JitOriginCacheKey On needs mod_cache.*cache_generate_key_default/, 'and says what is missing');
    my ($code, $out) = JitOrigin::Httpd->new(conf => shipped('jitorigin-cache'))->check_config;
    is($code, 0, 'jitorigin-cache.conf does no harm without mod_cache') or diag $out;
}

done_testing;
