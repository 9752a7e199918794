#!/usr/bin/perl
# What is refused, and how: errors with reasons, bare sources, roots, and the ways around a URL.
use strict;
use warnings;
use Test::More;
use File::Path qw(make_path);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls smil media_file);

my $s = JitOrigin::Httpd->new(
    modules => [qw(negotiation rewrite autoindex)],
    conf => <<'CONF');
AddLanguage fr .fr
DirectoryIndex index.html
<Directory "@DOCS@">
    Options FollowSymLinks
    AllowOverride FileInfo
</Directory>
<Location /vod>
    JitOrigin On
</Location>
<Location /direct>
    JitOrigin On
    JitOriginDirect On
</Location>
<Location /open>
    JitOrigin On
    JitOriginServeSources On
</Location>
<Location /pathinfo>
    JitOrigin On
    AcceptPathInfo On
</Location>
<Location /named>
    AddHandler smooth-streaming.extensions .ism .isml
</Location>
<Location /named/off>
    JitOrigin Off
</Location>
<Location /custom>
    JitOrigin On
    ErrorDocument 404 "the operator's words"
</Location>
<Location /page>
    JitOrigin On
    ErrorDocument 404 /sorry.html
</Location>
<Location /views>
    JitOrigin On
</Location>
<Directory "@DOCS@/views">
    Options +MultiViews
    DirectoryIndex kite.ism
</Directory>
Alias /media "@RUN@/elsewhere"
<Location /media>
    JitOrigin On
</Location>
<Location /wide>
    JitOrigin On
    JitOriginRoot "@RUN@/elsewhere" "@DOCS@/wide"
</Location>
RewriteEngine On
RewriteRule ^/rewritten/(.*)$ @RUN@/elsewhere/$1
<Location /rewritten>
    JitOrigin On
</Location>
<Directory "@DOCS@/htaccess">
    JitOrigin On
