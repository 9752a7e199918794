#!/usr/bin/perl
# Many clients at once get the bytes that the command gives: parallel, slow, over HTTP/2, under every MPM.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Test::More;
use Time::HiRes qw(time);
use JitOrigin::Clients qw(start_readers read_on read_all told h2_get);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls);

my $conf = <<'CONF';
<Location /auto>
    JitOrigin On
</Location>
Alias /copy "@DOCS@/auto"
<Location /copy>
    JitOrigin On
    JitOriginSendFile off
</Location>
Alias /kernel "@DOCS@/auto"
<Location /kernel>
    JitOrigin On
    JitOriginSendFile on
</Location>
CONF

sub server {
    my (%o) = @_;
    my $s = JitOrigin::Httpd->new(conf => $conf, %o);
    add_title($s->docs . '/auto', 'kite',  'video:kite.mp4', 'audio:kite.mp4'); # interleaved: many short ranges
    add_title($s->docs . '/auto', 'noise', 'video:noise.mp4', 'audio:tone.mp4'); # one long range, segments of a megabyte
    add_title($s->docs . '/auto', 'frag',  'video:frag.mp4');                    # a range per fragment
    return $s->start;
}

# Path → digest of what the command gives, for every segment of the titles. All are loaded then: a crowd that waits for a load
# that takes long may be refused (load.t), and /copy and /kernel have a root of their own, and so a load.
sub expected {
    my ($s, @titles) = @_;
    my %digest;
    for my $title (@titles) {
        my (undef, $inits, $segments) = hls_urls($s, "/auto/$title.ism");
        $digest{$_} = md5_hex($s->cli_get($s->docs . $_)) for @$inits, @$segments;
        $s->get("/$_/$title.ism/.m3u8") for qw(copy kernel);
    }
    for my $path (keys %digest) {
        (my $rest = $path) =~ s{^/auto}{};
        $digest{"/$_$rest"} = $digest{$path} for qw(copy kernel);
    }
    return %digest;
}

sub spread { # n paths, all kinds in turn
    my ($n, @paths) = @_;
    return map { $paths[$_ % @paths] } 0 .. $n - 1;
}

# same(WHAT, \%digest, ANSWERS): each complete and right.
sub same {
    my ($what, $digest, @answers) = @_;
    my @wrong = grep { ($_->{status} || 0) != 200 || $_->{reset} || $_->{digest} ne $digest->{$_->{path}} } @answers;
    ok(@answers && !@wrong, sprintf '%s: %d bodies', $what, scalar @answers)
        or diag told(@wrong);
}

# ---- in parallel, under each MPM

for my $mpm (qw(event worker prefork)) {
    next unless -e JitOrigin::Httpd::module_dir() . "/mod_mpm_$mpm.so";
    my $s = server(mpm => $mpm, threads => 20);
    my %digest = expected($s, qw(kite noise frag));
    my @readers = start_readers($s->port, spread(120, sort keys %digest));
    read_all(@readers);
    same("$mpm, 120 at once", \%digest, @readers);
    $s->finish;
}

# ---- slow readers: 20 for each thread

{
    my $s = server(mpm => 'event', threads => 5, global => "AsyncRequestWorkerFactor 50\nSendBufferSize 65536\n");
    my %digest = expected($s, 'noise');
    my @large = grep { /video/ && /-\d+\.m4s$/ } sort keys %digest;
    cmp_ok(scalar @large, '>=', 6, 'large segments, copied and by the kernel');
    my @readers = start_readers($s->port, spread(100, @large));
    read_on(1000, @readers);
    sleep 2;
    my $from = time;
    is($s->get('/auto/kite.ism/.m3u8')->{status}, 200, '100 stalled readers hold none of 5 threads');
    cmp_ok(time - $from, '<', 30, 'an answer comes at once'); # not after httpd's Timeout
    is(scalar(grep { $_->{done} } @readers), 0, 'all of them did stall');
    read_on(200_000, @readers);
    sleep 1;
    read_all(@readers);
    same('slow readers', \%digest, @readers);
    $s->finish;
}

# ---- ranges of bodies in several parts, by the kernel and copied

sub ranges_of { # [from, to]… over all of a body: windows that cross every border in it, and around the end of its header
    my ($body) = @_;
    my ($last, $header) = (length($body) - 1, index($body, 'mdat') + 4);
    my ($window, $step) = (int($last / 3), int($last / 40) + 1);
    my @from = map { $_ * $step } 0 .. int($last / $step);
    return ([0, 0], [0, $header - 1], [$header - 1, $header], [$header, $header], [1, $last - 1], [$last, $last],
        map { [$_, $_ + $window < $last ? $_ + $window : $last] } @from);
}

