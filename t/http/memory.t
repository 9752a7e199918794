#!/usr/bin/perl
# Clients that don't take what they asked for cost a bounded amount of memory and threads, and nobody else anything.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use JitOrigin::Clients qw(start_readers read_on read_all h2_open h2_get);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls);

my $conf = <<'CONF';
<Location />
    JitOrigin On
    JitOriginProgressive On
    JitOriginSendFile off
</Location>
Alias /kernel "@DOCS@"
<Location /kernel>
    JitOriginSendFile on
</Location>
CONF

# Small buffers in the kernel: bodies wait in httpd. noise has segments of a megabyte, kite many short ranges.
sub server {
    my ($global, %o) = @_;
    my $s = JitOrigin::Httpd->new(mpm => 'event', conf => $conf, global => "AsyncRequestWorkerFactor 50\nSendBufferSize 65536\n$global", %o);
    add_title($s->docs, 'noise', 'video:noise.mp4', 'audio:tone.mp4');
    add_title($s->docs, 'kite',  'video:kite.mp4',  'audio:kite.mp4');
    return $s;
}

# Path → digest of what the command gives.
sub segments {
    my ($s, $title) = @_;
    return map { $_ => md5_hex($s->cli_get($s->docs . $_)) } @{(hls_urls($s, "/$title.ism"))[2]};
}

sub large { my (%digest) = @_; return grep { /video/ } sort keys %digest }

sub wrong {
    my ($digest, @readers) = @_;
    return grep { ($_->{status} || 0) != 200 || $_->{digest} ne $digest->{$_->{path} =~ s{^/kernel}{}r} } @readers;
}

sub child_of {
    my ($s) = @_;
    my ($child) = split ' ', JitOrigin::Httpd::read_file("/proc/@{[$s->pid]}/task/@{[$s->pid]}/children");
    return "/proc/$child";
}

sub anonymous { # KiB of the child
    my ($s) = @_;
    return JitOrigin::Httpd::read_file(child_of($s) . '/status') =~ /^RssAnon:\s+(\d+)/m ? $1 : die 'no RssAnon';
}

sub descriptors { my ($s) = @_; return scalar(() = glob child_of($s) . '/fd/*') }

# Until it is true, for a while.
sub soon {
    my ($check) = @_;
    return JitOrigin::Httpd::waited($check);
}

sub refused {
    my ($what, $res, $s, $directive) = @_;
    is($res->{status}, 503, "$what: 503");
    is($res->{headers}{'retry-after'}, 1, "$what: Retry-After");
    like($s->error_log, qr/\] 503 \S+: .*$directive/, "$what: the log names the directive");
}

# ---- cleartext: beyond the limit bodies are read as their clients take them

use constant {THREADS => 10, EACH => 20, LIMIT => 8};

{
    my $s = server("JitOriginSendMemory @{[LIMIT]}M\n", threads => THREADS)->start;
    my %digest = (segments($s, 'noise'), segments($s, 'kite'));
    my @large = grep { /noise/ } large(%digest);
    cmp_ok(scalar @large, '>=', 2, 'large segments');
    my @warm = start_readers($s->port, map { ($_) x 3 } sort keys %digest);
    read_all(@warm);
    ok(!wrong(\%digest, @warm), 'bodies within the limit');
    my $before = anonymous($s);

    my $n = THREADS * EACH;
    my @readers = start_readers($s->port, map { $large[$_ % @large] } 1 .. $n);
    read_on(1000, @readers);
    sleep 1;
    my $from = time;
    is($s->get('/kite.ism/.m3u8')->{status}, 200, "$n readers stall: a playlist is served");
    my $res = $s->get($large[0]);
    is(md5_hex($res->{content}), $digest{$large[0]}, 'and a segment');
    cmp_ok(time - $from, '<', 30, 'at once'); # not after httpd's Timeout
    is(scalar(grep { $_->{done} } @readers), 0, 'all of them did stall');
    my $used = anonymous($s) - $before;
    SKIP: {
        skip 'memory is not ours to judge under a sanitizer', 1 if $ENV{JITORIGIN_PRELOAD};
        cmp_ok($used, '<', LIMIT * 1024 + $n * 128, "they hold $used kB: the limit, and a block for each of the others");
    }
    for my $range ([0, 99], [65_000, 66_000], [64_511, 64_512], [100, 900_000]) {
        my ($first, $last) = @$range;
        my $part = $s->get($large[0], {Range => "bytes=$first-$last"});
        ok($part->{status} == 206 && $part->{content} eq substr($res->{content}, $first, $last - $first + 1),
            "bytes $first to $last of a body beyond the limit");
    }
    my @others = start_readers($s->port, map { ($_, "/kernel$_") } sort keys %digest);
    read_all(@others);
    ok(!wrong(\%digest, @others), 'all segments are served meanwhile');

    my @gone = splice @readers, 0, $n / 2;
    close $_->{socket} for @gone;
    read_all(@readers);
    ok(!wrong(\%digest, @readers), 'those that stalled and stayed get the right bytes');
    SKIP: {
        skip 'memory is not ours to judge under a sanitizer', 1 if $ENV{JITORIGIN_PRELOAD};
        my $left;
        ok(soon(sub { ($left = anonymous($s) - $before) < LIMIT * 1024 / 4 + EACH * THREADS * 64 }), 'the memory comes back') or diag "$left kB";
    }
    my @again = start_readers($s->port, sort keys %digest);
    read_all(@again);
    ok(!wrong(\%digest, @again), 'and bodies wait in memory again');
    $s->finish;
}

