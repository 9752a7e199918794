#!/usr/bin/perl
# Whole files: a title as one MP4, of any size. Length, ranges and conditions are right, memory does not grow with the size or
# with slow readers, and a body that breaks off is none.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Copy ();
use Test::More;
use JitOrigin::Clients qw(start_readers read_on read_all h2_get h2_open h2_read);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title media_file smil);

use constant {READERS => 8, COPIES => 50};

my $s = JitOrigin::Httpd->new(
    mpm => 'event',
    modules => ['http2', 'cache', 'cache_disk'],
    global => "Protocols h2c http/1.1\n",
    conf => <<'CONF');
<Location />
    JitOrigin On
    JitOriginDirect On
    JitOriginProgressive On
</Location>
Alias /off "@DOCS@"
<Location /off>
    JitOrigin On
    JitOriginProgressive Off
</Location>
Alias /cached "@DOCS@"
CacheRoot "@RUN@/cache"
CacheMaxFileSize 1000000000
<Location /cached>
    CacheEnable disk
    CacheHeader On
</Location>
CONF
mkdir $s->run_dir . '/cache' or die "cache: $!";
chmod 0777, $s->run_dir . '/cache';
my $docs = $s->docs;
add_title($docs, 'kite', 'kite.mp4');
add_title($docs, 'noise', 'video:noise.mp4', 'audio:tone.mp4');
add_title($docs, 'alone', 'video:noise.mp4'); # blocks in one piece: sent by the kernel
sub add_copies { # one track as many renditions: a large title that takes no room on disk
    my ($name, $source, $n) = @_;
    my @elements = map { qq(<video src="$source" systemBitrate="$_"><param name="trackID" value="1"/></video>) } 1001 .. 1000 + $n;
    JitOrigin::Httpd::write_file("$docs/$name.ism", smil(@elements));
    return;
}

add_copies('large', 'noise.mp4', COPIES);
$s->start;

sub command { my ($path) = @_; return $s->cli_get("$docs$path' -w 'progressive") } # cli_get quotes what it is given

my $small = command('/kite.ism/kite.mp4');
my $file = command('/noise.ism/noise.mp4');
my $alone = command('/alone.ism/alone.mp4');
cmp_ok(length $small, '<', 1 << 20, 'a file of one block');
cmp_ok(length $file, '>', 4 << 20, 'and one of several');

# ---- what is served, and what not

for my $case (['/kite.ism/kite.mp4', $small], ['/noise.ism/noise.mp4', $file], ['/alone.ism/alone.mp4', $alone]) {
    my ($path, $want) = @$case;
    my $res = $s->get($path);
    is($res->{status}, 200, $path);
    ok($res->{content} eq $want, '  the bytes that the command gives');
    is($res->{headers}{'content-length'}, length $want, '  Content-Length');
    is($res->{headers}{'content-type'}, 'video/mp4', '  type');
    is($res->{headers}{'accept-ranges'}, 'bytes', '  ranges are offered');
    like($res->{headers}{'cache-control'}, qr/max-age=86400/, '  kept like a segment');
    my $head = $s->head($path);
    is($head->{status}, 200, '  HEAD');
    is($head->{headers}{'content-length'}, length $want, '  with the length');
    is($head->{headers}{etag}, $res->{headers}{etag}, '  and the tag');
    is($s->get($path, {'If-None-Match' => $res->{headers}{etag}})->{status}, 304, '  304 by tag');
    is($s->get("/off$path")->{status}, 404, '  404 where JitOriginProgressive is off');
}
is($s->get('/kite.ism/other.mp4')->{status}, 404, 'another name is not the file');
is($s->get('/kite.mp4/kite.mp4')->{status}, 200, 'direct play has it too');

# ---- what is chosen

for my $query ('filter=type==%22audio%22', 'filter=(type==%22video%22)', 'vbegin=4&vend=8', 't=2-6') {
    my $res = $s->get("/noise.ism/noise.mp4?$query&sid=1");
    is($res->{status}, 200, "?$query");
    cmp_ok(length $res->{content}, '<', length $file, '  is less');
    ok($res->{content} eq command("/noise.ism/noise.mp4?$query"), '  as the command says');
    isnt($res->{headers}{etag}, $s->head('/noise.ism/noise.mp4')->{headers}{etag}, '  with a tag of its own');
}
is($s->get('/noise.ism/noise.mp4?vbegin=100')->{status}, 404, 'a clip after the end: 404');
is($s->get('/noise.ism/noise.mp4?filter=type==%22textstream%22')->{status}, 404, 'a filter that leaves nothing: 404');
is($s->get('/noise.ism/noise.mp4?vbegin=x')->{status}, 400, 'a malformed clip: 400');

