#!/usr/bin/perl
# Files that change under the server, and the cache of titles: loaded once, looked at always, bounded.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);
use JitOrigin::Clients qw(start_readers read_on read_all h2_open h2_read);
use JitOrigin::Golden ();
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls media_file smil);

my $write = \&JitOrigin::Httpd::write_file;

sub loads { # how often a title was loaded, by the log
    my ($s, $name) = @_;
    return scalar(() = $s->error_log =~ m{loaded \S*/\Q$name\E: }g);
}

sub replace { # by rename, as it should be done
    my ($from, $to) = @_;
    copy($from, "$to.new") or die "$to: $!";
    rename "$to.new", $to or die "$to: $!";
    return;
}

my $s = JitOrigin::Httpd->new(
    global => "SendBufferSize 65536\n",
    conf => <<'CONF');
<Directory "@DOCS@">
    Options FollowSymLinks
</Directory>
<Location /vod>
    JitOrigin On
</Location>
Alias /copy "@DOCS@/vod"
<Location /copy>
    JitOrigin On
    JitOriginSendFile off
</Location>
Alias /narrow "@DOCS@/vod"
<Location /narrow>
    JitOrigin On
    JitOriginRoot "@DOCS@/vod/sub"
</Location>
CONF
my $vod = $s->docs . '/vod';
add_title($vod, 'kite',  'video:kite.mp4', 'audio:kite.mp4');
add_title($vod, 'noise', 'video:noise.mp4');
copy(media_file('video.mp4'), "$vod/many-$_.mp4") or die $! for 1 .. 60;
$write->("$vod/many.ism", smil(map { qq(<video src="many-$_.mp4"/>) } 1 .. 60)); # takes a while to load
mkdir "$vod/sub" or die $!;
$write->("$vod/sub/up.ism", smil('<video src="../kite.mp4"/>'));
$s->expect(qr/ 415 \/vod\/bad\.ism/, qr/ 415 \/(?:vod|copy)\/noise\.ism/, qr/ 403 \/narrow\//,
    qr/ 415 \/vod\/sub\/refer\.ism/);
$s->start;

# ---- one load for all

my @readers = start_readers($s->port, ('/vod/many.ism/.m3u8') x 20);
read_all(@readers);
is(scalar(grep { $_->{status} == 200 && $_->{length} == $_->{promised} } @readers), 20, '20 requests for a cold title');
is(loads($s, 'many.ism'), 1, 'one of them loaded it');
$s->get('/vod/many.ism/.mpd') for 1 .. 3;
is(loads($s, 'many.ism'), 1, 'and later ones found it');

# ---- what one root allows is not given to another

is($s->get('/narrow/sub/up.ism/.m3u8')->{status}, 403, 'media outside the root');
is($s->get('/vod/sub/up.ism/.m3u8')->{status}, 200, 'the same title below a wider root');
is($s->get('/narrow/sub/up.ism/.m3u8')->{status}, 403, 'and again outside the narrow one');

# ---- broken titles

$write->("$vod/bad.ism", '<smil>');
my $from = time;
is($s->get('/vod/bad.ism/.m3u8')->{status}, 415, 'a broken title') for 1 .. 5;
my $tries = loads($s, 'bad.ism');
ok($tries >= 1 && $tries <= 1 + (time - $from) / 3, 'is tried once in a while') or diag "$tries times";
$write->("$vod/bad.ism.new", smil('<video src="kite.mp4"/>'));
rename "$vod/bad.ism.new", "$vod/bad.ism";
is($s->get('/vod/bad.ism/.m3u8')->{status}, 200, 'mended, it plays at once');

$write->("$vod/late.ism", smil('<video src="late.mp4"/>'));
is($s->get('/vod/late.ism/.m3u8')->{status}, 404, 'a title without its media');
copy(media_file('kite.mp4'), "$vod/late.mp4");
is($s->get('/vod/late.ism/.m3u8')->{status}, 200, 'plays as soon as they have come');

# ---- what a title is counted with

$write->("$vod/wordy.ism", smil('<video src="noise.mp4"/>', '<!--' . 'x' x 1_000_000 . '-->'));
is($s->get('/vod/wordy.ism/.m3u8')->{status}, 200, 'a title with a large descriptor');
my ($counted) = $s->error_log =~ m{loaded \S*/wordy\.ism: ok, (\d+) bytes};
cmp_ok($counted || 0, '>', 4_000_000, 'it is counted with what it says');

# ---- replaced by rename