{
    my $s = server("JitOriginSendMemory 0\n", threads => 20)->start;
    my %digest = (segments($s, 'noise'), segments($s, 'kite'));
    my @paths = map { ($_, "/kernel$_") } sort keys %digest;
    for my $round (1 .. 3) {
        my @readers = start_readers($s->port, @paths, @paths, @paths);
        read_on(70_000, grep { $_->{path} =~ /noise.*video/ } @readers) if $round > 1;
        read_all(@readers);
        my @wrong = wrong(\%digest, @readers);
        ok(!@wrong, "no memory to wait in, round $round: " . @readers . ' bodies') or diag map { "$_->{path}: $_->{length}\n" } @wrong;
    }
    # Cut off while it is read: the body ends short.
    my ($path) = grep { /noise/ } large(%digest);
    my @readers = start_readers($s->port, ($path) x 4);
    read_on(1000, @readers);
    truncate $s->docs . '/noise.mp4', 100_000 or die "truncate: $!";
    read_all(@readers);
    ok((grep { $_->{length} < $_->{promised} } @readers) >= 3, 'a source that is cut off: short bodies');
    like($s->error_log, qr/breaks off: noise\.mp4/, 'and the log says so');
    $s->expect(qr/breaks off: noise\.mp4/);
    $s->finish;
}

# ---- TLS and HTTP/2: beyond the limit 503