# ---- ranges

sub range { # status, Content-Range and content for a Range header are those of bytes [from, to]
    my ($path, $body, $range, $from, $to, %more) = @_;
    my $res = $s->get($path, {Range => $range, %more});
    my $want = substr $body, $from, $to - $from + 1;
    ok($res->{status} == 206 && $res->{headers}{'content-range'} eq "bytes $from-$to/" . length($body)
            && $res->{headers}{'content-length'} == length $want && $res->{content} eq $want, "$path $range")
        or diag "$res->{status} ", $res->{headers}{'content-range'} // '-', ' ', length $res->{content};
    return;
}

my $block = 1 << 20;
for my $case (['/kite.ism/kite.mp4', $small], ['/noise.ism/noise.mp4', $file], ['/alone.ism/alone.mp4', $alone]) {
    my ($path, $body) = @$case;
    my ($last, $mdat) = (length($body) - 1, index $body, 'mdat');
    my $tag = $s->head($path)->{headers}{etag};
    my @cuts = ([0, 0], [0, $last], [$mdat, $mdat + 8], [1, $last - 1], [$last, $last], [int($last / 3), int($last / 2)],
        map { [$_ - 1, $_ + 1] } grep { $_ < $last } map { $_ * $block } 1 .. 4);
    range($path, $body, "bytes=$_->[0]-$_->[1]", @$_) for @cuts;
    range($path, $body, 'bytes=7-', 7, $last);
    range($path, $body, 'bytes=-7', $last - 6, $last);
    range($path, $body, "bytes=5-" . ($last + 100), 5, $last);
    range($path, $body, 'bytes=5-99999999999999999999999', 5, $last);
    range($path, $body, 'bytes=-99999999999', 0, $last);
    range($path, $body, 'bytes=3-9', 3, 9, 'If-Range' => $tag);
    for my $range ('bytes=3-2', 'bytes=x-', 'bytes=3', 'pages=1-2', 'bytes=1-2,4-5', 'bytes=3-9x') {
        my $res = $s->get($path, {Range => $range});
        ok($res->{status} == 200 && $res->{content} eq $body, "$path $range: all of it");
    }
    is($s->get($path, {Range => 'bytes=3-9', 'If-Range' => '"other"'})->{status}, 200, "$path: If-Range with another tag");
    my $res = $s->get($path, {Range => 'bytes=' . length($body) . '-'});
    is($res->{status}, 416, "$path: a range past the end");
    is($res->{headers}{'content-range'}, 'bytes */' . length $body, '  says how long it is');
    is($s->request('HEAD', $path, {Range => 'bytes=3-9'})->{headers}{'content-length'}, length $body, "$path: HEAD takes no range");
}

# ---- caches: parts are not taken for the whole

for my $case (['/cached/noise.ism/noise.mp4', $file], ['/cached/alone.ism/alone.mp4', $alone]) {
    my ($path, $body) = @$case;
    is($s->get($path, {Range => 'bytes=0-9'})->{content}, substr($body, 0, 10), "mod_cache, $path: a range first");
    ok($s->get($path)->{content} eq $body, '  then the whole');
    is($s->get($path, {Range => 'bytes=7-9'})->{content}, substr($body, 7, 3), '  a range again');
    ok($s->get($path)->{content} eq $body, '  and the whole');
}

# ---- HTTP/2

for my $case (['/noise.ism/noise.mp4', $file], ['/alone.ism/alone.mp4', $alone]) {
    my ($path, $body) = @$case;
    my @streams = h2_get($s->port, [($path) x 3]);
    is(scalar(grep { $_->{digest} eq md5_hex($body) } @streams), 3, "HTTP/2, $path: three streams at once");
    my @slow = start_readers($s->port, ($path) x 5);
    read_on(1_500_000, @slow);
    read_all(@slow);
    is(scalar(grep { $_->{digest} eq md5_hex($body) } @slow), 5, "$path: five slow readers");
}