my (undef, undef, $segments) = hls_urls($s, '/vod/kite.ism');
my $before = $s->get($segments->[0]);
my $tag = $s->get('/vod/kite.ism/.m3u8')->{headers}{etag};
replace(media_file('frag.mp4'), "$vod/kite.mp4");
my $manifest = $s->get('/vod/kite.ism/.m3u8', {'If-None-Match' => $tag});
is($manifest->{status}, 200, 'replaced media: the manifest is another');
isnt($manifest->{headers}{etag}, $tag, 'with another tag');
(undef, undef, $segments) = hls_urls($s, '/vod/kite.ism');
for my $url ($segments->[0], $segments->[-1]) {
    is(md5_hex($s->get($url)->{content}), md5_hex($s->cli_get($s->docs . $url)), "$url: the new bytes");
}
$write->("$vod/kite.ism.new", smil('<video src="noise.mp4"/>'));
rename "$vod/kite.ism.new", "$vod/kite.ism";
is($s->get('/vod/kite.ism/.m3u8')->{content}, $s->cli_get("$vod/kite.ism/.m3u8"), 'replaced descriptor: the new manifest');

# ---- while it is sent

(undef, undef, $segments) = hls_urls($s, '/vod/noise.ism');
my $url = $segments->[0];
(my $copied = $url) =~ s{^/vod}{/copy};
my $digest = md5_hex($s->get($url)->{content});
for my $path ($url, $copied) {
    my @slow = start_readers($s->port, ($path) x 5);
    read_on(1000, @slow);
    replace(media_file('kite.mp4'), "$vod/noise.mp4");
    sleep 0.3;
    read_all(@slow);
    is(scalar(grep { $_->{status} == 200 && $_->{digest} eq $digest } @slow), 5, "$path: replaced while it is sent: the old bytes");
    replace(media_file('noise.mp4'), "$vod/noise.mp4");
}
{
    my @slow = start_readers($s->port, ($url) x 5);
    read_on(1000, @slow);
    truncate "$vod/noise.mp4", 5000;
    sleep 0.3;
    read_all(@slow);
    is(scalar(grep { $_->{length} < $_->{promised} } @slow), 5, 'truncated while it is sent: cut short, and seen to be');
    like($s->get($url)->{status}, qr/^4(?:04|15)$/, 'truncated: an error');
    like($s->get($copied)->{status}, qr/^4(?:04|15)$/, 'truncated: an error when copied');
    replace(media_file('noise.mp4'), "$vod/noise.mp4");
    ok(JitOrigin::Httpd::waited(sub { md5_hex($s->get($url)->{content}) eq $digest }), 'whole again');
}
{
    # In place is forbidden, but as long as nobody is being served it is noticed.
    my $other = JitOrigin::Httpd::read_file(media_file('frag.mp4'));
    open my $f, '+<:raw', "$vod/late.mp4" or die $!;
    print $f $other;
    truncate $f, length $other;
    close $f;
    is($s->get('/vod/late.ism/.mpd')->{content}, $s->cli_get("$vod/late.ism/.mpd"), 'overwritten in place: the new manifest');
}

# ---- samples that lie in another file

sub refer { # an MP4 that refers to FILE, which is seen from it as NAME
    my ($to, $file, $name) = @_;
    my $work = "$vod/work";
    mkdir $work;
    symlink $file, "$work/$name" or die $!;
    system($^X, JitOrigin::Golden::src() . '/t/lib/refer.pl', "$to.new", "$work/$name") == 0 or die 'refer.pl';
    unlink "$work/$name";
    rename "$to.new", $to or die $!;
    return;
}

copy(media_file('video.mp4'), "$vod/data.mp4") or die $!;
refer("$vod/sub/refer.mp4", "$vod/data.mp4", 'data.mp4');
$write->("$vod/sub/refer.ism", smil('<video src="refer.mp4"/>'));
is($s->get('/vod/sub/refer.ism/.m3u8')->{status}, 404, 'a data reference to a file that is not there');
symlink '../data.mp4', "$vod/sub/data.mp4" or die $!;
is($s->get('/narrow/sub/refer.ism/.m3u8')->{status}, 403, 'one that leads out of the root');
(undef, undef, $segments) = hls_urls($s, '/vod/sub/refer.ism');
my $referred = $s->get($segments->[0]);
is($referred->{status}, 200, 'one to a file inside');
$write->("$vod/whole.ism", smil('<video src="data.mp4"/>'));
is(md5_hex($referred->{content}), md5_hex($s->get((hls_urls($s, '/vod/whole.ism'))[2][0])->{content}), 'with its bytes');
$tag = $s->get('/vod/sub/refer.ism/.m3u8')->{headers}{etag};
my $loads = loads($s, 'refer.ism');
replace(media_file('noise.mp4'), "$vod/data.mp4");
like($s->get($segments->[0])->{status}, qr/^(?:200|415)$/, 'replaced data');
is(loads($s, 'refer.ism'), $loads + 1, 'are noticed by a segment');
replace(media_file('video.mp4'), "$vod/data.mp4");
is($s->get('/vod/sub/refer.ism/.m3u8')->{headers}{etag}, $tag, 'and by a manifest: the same data, the same tag');
is(loads($s, 'refer.ism'), $loads + 2, 'after another load');
truncate "$vod/data.mp4", 5000;
is($s->get($segments->[0])->{status}, 415, 'data cut short');