</Directory>
CONF
my $docs = $s->docs;
my $run = $s->run_dir;
make_path("$run/elsewhere");
for my $dir (qw(vod direct open pathinfo named custom views wide htaccess vod/folder.ism)) {
    add_title("$docs/$dir", 'kite', 'video:kite.mp4');
}
add_title("$docs/named/off", 'kite', 'video:kite.mp4');
add_title("$docs/vod", 'kite.fr', 'video:kite.mp4');
add_title("$run/elsewhere", 'away', 'video:kite.mp4');
my $write = \&JitOrigin::Httpd::write_file;
$write->("$docs/$_/kite.ism.bak", 'a backup') for qw(vod named views);
$write->("$docs/views/ghost.ism.bak", 'not there any more');
$write->("$docs/vod/folder.ism/notes.txt", 'notes');
$write->("$docs/vod/notes.txt", 'notes');
$write->("$docs/sorry.html", 'sorry');
$write->("$docs/vod/UPPER.ISM", smil('<video src="kite.mp4"/>'));
$write->("$docs/vod/broken.ism", '<smil><body>');
$write->("$docs/vod/junk.mp4", 'x' x 5000);
$write->("$docs/vod/junk.ism", smil('<video src="junk.mp4"/>'));
$write->("$docs/vod/gone.ism", smil('<video src="none.mp4"/>'));
$write->("$docs/vod/climb.ism", smil('<video src="../../elsewhere/kite.mp4"/>'));
$write->("$docs/vod/absolute.ism", smil(qq(<video src="$run/elsewhere/kite.mp4"/>)));
$write->("$docs/vod/linked.ism", smil('<video src="link.mp4"/>'));
$write->("$docs/wide/absolute.ism", smil(qq(<video src="$run/elsewhere/kite.mp4"/>)));
$write->("$docs/wide/else.ism", smil('<video src="../vod/kite.mp4"/>'));
symlink '../../elsewhere/kite.mp4', "$docs/vod/link.mp4" or die $!;
symlink 'kite.mp4', "$docs/vod/near.mp4" or die $!;
$write->("$docs/vod/near.ism", smil('<video src="near.mp4"/>'));
$write->("$docs/vod/noread.ism", smil('<video src="kite.mp4"/>'));
chmod 0, "$docs/vod/noread.ism";
$write->("$docs/htaccess/.htaccess", "JitOriginCacheControl manifest 11\nJitOriginCors Off\n");
$s->expect(qr/ 4(?:03|15) \/vod\//, qr/ 403 \/wide\//, qr/AH10244: invalid URI path/);
$s->start;

# refused(STATUS, PATH, REASON): one line of text, the error headers, and no path of the server.
sub refused {
    my ($status, $path, $reason, $method) = @_;
    my $res = $s->request($method || 'GET', $path);
    is($res->{status}, $status, "$path: $status");
    is($res->{headers}{'content-type'}, 'text/plain; charset=utf-8', "$path: plain text");
    like($res->{content}, qr/^[^\n]+\n$/, "$path: one line") unless ($method || '') eq 'HEAD';
    like($res->{content}, $reason, "$path: says why") if $reason;
    unlike($res->{content}, qr/\Q$run\E/, "$path: no path of the server");
    is($res->{headers}{'cache-control'}, 'max-age=5', "$path: Cache-Control");
    ok($res->{headers}{expires}, "$path: Expires");
    is($res->{headers}{'access-control-allow-origin'}, '*', "$path: CORS");
    is($res->{headers}{etag}, undef, "$path: no ETag");
    return $res;
}

sub status { my ($path, @more) = @_; return ($s->raw_get($path, @more))[0] }

# ---- errors, one of each

refused(404, '/vod/none.ism/.m3u8', qr/none\.ism: not found/);
refused(404, '/vod/kite.ism/nothing', qr/./);
refused(404, '/vod/kite.ism/kite-nothing=1.m3u8', qr/./);
refused(404, '/vod/kite.ism/hls/kite-nothing=1-1.m4s', qr/./);
refused(404, '/vod/gone.ism/.m3u8', qr/none\.mp4: not found/);
refused(400, '/vod/kite.ism/.m3u8?vend=%zz', qr/percent/);
is(status('/vod/kite.ism/.m3u8?cb=%%CACHEBUSTER%%&a=%00&%=1'), 200, 'what nobody reads may be anything');
refused(415, '/vod/broken.ism/.m3u8', qr/broken\.ism/);
refused(415, '/vod/junk.ism/.m3u8', qr/junk\.mp4/);
refused(405, '/vod/kite.ism/.m3u8', qr/GET/, 'DELETE');
is($s->request('POST', '/vod/kite.ism/.m3u8')->{headers}{allow}, 'GET, HEAD, OPTIONS', '405 says what is allowed');
refused(404, '/vod/none.ism/.m3u8', undef, 'HEAD');
is($s->head('/vod/none.ism/.m3u8')->{content} || '', '', 'HEAD of an error has no body');

my (undef, undef, $segments) = hls_urls($s, '/vod/kite.ism');
(my $late = $segments->[0]) =~ s/-1\.m4s$/-99.m4s/;
isnt($late, $segments->[0], 'segments are numbered');
refused(404, $late, qr/99/);

# ---- bare files

refused(404, "/vod/$_") for 'kite.ism', 'kite.ism/', 'none.ism', 'UPPER.ISM', 'kite.fr.ism';
refused(403, '/vod/kite.mp4', qr/source/);
refused(403, '/vod/none.mov', qr/source/);
refused(403, '/direct/kite.mp4', qr/source/);
refused(404, '/vod/kite.mp4/.m3u8', qr/./);
refused(404, '/pathinfo/kite.mp4/.m3u8', qr/./);
refused(403, '/vod/folder.ism/none.txt', qr/not a regular file/);
is($s->get('/open/kite.mp4')->{status}, 200, 'JitOriginServeSources On');
is($s->get('/open/kite.mp4')->{headers}{'content-type'}, 'video/mp4', 'by httpd itself');
refused(404, '/open/kite.ism');
is($s->get('/open/kite.ism/.m3u8')->{status}, 200, 'and titles as ever');
is($s->get('/vod/notes.txt')->{content}, 'notes', 'other files are not ours');
is($s->get('/vod/kite.ism.bak')->{content}, 'a backup', 'kite.ism.bak neither');
is($s->get('/vod/folder.ism/notes.txt')->{content}, 'notes', 'nor files in a folder that is named like a title');
is($s->get('/vod/folder.ism/kite.ism/.m3u8')->{status}, 200, 'the last .ism is the title');

# ---- direct play

is($s->get('/direct/kite.mp4/.m3u8')->{status}, 200, 'JitOriginDirect On: HLS');
is($s->get('/direct/kite.mp4/.mpd')->{status}, 200, 'JitOriginDirect On: DASH');
is($s->get('/direct/kite.ism/.m3u8')->{status}, 200, 'and a descriptor all the same');
refused(404, '/direct/none.mp4/.m3u8', qr/none\.mp4: not found/);

# ---- roots

refused(403, "/vod/$_.ism/.m3u8", qr/outside/) for qw(climb absolute linked);
is($s->get('/vod/near.ism/.m3u8')->{status}, 200, 'a link that stays below the root');
is($s->get('/media/away.ism/.m3u8')->{status}, 200, 'an alias target is a root');
is($s->get('/rewritten/away.ism/.m3u8')->{status}, 200, 'a rewritten URL: the folder of the descriptor');
is($s->get('/wide/kite.ism/.m3u8')->{status}, 200, 'JitOriginRoot: the second root');
is($s->get('/wide/absolute.ism/.m3u8')->{status}, 200, 'JitOriginRoot: the first root');
refused(403, '/wide/else.ism/.m3u8', qr/outside/);
SKIP: {
    skip 'root reads everything', 1 if $> == 0 && !getpwnam 'www-data';
    refused(403, '/vod/noread.ism/.m3u8', qr/not readable/);
}

# ---- how a URL may be written

my $video = $segments->[0];
(my $encoded = $video) =~ s/=/%3D/;
(my $slashes = $video) =~ s{/hls/}{//hls///};
(my $hidden = $video) =~ s{/hls/}{%2Fhls%2F};
(my $dots = $video) =~ s{/hls/}{/x/../hls/./};
my $bytes = ($s->raw_get($video))[2];
for my $path ($encoded, $slashes, $dots) {
    my ($status, undef, $body) = $s->raw_get($path);
    is($status, 200, $path);
    ok($body eq $bytes, "$path: same bytes");
}
is(status($hidden), 404, $hidden);
is(status('/vod/../../elsewhere/away.ism/.m3u8'), 400, 'above the root of the URL');
is(status('/vod/kite.ism/%00.m3u8'), 404, 'an encoded NUL');

my $french = $s->get('/vod/kite.fr.ism/.m3u8');
is($french->{status}, 200, 'kite.fr.ism');
is($french->{headers}{'content-language'}, undef, 'is not French');

# ---- ways around

isnt($s->get('/views/kite')->{content}, smil('<video src="kite.mp4"/>'), 'MultiViews does not show a descriptor');
like($s->get('/views/kite')->{status}, qr/^40[34]$/, 'MultiViews: refused');
is($s->get('/views/')->{status}, 404, 'a descriptor as DirectoryIndex: 404');
refused(404, "/views/ghost.ism$_") for '', '/.m3u8'; # and nothing like it is found
is($s->get('/views/kite.ism/.m3u8')->{status}, 200, 'titles under MultiViews');

# ---- AddHandler

is($s->get('/named/kite.ism/.m3u8')->{status}, 200, 'AddHandler: a title');
refused(404, '/named/kite.ism');
is($s->get('/named/kite.ism.bak')->{content}, 'a backup', 'AddHandler: not the backup');
is($s->get('/named/kite.mp4')->{status}, 200, 'AddHandler: media files are left alone');
is($s->get('/named/off/kite.ism/.m3u8')->{status}, 404, 'JitOrigin Off beats AddHandler');

# ---- what the operator says

my $custom = $s->get('/custom/none.ism/.m3u8');
is($custom->{status}, 404, 'ErrorDocument: status');
is($custom->{content}, "the operator's words", 'ErrorDocument: text');
is($custom->{headers}{'cache-control'}, 'max-age=5', 'ErrorDocument: Cache-Control');
is($custom->{headers}{'access-control-allow-origin'}, '*', 'ErrorDocument: CORS');
my $page = $s->get('/page/none.ism/.m3u8');
is("$page->{status} $page->{content}", '404 sorry', 'ErrorDocument: a page');
is($page->{headers}{'access-control-allow-origin'}, '*', 'ErrorDocument: a page: CORS');
my $local = $s->get('/htaccess/kite.ism/.m3u8');
is($local->{headers}{'cache-control'}, 'max-age=11', '.htaccess: Cache-Control');
is($local->{headers}{'access-control-allow-origin'}, undef, '.htaccess: CORS');

# ---- levels of the log

my $log = $s->error_log;
like($log, qr/jitorigin:info\].* 404 \/vod\/none\.ism/, 'a missing title is no error');
like($log, qr/jitorigin:error\].* 415 \/vod\/junk\.ism.*junk\.mp4/, 'a broken one is');

$s->finish;
done_testing;
