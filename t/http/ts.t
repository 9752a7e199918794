#!/usr/bin/perl
# Transport streams from httpd: the command's bytes, whole, in ranges, to many clients at once and slow ones, over HTTP/2; beyond
# JitOriginSendMemory 503, and never a torn segment.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Test::More;
use JitOrigin::Clients qw(start_readers read_on read_all h2_get told);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls);

my $conf = <<'CONF';
JitOriginHlsContainer ts
JitOriginQueryOptions hls_client_manifest_version
<Location /vod>
    JitOrigin On
</Location>
Alias /fmp4 "@DOCS@/vod"
<Location /fmp4>
    JitOrigin On
    JitOriginHlsContainer fmp4
</Location>
CONF

sub server {
    my (%o) = @_;
    my $s = JitOrigin::Httpd->new(conf => $conf, threads => 16, %o);
    add_title($s->docs . '/vod', 'kite',  'video:kite.mp4', 'audio:kite.mp4'); # one file for both
    add_title($s->docs . '/vod', 'noise', 'video:noise.mp4', 'audio:tone.mp4');
    return $s->start;
}

sub segments { # path => digest, of pictures alone and with sound in
    my ($s, $title) = @_;
    my (undef, undef, $all) = hls_urls($s, "/vod/$title.ism");
    my @alone = grep { m{^/vod/[^/]+/[^/]*\.ts$} } @$all;
    my ($sound) = map { /-(audio[^-\/]*)-1\.aac$/ ? $1 : () } @$all;
    my %digest;
    $digest{$_} = md5_hex($s->cli_get($s->docs . $_, 'hls=ts')) for @alone, map { s/$title-video/$title-$sound-video/r } @alone;
    return %digest;
}

sub same {
    my ($what, $digest, @answers) = @_;
    my @wrong = grep { ($_->{status} || 0) != 200 || $_->{reset} || $_->{digest} ne $digest->{$_->{path}} } @answers;
    ok(@answers && !@wrong, sprintf '%s: %d bodies', $what, scalar @answers) or diag told(@wrong);
    return;
}

# ---- one by one

my $s = server();
my %digest = (segments($s, 'kite'), segments($s, 'noise'));
cmp_ok(scalar keys %digest, '>=', 8, 'segments');
for my $path (sort keys %digest) {
    my $res = $s->get($path);
    is(md5_hex($res->{content}), $digest{$path}, "$path: as the command has it");
    is($res->{headers}{'content-type'}, 'video/mp2t', "$path: its type");
    my ($last, $etag) = (length($res->{content}) - 1, $res->{headers}{etag});
    my @wrong = grep {
        my ($from, $to) = @$_;
        my $part = $s->get($path, {Range => "bytes=$from-$to"});
        $part->{status} != 206 || $part->{content} ne substr $res->{content}, $from, $to - $from + 1;
    } [0, 0], [187, 188], [1, $last - 1], [$last, $last], map { [int($last * $_ / 5), int($last * ($_ + 1) / 5)] } 0 .. 4;
    ok(!@wrong, "$path: ranges") or diag join ' ', map { "$_->[0]-$_->[1]" } @wrong;
    my $head = $s->request('HEAD', $path);
    is($head->{headers}{'content-length'}, $last + 1, "$path: HEAD knows the length");
    is($s->get($path, {'If-None-Match' => $etag})->{status}, 304, "$path: 304");
    is($s->get($path =~ s/^\/vod/\/fmp4/r)->{status}, 404, "$path: none under fmp4");
}
my ($last) = sort { $b <=> $a } map { /video=\d+-(\d+)\.ts/ ? $1 : () } keys %digest;
my ($one) = sort grep { /kite-audio/ } keys %digest;
is($s->get($one =~ s/-\d+\.ts$/-99.ts/r)->{status}, 404, 'a segment beyond the end');
is($s->get($one =~ s/-audio(=\d+)-video/-video$1-video/r)->{status}, 404, 'a sound that is none');
is($s->get($one =~ s/audio=\d+-video=\d+/audio=1-video=1/r)->{status}, 404, 'unknown tracks');

# ---- many at once, slow ones, HTTP/2

my @paths = map { (sort keys %digest) } 1 .. 1 + 80 / keys %digest;
my @readers = start_readers($s->port, @paths[0 .. 79]);
read_on(20_000, grep { $_->{path} =~ /noise/ } @readers);
read_all(@readers);
same('80 at once, some slow', \%digest, @readers);
$s->finish;

SKIP: {
    skip 'no mod_http2', 1 unless -e JitOrigin::Httpd::module_dir() . '/mod_http2.so';
    my $h2 = server(modules => ['http2'], global => "Protocols h2c http/1.1\n");
    same('HTTP/2, 4 connections of 6 streams', \%digest, h2_get($h2->port, map { my $c = $_; [map { $paths[6 * $c + $_] } 0 .. 5] } 0 .. 3));
    $h2->finish;
}

# ---- no memory to wait in: a made body is not made block by block

my $small = server(global => "JitOriginSendMemory 1M\n");
$small->expect(qr/\] 503 \S+: bodies that wait for their clients have used up JitOriginSendMemory/);
my ($large) = sort grep { /noise-video/ } keys %digest;
my @slow = start_readers($small->port, ($large) x 6);
read_on(1000, @slow);
my @served = grep { $_->{status} == 200 } @slow;
my @refused = grep { $_->{status} == 503 } @slow;
cmp_ok(scalar @refused, '>=', 1, 'some are refused');
like($refused[0]{head} // '', qr/^Retry-After: 1/m, 'with Retry-After');
read_all(@slow);
same('those that were let in', \%digest, @served);
is(md5_hex($small->get($large)->{content}), $digest{$large}, 'and later everybody');
$small->finish;

# ---- a source that is cut off

my $cut = server();
is($cut->get($large)->{status}, 200, 'whole');
truncate $cut->docs . '/vod/noise.mp4', 100_000 or die "truncate: $!";
$cut->expect(qr/noise/);
my $res = $cut->get($large);
isnt($res->{status}, 200, "a source that was cut off: $res->{status}");
isnt(md5_hex($res->{content}), $digest{$large}, 'and no segment');
is(md5_hex($cut->get($one)->{content}), $digest{$one}, 'others are served');
$cut->finish;

done_testing;
