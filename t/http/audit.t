#!/usr/bin/perl
# jitorigin audit: an origin alone and behind mod_cache is found good; each fault that is planted is named, once, where it is; all
# that a manifest names is asked for, and no more of the segments than were wanted.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title);
use JitOrigin::Varnish;

my $cache = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/conf/jitorigin-cache.conf');

# folder => [configuration, question, verdict, text, how many of which URLs]
my $manifests = '\.m3u8$';
my $segments  = '/(?:hls|keyframes)/kite-[^/]*-\d+\.m4s$';
my $media     = '\.m4s$';
my $all       = '\.(m3u8|m4s)$';
my %faults = (
    'no-store' => ['JitOriginCacheControl manifest no-store', 'storable', 'fail', qr/^Cache-Control: no-store keeps every cache/, $manifests],
    'private'  => ['JitOriginCacheControl segment "private, max-age=86400"', 'storable', 'fail', qr/^Cache-Control: private keeps/, $segments],
    'cookie'   => ['Header always set Set-Cookie "id=1"', 'storable', 'fail', qr/^Set-Cookie: .* no segment/, $segments],
    'pragma'   => ['Header set Pragma no-cache', 'storable', 'warn', qr/^Pragma: no-cache/, $all],
    'weeks'    => ['JitOriginCacheControl manifest 604800', 'lifetime', 'fail', qr/^a manifest is kept for 604800 s/, $manifests],
    'hours'    => ['JitOriginCacheControl manifest 7200', 'lifetime', 'warn', qr/^a manifest is kept for 7200 s/, $manifests],
    'shared'   => ['JitOriginCacheControl manifest "max-age=60, s-maxage=90000"', 'lifetime', 'fail', qr/kept for 90000 s/, $manifests],
    'brief'    => ['JitOriginCacheControl segment 5', 'lifetime', 'fail', qr/^a segment is kept for only 5 s/, $segments],
    'silent'   => ["Header unset Cache-Control\nHeader unset Expires", 'lifetime', 'fail', qr/^nothing says how long a manifest/, $manifests],
    'expires'  => ['Header set Expires "Thu, 01 Jan 2060 00:00:00 GMT"', 'expires', 'warn', qr/^Expires and max-age of a manifest/, $manifests],
    'forever'  => ['JitOriginCacheControl init "max-age=86400, immutable"', 'versioned', 'warn', qr/^immutable, but/, '/hls/kite-[^/]*=\d+\.m4s$'],
    'named'    => ["JitOriginUrlVersion On\nJitOriginCacheControl versioned 31536000", 'versioned', 'warn', qr/isn't immutable/, '/v-[^/]+/'],
    'agent'    => ['Header merge Vary User-Agent', 'vary', 'fail', qr/^Vary: User-Agent makes/, $all],
    'origin'   => ["JitOriginCors Off\nSetEnvIf Origin (.+) who=\$1\nHeader set Access-Control-Allow-Origin %{who}e\nHeader merge Vary Origin", 'vary',
        'warn', qr/^Vary: Origin makes/, $all],
    'echo'     => ["JitOriginCors Off\nSetEnvIf Origin (.+) who=\$1\nHeader set Access-Control-Allow-Origin %{who}e", 'cors', 'fail',
        qr/without Vary: Origin/, $all],
    'cors'     => ['JitOriginCors Off', 'cors', 'fail', qr/^no Access-Control-Allow-Origin/, $all],
    'etag'     => ['Header unset ETag', 'etag', 'fail', qr/^no ETag/, $all],
    'strange'  => ['Header set ETag "\"other\""', 'etag', 'fail', qr/^If-None-Match is answered by 200, not 304/, $all],
    'date'     => ['Header unset Last-Modified', 'modified', 'warn', qr/^no Last-Modified/, $all],
    'since'    => ['RequestHeader unset If-Modified-Since early', 'modified', 'fail', qr/^If-Modified-Since is answered by 200/, $all],
    'none'     => ['RequestHeader unset If-None-Match early', 'etag', 'fail', qr/^If-None-Match is answered by 200/, $all],
    'range'    => ['RequestHeader unset Range early', 'ranges', 'warn', qr/^a range is answered by the whole/, $media],
    'bounds'   => ['RequestHeader edit Range =0-99 =0-98', 'ranges', 'fail', qr/^the Content-Range is not/, $media],
    'head'     => ['Header unset ETag "expr=%{REQUEST_METHOD} == \'HEAD\'"', 'head', 'fail', qr/^HEAD has another ETag/, $all],
    'long'     => ['JitOriginCacheControl error 3600', 'errors', 'fail', qr/^a 404 is kept for 3600 s/, '987654321987654321\.m4s$'],
    'found'    => ["RewriteEngine On\nRewriteRule 987654321 /soft.html", 'errors', 'fail', qr/^a segment that does not exist is answered by 200/, '987654321987654321\.m4s$'],
    'soft'     => ["RewriteEngine On\nRewriteRule 987654321 - [R=404,L]", 'errors', 'warn', qr/^nothing says how long a 404/, '987654321987654321\.m4s$'],
    'device'   => ["RewriteEngine On\nRewriteCond %{HTTP_USER_AGENT} iPhone\nRewriteRule m3u8\$ - [R=403,L]", 'user-agent', 'fail',
        qr/^another User-Agent \(Apple's\) gets another answer/, $manifests],
    'sid'      => ["RewriteEngine On\nRewriteCond %{QUERY_STRING} sid=\nRewriteRule m3u8\$ - [R=403,L]", 'session-ids', 'fail',
        qr/^with an unknown parameter \(sid=\) the status is 403/, $manifests],
    'order'    => ["RewriteEngine On\nRewriteCond %{QUERY_STRING} ^min.*&max\nRewriteRule m3u8\$ - [R=403,L]", 'order', 'fail',
        qr/^the order of parameters .* changes the answer/, $manifests],
    'encoded'  => ['Header set Content-Encoding br', 'encoding', 'fail', qr/^a client without Accept-Encoding gets Content-Encoding: br/, $manifests],
    'unvaried' => ["SetOutputFilter DEFLATE\nHeader unset Vary", 'encoding', 'fail', qr/^the compressed answer has no Vary/, $manifests],
    'names'    => ['Header set X-Cache "MISS from white.example, MISS from stale.example"', 'hit', 'fail', qr/^the second request is not a hit/, $all],
    'gone'     => ["RewriteEngine On\nRewriteRule m4s\$ - [R=404,L]", 'answers', 'fail', qr/^the answer is 404/, '\.m4s$'],
);

my $conf = <<'CONF';
<Location /vod>
    JitOrigin On
</Location>
<Location /zip>
    JitOrigin On
    AddOutputFilterByType DEFLATE application/vnd.apple.mpegurl application/dash+xml text/xml
</Location>
<Location /versioned>
    JitOrigin On
    JitOriginUrlVersion On
</Location>
<Location /ts>
    JitOrigin On
    JitOriginHlsContainer ts
    JitOriginQueryOptions hls_client_manifest_version
</Location>
Redirect /moved /vod
Redirect /round /round
CONF
$conf .= "<Location /headers.m3u8>\n" . "Header always add X-Many 1\n" x 600 . "</Location>\n";
$conf .= "<Directory \@DOCS\@/faulty/$_>\nJitOrigin On\n$faults{$_}[0]\n</Directory>\n" for sort keys %faults;
# "early" and "edit" directives are not for folders
$conf =~ s{<Directory \S*faulty/(\w+)>(\n[^<]*RequestHeader[^<]*early\n)</Directory>}{<Location /faulty/$1>$2</Location>}g;
$conf =~ s/(RequestHeader unset \S+) early/$1/g;

my $s = JitOrigin::Httpd->new(modules => [qw(deflate filter headers rewrite setenvif)], conf => $conf);
my $c = JitOrigin::Httpd->new(modules => [qw(cache cache_socache socache_shmcb deflate filter headers)], conf => <<"CONF");
<Location /vod>
    JitOrigin On
    AddOutputFilterByType DEFLATE application/vnd.apple.mpegurl application/dash+xml text/xml
</Location>
<Location /key>
    JitOrigin On
</Location>
$cache
CONF
my $plain = JitOrigin::Httpd->new(modules => [qw(cache cache_socache socache_shmcb headers)], conf => <<"CONF");
<Location />
    JitOrigin On
</Location>
@{[$cache =~ s/JitOriginCacheKey On/JitOriginCacheKey Off/r]}
CONF
add_title($_->docs . '/vod', 'kite', 'video:kite.mp4', 'audio:kite.mp4') for $s, $c, $plain;
add_title($s->docs . "/$_", 'kite', 'video:kite.mp4', 'audio:kite.mp4') for 'zip', 'versioned', 'ts', map { "faulty/$_" } keys %faults;
JitOrigin::Httpd::write_file($s->docs . '/soft.html', 'no such page');

# audit(OPTIONS AND URLS…): (exit status, output)
sub audit {
    my $args = join ' ', map { "'$_'" } @_;
    my $out = qx(@{[JitOrigin::Httpd::cli()]} audit $args 2>&1);
    return ($? & 127 ? "signal $?" : $? >> 8, $out);
}

sub verdicts {
    my ($status, $out) = audit('--json', @_);
    my $json = eval { JSON::PP->new->utf8->decode($out) } or diag $out;
    return ($status, $json || {verdicts => []});
}

sub questions {
    my ($json, $verdict) = @_;
    return join ' ', map { $_->{question} } grep { !$verdict || $_->{verdict} eq $verdict } @{$json->{verdicts}};
}

my @kinds = qw(.m3u8 .mpd Manifest);
$_->start for $s, $c, $plain;

# ---- good ones

for my $kind (@kinds) {
    my $url = $s->base . "/vod/kite.ism/$kind";
    my ($status, $json) = verdicts($url);
    is($status, 0, "$kind: an origin alone is good");
    is(questions($json), 'hit', '  but nothing keeps what it says');
    like($json->{verdicts}[0]{text}, qr/^no cache answers/, '  in words');
    is($json->{verdicts}[0]{count}, $json->{resources}, '  of everything');
    ($status) = audit('--strict', $url);
    is($status, 1, '  a failure under --strict');
    ($status, $json) = verdicts($s->base . "/zip/kite.ism/$kind");
    is(questions($json), 'hit', '  no less, compressed');
    is($json->{good}{'gzip-304'}, $json->{good}{manifests}, '  with a 304 for each manifest');
}

{
    my ($status, $out) = audit($s->base . '/vod/kite.ism/.m3u8');
    my @lines = split /\n/, $out;
    is(scalar(grep { /^ok   [\w-]+: .+ \(\d+ asked\)$/ } @lines), 16, 'a line for each good answer');
    is(scalar(grep { /^warn hit: / } @lines), 1, 'and for each that is not');
    like($out, qr{^warn hit: .*\n      where: http://\S+/vod/kite\.ism/\.m3u8 and \d+ more\n      mend: .*mod_cache}m, 'with where and how to mend it');
    like($lines[-1], qr/^\d+ resources, \d+ requests: 0 failures, 1 warning$/, 'and the sum');
    my (undef, $json) = verdicts($s->base . '/versioned/kite.ism/.m3u8');
    is(questions($json), 'hit', 'versioned URLs are good');
    cmp_ok($json->{good}{versioned}, '>=', 8, '  as asked');
    for my $query ('', '?hls_client_manifest_version=3') {
        ($status, $json) = verdicts('--segments', 9, $s->base . "/ts/kite.ism/.m3u8$query");
        is("$status " . questions($json), '0 hit', "transport streams$query are good");
        is($json->{resources}, 1 + 2 * (1 + 3) + ($query ? 0 : 1 + 6), '  playlists, segments of pictures and of packed audio, key frames');
    }
    ($status, $json) = verdicts($s->base . '/moved/kite.ism/.m3u8');
    is(questions($json, 'fail'), '', 'a redirect is followed');
    my (undef, $straight) = verdicts($s->base . '/vod/kite.ism/.m3u8');
    is($json->{resources}, $straight->{resources}, '  and references count from where it leads');
}

# ---- behind mod_cache

for my $kind (@kinds) {
    my ($status, $json) = verdicts($c->base . "/vod/kite.ism/$kind");
    is($status, 0, "$kind: mod_cache as it is shipped is good");
    is(questions($json), 'hit', '  segments go past it');
    is($json->{good}{hit}, $json->{good}{manifests}, '  manifests are hits');
    is(scalar(grep { !/\.m4s|Fragments|\.dash/ } @{$json->{verdicts}[0]{urls}}), 0, '  all of them');
    ($status, $json) = verdicts($plain->base . "/vod/kite.ism/$kind");
    is($status, 1, '  httpd\'s own key is not');
    is(questions($json, 'fail'), 'session-ids order', '  as it keeps what says the same apart');
    like($json->{verdicts}[1]{text}, qr/another entry in the cache/, '  in words');
    like($json->{verdicts}[1]{mend}, qr/JitOriginCacheKey On/, '  and how to mend it');
}

{
    my ($status, $json) = verdicts($c->base . '/vod/kite.ism/.m3u8?max_bitrate=5000000&filter=type!=%22textstream%22');
    is(questions($json, 'fail'), '', 'a URL that has one of the parameters which change their order');
    is($json->{good}{order}, $json->{good}{manifests} - 1, '  is not asked for that');
}

# ---- behind a shield

SKIP: {
    skip 'no varnishd', 9 if !JitOrigin::Varnish::binary();
    my $v = JitOrigin::Varnish->new($s)->start;
    for my $kind (@kinds) {
        my ($status, $json) = verdicts('--strict', $v->base . "/zip/kite.ism/$kind");
        is($status, 0, "$kind: docker/default.vcl in front is good");
        is(questions($json), '', '  in everything');
        is($json->{good}{hit}, $json->{resources}, '  and hits all the second requests');
    }
    $v->stop;
}

# ---- planted

for my $name (sort keys %faults) {
    my (undef, $question, $verdict, $text, $urls) = @{$faults{$name}};
    my ($status, $json) = verdicts($s->base . "/faulty/$name/kite.ism/.m3u8");
    my @found = grep { $_->{question} eq $question && $_->{text} =~ $text } @{$json->{verdicts}};
    is(scalar @found, 1, "$name: named once") or diag explain $json->{verdicts};
    next if !@found;
    is($found[0]{verdict}, $verdict, "  $verdict");
    is($status, $verdict eq 'fail' || questions($json, 'fail') ne '' ? 1 : 0, '  exit status');
    is(scalar(grep { !/$urls/ } @{$found[0]{urls}}), 0, '  where it is');
    cmp_ok(scalar(grep { /$urls/ } @{$found[0]{urls}}), '>=', 1, '  and there') or diag explain $found[0]{urls};
    like($found[0]{mend}, qr/\w{4}/, '  with a way to mend it');
}

# ---- what is walked

my %manifest = (
    'list.m3u8' => "#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXT-X-MAP:URI=\"i,1.bin\"\r\n"
        . join('', map { "#EXTINF:4,\r\n" . ($_ == 3 ? "#EXT-X-GAP\r\n" : '') . "s$_.bin\r\n" } 1 .. 9) . "#EXT-X-ENDLIST\r\n",
    'number.mpd' => '<MPD mediaPresentationDuration="PT1M0.5S"><BaseURL> ./a&amp;b/ </BaseURL><Period><AdaptationSet><BaseURL>c/</BaseURL>'
        . '<SegmentTemplate timescale="10" duration="40" startNumber="5" initialization="$RepresentationID$-$Bandwidth%08d$$$.bin"/>'
        . '<Representation id="v1" bandwidth="77"><SegmentTemplate media="$RepresentationID$-$Number%04d$.bin"/></Representation>'
        . '</AdaptationSet></Period></MPD>',
    'time.mpd' => '<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011"><m:Period duration="PT100S"><m:AdaptationSet>'
        . '<m:SegmentTemplate timescale="10" media="t$Time$.bin" presentationTimeOffset="1000"><m:SegmentTimeline><m:S t="1000" d="40" r="1"/><m:S d="20"/>'
        . '<m:S t="1200" d="100" r="-1"/></m:SegmentTimeline></m:SegmentTemplate><m:Representation id="a"/></m:AdaptationSet></m:Period></m:MPD>',
    'files.mpd' => '<MPD><Period><AdaptationSet><Representation><BaseURL>whole.bin</BaseURL></Representation><Representation><SegmentList>'
        . '<Initialization sourceURL="li.bin"/><SegmentURL media="l1.bin"/><SegmentURL media="l2.bin"/></SegmentList></Representation></AdaptationSet></Period></MPD>',
    'smooth.xml' => '<SmoothStreamingMedia><StreamIndex Url="Q({Bitrate},{CustomAttributes})/F(v={start_time})"><QualityLevel Bitrate="9"><CustomAttributes>'
        . '<Attribute Name="k" Value="1"/></CustomAttributes></QualityLevel><c t="7" d="10" r="3"/><c d="5"/><c n="4"/></StreamIndex></SmoothStreamingMedia>',
);
my %walked = (
    'list.m3u8'  => 'i,1.bin s1.bin s5.bin s9.bin',
    'number.mpd' => 'a&b/c/v1-00000077$.bin a&b/c/v1-0005.bin a&b/c/v1-0012.bin a&b/c/v1-0020.bin',
    'time.mpd'   => 't1000.bin t1400.bin t1900.bin',
    'files.mpd'  => 'whole.bin li.bin l1.bin l2.bin',
    'smooth.xml' => 'Q(9,k=1)/F(v=27) Q(9,k=1)/F(v=42) Q(9,k=1)/F(v=7)',
);
JitOrigin::Httpd::write_file($s->docs . "/$_", $manifest{$_}) for keys %manifest;
for my $name (sort keys %manifest) {
    my ($status, $json) = verdicts('--segments', 3, $s->base . "/$name");
    my ($missing) = grep { $_->{question} eq 'answers' } @{$json->{verdicts}};
    my @urls = map { s{^.*?//[^/]+/}{}r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger } @{$missing->{urls}};
    is(join(' ', sort @urls), join(' ', sort split / /, $walked{$name}), "$name: what is asked for");
    is($json->{resources}, 1 + @urls, '  and no more');
}
{
    my (undef, $json) = verdicts('--segments', 1, $s->base . '/vod/kite.ism/.m3u8');
    is($json->{good}{ranges}, 5, 'one segment of each playlist, and inits');
    JitOrigin::Httpd::write_file($s->docs . '/live.m3u8', "#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
    (undef, $json) = verdicts($s->base . '/live.m3u8');
    is(questions($json, 'fail') =~ /lifetime/ ? 1 : 0, 1, 'no lifetime at all is a fault');
    JitOrigin::Httpd::write_file($s->docs . '/odd.mpd', '<MPD><Period></MPD>');
    (undef, $json) = verdicts($s->base . '/odd.mpd');
    my ($why) = grep { $_->{question} eq 'manifests' } @{$json->{verdicts}};
    like($why->{text}, qr/^not all of it was read: line 1: mismatched tag/, 'a broken manifest');
}

# ---- refusals

for my $case ([1, qr/^FAIL manifests: this is none of HLS, DASH and Smooth$/m, $s->base . '/soft.html'],
    [1, qr/^FAIL answers: the answer is 404$/m, $s->base . '/nothing.m3u8'],
    [1, qr/^FAIL answers: no answer: more than 500 headers/m, $s->base . '/headers.m3u8'],
    [1, qr/^FAIL answers: no answer: .*redirects/m, $s->base . '/round/x.m3u8'],
    [1, qr/^FAIL answers: no answer: /m, 'http://127.0.0.1:' . JitOrigin::Httpd::free_port() . '/x.m3u8'],
    [2, qr/no http:\/\/ or https:\/\/ URL/, 'file:///etc/hostname'],
    [2, qr/no http:\/\/ or https:\/\/ URL/, '/vod/kite.ism'],
    [2, qr/--segments: a number from 1 to 100/, '--segments', '0', 'http://x/'],
    [2, qr/--timeout: seconds from 1 to 600/, '--timeout', '9s', 'http://x/'])
{
    my ($want, $like, @args) = @$case;
    my ($status, $out) = audit(@args);
    is($status, $want, "@args: exit status $want");
    like($out, $like, '  and why');
}

$s->expect(qr/AH01276|AH00124/);
$_->finish for $s, $c, $plain;
done_testing;