# ---- many slow readers of a large one: bounded memory

sub resident { # kB of all children
    my ($pid) = map { $_->pid } $s;
    my $children = qx(pgrep -P $pid);
    my $sum = 0;
    for (split ' ', $children) { $sum += $1 if JitOrigin::Httpd::read_file("/proc/$_/status") =~ /^VmRSS:\s+(\d+)/m }
    return $sum;
}

{
    my $length = $s->head('/large.ism/large.mp4')->{headers}{'content-length'};
    cmp_ok($length, '>', 200_000_000, "a title of $length bytes");
    my $before = resident();
    my @readers = start_readers($s->port, ('/large.ism/large.mp4') x READERS);
    read_on(20_000_000, @readers);
    my $used = resident() - $before;
    cmp_ok($used, '<', 3 * 1024 * READERS + 8192, READERS . " readers of it hold $used kB");
    my @gone = splice @readers, 0, READERS / 2;
    close $_->{socket} for @gone;
    read_all(@readers);
    is(scalar(grep { $_->{status} == 200 && $_->{length} == $length && $_->{promised} == $length } @readers), scalar @readers,
        'those that stay get all of it');
    is(scalar(keys %{{map { $_->{digest} => 1 } @readers}}), 1, 'all the same');
    is($s->get('/kite.ism/kite.mp4')->{status}, 200, 'those that left leave no trace');
    my $after = resident() - $before;
    cmp_ok($after, '<', 3 * 1024 * READERS + 8192, "$after kB more than before are left");
}

# ---- a source that is cut off while it is sent

{
    my $path = '/cached/cut.ism/cut.mp4';
    File::Copy::copy(media_file('noise.mp4'), "$docs/cut-source.mp4") or die "cut-source.mp4: $!";
    chmod 0644, "$docs/cut-source.mp4";
    add_copies('cut', 'cut-source.mp4', 8);
    my $length = $s->head($path)->{headers}{'content-length'};
    $s->expect(qr/breaks off: cut-source\.mp4/, qr/cut-source\.mp4/);
    my ($reader) = start_readers($s->port, $path);
    read_on(1000, $reader);
    my $h2 = h2_open($s->port, '/cut.ism/cut.mp4');
    my ($stream) = values %{$h2->{streams}};
    h2_read($h2, sub { $stream->{length} > 1000 });
    truncate "$docs/cut-source.mp4", 100_000 or die "truncate: $!";
    read_all($reader);
    is($reader->{status}, 200, 'truncated while it is sent');
    cmp_ok($reader->{length}, '<', $length, 'ends short of its length');
    h2_read($h2, sub { 0 });
    ok($stream->{reset}, 'HTTP/2: the stream is reset');
    isnt($s->get($path)->{status}, 200, 'and is in no cache');
}

# ---- a graceful restart as docker/httpd.conf has it: who is slow keeps the old child, others are answered by a new one

{
    my %conf = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/docker/httpd.conf') =~ /^(ServerLimit|ThreadsPerChild|MaxRequestWorkers)\s+(\d+)/mg;
    my $places = int $conf{ServerLimit} * $conf{ThreadsPerChild} / $conf{MaxRequestWorkers};
    my $g = JitOrigin::Httpd->new(mpm => 'event', global => "ServerLimit $places\n",
        conf => "<Location />\nJitOrigin On\nJitOriginProgressive On\n</Location>\n");
    add_title($g->docs, 'noise', 'video:noise.mp4', 'audio:tone.mp4');
    File::Copy::copy("$docs/large.ism", $g->docs . '/large.ism');
    $g->start;
    my @slow = start_readers($g->port, ('/large.ism/large.mp4') x 2);
    read_on(100_000, @slow);
    kill 'USR1', $g->pid;
    sleep 2; # until then the old child may answer
    my ($status, $end) = (0, time + 60);
    my $ua = HTTP::Tiny->new(timeout => 10);
    while ($status != 200 && time < $end) {
        $status = $ua->get($g->base . '/noise.ism/.mpd')->{status};
    }
    is($status, 200, 'a graceful restart under slow downloads: new requests are answered');
    close $_->{socket} for @slow;
    $g->finish;
}

$s->finish;
done_testing();