# ---- nothing stays open

sub child_of { # the process that serves, or nothing where there is no /proc
    my ($server) = @_;
    my ($pid) = $server->error_log =~ /\[pid (\d+):tid \d+\][^\n]* loaded /;
    return $pid && -d "/proc/$pid/fd" ? $pid : undef;
}

SKIP: {
    my $child = child_of($s);
    skip 'no /proc', 1 unless $child;
    my @open;
    ok(JitOrigin::Httpd::waited(sub { !(@open = grep { defined && /\Q$vod\E/ } map { readlink } glob "/proc/$child/fd/*") }),
        'no file of a title is open when nobody is served') or diag join "\n", @open;
}
$s->finish;

# ---- truncated while it is sent over HTTP/2

SKIP: {
    skip 'no mod_http2', 5 unless -e JitOrigin::Httpd::module_dir() . '/mod_http2.so';
    my $h2 = JitOrigin::Httpd->new(modules => ['http2'], global => "Protocols h2c http/1.1\n", conf => "JitOrigin On\n");
    add_title($h2->docs, 'noise', 'video:noise.mp4');
    $h2->start;
    my $path = (hls_urls($h2, '/noise.ism'))[2][0];
    my $c = h2_open($h2->port, $path, $path);
    h2_read($c, sub { !grep { !$_->{length} } values %{$c->{streams}} });
    truncate $h2->docs . '/noise.mp4', 5000;
    sleep 0.3;
    h2_read($c, sub { 0 });
    ok($c->{streams}{$_}{reset}, "HTTP/2, truncated while it is sent: stream $_ is reset") for 1, 3;
    like($h2->get($path)->{status}, qr/^4(?:04|15)$/, 'HTTP/2: an error afterwards');
    $h2->expect(qr/ 415 /);
    $h2->finish;
}

# ---- the budget

sub resident { # KiB
    my ($pid) = @_;
    return JitOrigin::Httpd::read_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : die 'no VmRSS';
}

SKIP: {
    skip 'memory is not ours to judge under a sanitizer', 3 if $ENV{JITORIGIN_PRELOAD};
    my $small = JitOrigin::Httpd->new(conf => "JitOrigin On\n", threads => 4, global => "JitOriginTitleCache 1\n");
    add_title($small->docs, 'a', 'video:kite.mp4');
    copy(media_file('video.mp4'), $small->docs . "/$_.mp4") or die $! for 1 .. 60;
    $write->($small->docs . '/b.ism', smil(map { qq(<video src="$_.mp4"/>) } 1 .. 60));
    $small->start;
    my $rounds = sub { $small->get("/$_.ism/.m3u8") for (qw(a b)) x $_[0] };
    $rounds->(30);
    my $child = child_of($small) or skip 'no /proc', 3;
    my $before = resident($child);
    $rounds->(150);
    cmp_ok(resident($child) - $before, '<', 8192, 'titles that were pushed out are freed');
    $small->finish;
}

for my $budget (0, 1, '64M') {
    my $small = JitOrigin::Httpd->new(conf => "JitOrigin On\n", threads => 64, global => "JitOriginTitleCache $budget\n");
    add_title($small->docs, $_, 'video:kite.mp4') for qw(a b);
    $small->start;
    for my $round (1 .. 3) {
        is($small->get("/$_.ism/.m3u8")->{status}, 200, "budget $budget, round $round: $_") for qw(a a b);
    }
    my $expected = {0 => 6, 1 => 3, '64M' => 1}->{$budget};
    is(loads($small, 'a.ism'), $expected, "budget $budget: loads");
    my ($path) = map { @$_ } (hls_urls($small, '/a.ism'))[2];
    my @mixed = start_readers($small->port, map { ("/a.ism/.m3u8", "/b.ism/.mpd", $path) } 1 .. 15);
    read_all(@mixed);
    is(scalar(grep { $_->{status} == 200 && $_->{length} == $_->{promised} } @mixed), 45, "budget $budget: 45 at once");
    $small->finish;
}

done_testing;