{
    my $s = server(mpm => 'event');
    for my $title (qw(kite noise frag)) {
        my (undef, undef, $segments) = hls_urls($s, "/auto/$title.ism");
        my ($path) = grep { /video/ && /-1\.m4s$/ } @$segments;
        my $body = $s->cli_get($s->docs . $path);
        cmp_ok(index($body, 'mdat'), '>', 0, "$title: a header before the samples");
        for my $kind (qw(auto copy kernel)) {
            (my $url = $path) =~ s{^/auto}{/$kind};
            my @wrong = grep {
                my ($from, $to) = @$_;
                my $res = $s->get($url, {Range => "bytes=$from-$to"});
                $res->{status} != 206 || $res->{headers}{'content-range'} ne "bytes $from-$to/" . length $body
                    || $res->{content} ne substr $body, $from, $to - $from + 1;
            } ranges_of($body);
            ok(!@wrong, "$url: ranges across its parts") or diag join ' ', map { "$_->[0]-$_->[1]" } @wrong;
        }
    }
    $s->finish;
}

# ---- HTTP/2: concurrent streams

SKIP: {
    skip 'no mod_http2', 4 unless -e JitOrigin::Httpd::module_dir() . '/mod_http2.so';
    my $s = server(mpm => 'event', modules => ['http2'], threads => 25, global => "Protocols h2c http/1.1\n");
    my %digest = expected($s, qw(kite noise frag));
    my @paths = grep { !/^\/kernel/ } sort keys %digest;
    for my $round (1 .. 6) {
        my @mine = spread(24 * $round, @paths);
        my @sets = map { my $c = $_; [@mine[24 * ($round - 1) + 6 * $c .. 24 * ($round - 1) + 6 * $c + 5]] } 0 .. 3;
        same("HTTP/2, 4 connections of 6 streams, round $round", \%digest, h2_get($s->port, @sets));
    }
    my ($large) = grep { /^\/auto.*noise-video.*-1\.m4s$/ } @paths;
    same('HTTP/2, one large segment on all streams', \%digest, h2_get($s->port, map { [($large) x 6] } 1 .. 4));
    cmp_ok(scalar $s->logged(access => qr{HTTP/2\.0}, 7 * 24), '>=', 7 * 24, 'it was HTTP/2');
    $s->finish;
}

# ---- TLS

SKIP: {
    my $dir = JitOrigin::Httpd::module_dir();
    skip 'no mod_ssl, openssl or curl', 4
        unless -e "$dir/mod_ssl.so" && system('openssl version >/dev/null 2>&1 && curl --version >/dev/null 2>&1') == 0;
    my $s = JitOrigin::Httpd->new(
        modules => ['ssl', -e "$dir/mod_http2.so" ? 'http2' : ()],
        mpm => 'event',
        conf => "JitOrigin On\n<VirtualHost 127.0.0.1:443>\nProtocols h2 http/1.1\nServerName localhost\nSSLEngine On\nSSLCertificateFile \@RUN@/cert.pem\n"
            . "SSLCertificateKeyFile \@RUN@/key.pem\nDocumentRoot \@DOCS@\n</VirtualHost>\n");
    my $run = $s->run_dir;
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout $run/key.pem -out $run/cert.pem 2>/dev/null") == 0
        or die 'openssl req';
    my $port = JitOrigin::Httpd::free_port();
    $s->{conf} =~ s/:443/:$port/;
    $s->{global} = "Listen 127.0.0.1:$port\n";
    add_title($s->docs, 'noise', 'video:noise.mp4', 'audio:tone.mp4');
    $s->expect(qr/AH0(?:1906|1909|1873)/); # a certificate for tests
    $s->start;
    my (undef, undef, $segments) = hls_urls($s, '/noise.ism');
    my ($large) = grep { /video/ } @$segments;
    my $whole = $s->cli_get($s->docs . $large);
    add_title($s->docs, 'frag', 'video:frag.mp4');
    my $curl = "curl -s --cacert $run/cert.pem --resolve localhost:$port:127.0.0.1";
    is(md5_hex(scalar qx($curl --http1.1 'https://localhost:$port$large')), md5_hex($whole), 'TLS: a large segment');
    is(md5_hex(scalar qx($curl --http1.1 -r 1000-1999999 'https://localhost:$port$large')), md5_hex(substr $whole, 1000, 1_999_000),
        'TLS: a range');
    SKIP: {
        skip 'no HTTP/2', 2 if !-e "$dir/mod_http2.so" || qx(curl --version) !~ /HTTP2/;
        my @paths = map { my (undef, undef, $all) = hls_urls($s, "/$_.ism"); @$all } qw(noise frag);
        my %md5 = map { $_ => md5_hex($s->cli_get($s->docs . $_)) } @paths;
        my @mine = map { (@paths) } 1 .. 1 + 120 / @paths;
        my $urls = join ' ', map { "-o $run/h2-$_ 'https://localhost:$port$mine[$_]'" } 0 .. $#mine;
        is(qx($curl -Z --parallel-max 24 -w '%{http_version} ' $urls), '2 ' x @mine, 'HTTP/2 over TLS, 24 streams: so it was');
        my @bad = grep { md5_hex(JitOrigin::Httpd::read_file("$run/h2-$_")) ne $md5{$mine[$_]} } 0 .. $#mine;
        ok(!@bad, 'and all bytes are right') or diag(join "\n", @mine[@bad]);
    }
    $s->finish;
}

done_testing;
