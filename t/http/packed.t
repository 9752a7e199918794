#!/usr/bin/perl
# Packed audio from httpd: the command's bytes whole and in ranges, whether they are made or lie in the file; headers; where
# there is none.
use strict;
use warnings;
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title hls_urls);

my $s = JitOrigin::Httpd->new(conf => <<'CONF');
JitOriginHlsContainer ts
<Location /ts>
    JitOrigin On
</Location>
Alias /copy "@DOCS@/ts"
<Location /copy>
    JitOrigin On
    JitOriginSendFile off
</Location>
Alias /fmp4 "@DOCS@/ts"
<Location /fmp4>
    JitOrigin On
    JitOriginHlsContainer fmp4
</Location>
CONF
add_title($s->docs . '/ts', 'kite', 'video:kite.mp4', 'audio:kite.mp4');
add_title($s->docs . '/ts', 'tone', 'audio:tone.mp4');
add_title($s->docs . '/ts', 'dolby', 'video:video.mp4', 'audio:dolby.mp4');
add_title($s->docs . '/ts', $_, "audio:$_.mp4") for qw(plus mpeg);
$s->start;

my %type = (aac => 'audio/aac', ac3 => 'audio/ac3', ec3 => 'audio/eac3', mp3 => 'audio/mpeg');
my %files;

sub is_framed { # do frames of AAC follow each other from the tag to the end?
    my ($body) = @_;
    my $at = 73;
    while ($at + 7 <= length $body && substr($body, $at, 2) eq "\xff\xf1") {
        $at += unpack('N', substr $body, $at + 3, 4) >> 13 & 0x1fff || return 0;
    }
    return $at == length $body;
}

sub ranges_of { # [from, to]…: around the tag, the first header and the end, and windows over all of it
    my ($last) = @_;
    my $step = int($last / 9) + 1;
    return ([0, 0], [72, 72], [70, 90], [73, 79], [1, $last - 1], [$last, $last],
        map { [$_ * $step, $_ * $step + $step < $last ? $_ * $step + $step : $last] } 0 .. 8);
}

for my $title (qw(kite tone dolby plus mpeg)) {
    my (undef, undef, $segments) = hls_urls($s, "/ts/$title.ism");
    my @packed = grep { /\.(?:aac|ac3|ec3|mp3)$/ } @$segments;
    cmp_ok(scalar @packed, '>=', 3, "$title: its playlist names packed audio");
    $files{$title} = $packed[0];
    for my $url (@packed) {
        my ($kind) = $url =~ /(\w+)$/;
        my $want = $s->cli_get($s->docs . $url, 'hls=ts');
        my $res = $s->get($url);
        is($res->{status}, 200, "$url: is there");
        is($res->{headers}{'content-type'}, $type{$kind}, "$url: its type");
        ok($res->{content} eq $want && length $want == $res->{headers}{'content-length'}, "$url: the command's bytes");
        like($want, qr/^ID3\x04.{15}\0com\.apple\.streaming\.transportStreamTimestamp\0{4}/s, "$url: a tag with the time first");
        ok(is_framed($want), "$url: then frames") if $kind eq 'aac';
        is($s->head($url)->{headers}{'content-length'}, length $want, "$url: HEAD");
        is($s->get($url, { 'If-None-Match' => $res->{headers}{etag} })->{status}, 304, "$url: unchanged");
    }
}

for my $from (qw(ts copy)) {
    for my $title (qw(kite dolby)) {
        (my $url = $files{$title}) =~ s{^/ts}{/$from};
        my $body = $s->cli_get($s->docs . $files{$title}, 'hls=ts');
        my @wrong = grep {
            my ($first, $last) = @$_;
            my $res = $s->get($url, { Range => "bytes=$first-$last" });
            $res->{status} != 206 || $res->{headers}{'content-range'} ne "bytes $first-$last/" . length $body
                || $res->{content} ne substr $body, $first, $last - $first + 1;
        } ranges_of(length($body) - 1);
        ok(!@wrong, "$url: ranges") or diag join ' ', map { "$_->[0]-$_->[1]" } @wrong;
    }
}

# ---- where there is none

(my $beyond = $files{kite}) =~ s/-1\.aac$/-99.aac/;
is($s->get($beyond)->{status}, 404, 'a segment past the end');
(my $other = $files{kite}) =~ s/aac$/ac3/;
is($s->get($other)->{status}, 404, 'the name of another format');
(my $off = $files{kite}) =~ s{^/ts}{/fmp4};
is($s->get($off)->{status}, 404, 'under fmp4');
$s->finish;
done_testing;