SKIP: {
    my $dir = JitOrigin::Httpd::module_dir();
    skip 'no mod_ssl, openssl or curl', 8
        unless -e "$dir/mod_ssl.so" && system('openssl version >/dev/null 2>&1 && curl --version >/dev/null 2>&1') == 0;
    my $port = JitOrigin::Httpd::free_port();
    my $s = server("JitOriginSendMemory 4M\nListen $port\n", modules => ['ssl']);
    $s->{conf} .= "<VirtualHost 127.0.0.1:$port>\nServerName localhost\nSSLEngine On\nSSLCertificateFile \@RUN@/cert.pem\n"
        . "SSLCertificateKeyFile \@RUN@/key.pem\nDocumentRoot \@DOCS@\n</VirtualHost>\n";
    my $run = $s->run_dir;
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout $run/key.pem -out $run/cert.pem 2>/dev/null") == 0
        or die 'openssl req';
    $s->expect(qr/AH0(?:1906|1909|1873)/, qr/ 503 .*JitOriginSendMemory/); # a certificate for tests
    $s->start;
    my %digest = segments($s, 'noise');
    my ($path) = large(%digest);
    my @curl = ('curl', '-s', '--cacert', "$run/cert.pem", '--resolve', "localhost:$port:127.0.0.1");
    my $ask = sub { my ($what) = @_; return scalar qx(@curl -o $run/tls.out -D $run/tls.head -w '%{http_code}' https://localhost:$port$what) };
    is($ask->($path), 200, 'TLS: a body within the limit');
    my @slow = map {
        defined(my $pid = fork) or die "fork: $!";
        exec @curl, qw(--limit-rate 1000 -o /dev/null), "https://localhost:$port$path" or POSIX::_exit(127) if !$pid;
        $pid;
    } 1 .. 5;
    ok(soon(sub { $ask->($path) == 503 }), 'TLS: 503 while others wait');
    like(JitOrigin::Httpd::read_file("$run/tls.head"), qr/^Retry-After: 1\r$/m, 'TLS: Retry-After');
    like($s->error_log, qr/ 503 \S+: .*JitOriginSendMemory/, 'TLS: the log names the directive');
    is($ask->('/kite.ism/.m3u8'), 200, 'TLS: small answers go on');
    is(md5_hex($s->get($path)->{content}), $digest{$path}, 'and clear ones');
    kill 'TERM', @slow;
    waitpid $_, 0 for @slow;
    ok(soon(sub { $ask->($path) == 200 }), 'TLS: when they are gone it is served again');
    is(md5_hex(JitOrigin::Httpd::read_file("$run/tls.out")), $digest{$path}, 'TLS: with the right bytes');
    $s->finish;
}

SKIP: {
    skip 'no mod_http2', 4 unless -e JitOrigin::Httpd::module_dir() . '/mod_http2.so';
    my $s = server("JitOriginSendMemory 3M\nProtocols h2c http/1.1\n", modules => ['http2'])->start;
    my %digest = segments($s, 'noise');
    my ($path) = large(%digest);
    my $stalled = h2_open($s->port, ($path) x 4);
    my $refused = sub { grep { $_->{status} != 200 } h2_get($s->port, [$path]) };
    ok(soon(sub { (() = $s->error_log =~ / 503 \S+: .*JitOriginSendMemory/g) == 3 }), 'HTTP/2: one body waits, three are refused');
    ok($refused->(), 'HTTP/2: and others');
    is(md5_hex($s->get($path)->{content}), $digest{$path}, 'HTTP/1.1 goes on');
    close $stalled->{socket};
    ok(soon(sub { !$refused->() }), 'HTTP/2: when they are gone it is served again');
    $s->expect(qr/ 503 .*JitOriginSendMemory/);
    $s->finish;
}

# ---- whole files

for my $case (["JitOriginMaxDownloads 2\n", 2], ['', 13], ["JitOriginMaxDownloads 0\n", 0]) {
    my ($global, $most) = @$case;
    my $what = $global =~ s/\s+$//r || 'by default';
    my $s = server($global, threads => 25)->start;
    my $path = '/noise.ism/noise.mp4';
    my ($segment) = large(segments($s, 'noise'));
    my $whole = $s->get($path)->{content};
    my @readers = start_readers($s->port, ($path) x ($most || 20));
    read_on(1000, @readers);
    my $res = $s->get($path);
    $most ? refused($what, $res, $s, 'JitOriginMaxDownloads') : is($res->{status}, 200, "$what: one more");
    is($s->get($segment)->{status}, 200, "$what: segments are served");
    is($s->head($path)->{status}, 200, "$what: HEAD");
    my $part = $s->get($path, {Range => 'bytes=1000000-1999999'});
    ok($part->{status} == 206 && $part->{content} eq substr($whole, 1_000_000, 1_000_000), "$what: ranges of a megabyte");
    $part = $s->get($path, {Range => 'bytes=0-1999999'});
    is($part->{status}, $most ? 503 : 206, "$what: larger ones");
    close +(pop @readers)->{socket};
    ok(soon(sub { $s->get($path)->{status} == 200 }), "$what: when one is gone another is served");
    read_all(@readers);
    is(scalar(grep { $_->{digest} eq md5_hex($whole) } @readers), scalar @readers, "$what: all that stayed get the file");
    $s->expect(qr/ 503 .*JitOriginMaxDownloads/) if $most;
    $s->finish;
}

# Ranges of them up to a megabyte wait without a thread: as segments do, in counted memory or few descriptors.
{
    my $s = server("JitOriginSendMemory @{[LIMIT]}M\n", threads => THREADS);
    add_title($s->docs, 'frag', 'video:frag.mp4', 'audio:frag.mp4');
    $s->start;
    my ($path, $n) = ('/frag.ism/frag.mp4', 60);
    my $whole = $s->get($path)->{content};
    my $len = length $whole < 1_000_000 ? length $whole : 1_000_000;
    for my $where ('', '/kernel') {
        my ($memory, $open) = (anonymous($s), descriptors($s));
        my @readers = start_readers($s->port, (["$where$path", "bytes=-$len"]) x $n);
        read_on(1000, @readers);
        sleep 1;
        my $held = descriptors($s) - $open;
        cmp_ok($held, '<=', 10 * $n, "$where: $n readers stall in ranges of a whole file: they hold $held descriptors");
        SKIP: {
            skip 'memory is not ours to judge under a sanitizer', 1 if $ENV{JITORIGIN_PRELOAD};
            my $used = anonymous($s) - $memory;
            cmp_ok($used, '<', LIMIT * 1024 + $n * 128, "$where: and $used kB");
        }
        read_all(@readers);
        is(scalar(grep { $_->{status} == 206 && $_->{digest} eq md5_hex(substr $whole, -$len) } @readers), $n, "$where: all get theirs");
    }
    $s->finish;
}

done_testing;
