#!/usr/bin/perl
# Rendered manifests that a child keeps: each rendered once, never another one's, never after its files have changed, bounded.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Copy qw(copy);
use List::Util qw(shuffle);
use Test::More;
use JitOrigin::Clients qw(start_readers read_all);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title media_file smil);

sub server {
    my ($budget) = @_;
    my $s = JitOrigin::Httpd->new(threads => 16, global => "JitOriginManifestCache $budget\n", conf => <<'CONF');
<Location /vod>
    JitOrigin On
</Location>
<Location /versioned>
    JitOrigin On
    JitOriginUrlVersion On
</Location>
Alias /versioned "@DOCS@/vod"
CONF
    add_title($s->docs . '/vod', 'kite', 'video:kite.mp4', 'audio:kite.mp4');
    add_title($s->docs . '/vod', 'other', 'video:kite.mp4');
    return $s->start;
}

sub rendered { my ($s) = @_; return scalar(() = $s->error_log =~ / rendered /g) }

# Hundreds of manifests that differ in little.
my @paths = map { my $title = $_;
    map { my $what = $_; ($what, map { ("$what?vbegin=$_", "$what?filter=type==%22video%22%26%26systemBitrate%3E$_") } 1 .. 20) }
        map { "$title/$_" } qw(.m3u8 .mpd Manifest) } map { "/$_.ism" } qw(vod/kite vod/other versioned/kite);

my ($none, $little, $plenty) = map { server($_) } 0, '24k', '16M';
my %expected = map { $_ => md5_hex($none->get($_)->{content}) } @paths;
cmp_ok(scalar(keys %{{reverse %expected}}), '>', 50, 'manifests that differ');
for my $case (['in 24 KB', $little], ['in 16 MB', $plenty]) {
    my ($what, $s) = @$case;
    $s->get("$_.ism/.m3u8") for qw(/vod/kite /vod/other /versioned/kite); # loaded: a crowd that waits for a load may be refused
    for my $round (1 .. 3) {
        my @readers = start_readers($s->port, my @order = shuffle(@paths));
        read_all(@readers);
        my @bad = map { $readers[$_]{digest} eq $expected{$order[$_]} ? () : $order[$_] } 0 .. $#order;
        ok(!@bad, "$what, round $round: as rendered anew") or diag("@bad[0 .. ($#bad < 3 ? $#bad : 3)]");
    }
}
cmp_ok(rendered($plenty), '<=', 2 * @paths, 'in 16 MB: most are rendered once');
cmp_ok(rendered($plenty), '>', 0, 'and the log says so');
cmp_ok(rendered($little), '>', 2 * @paths, 'in 24 KB: few are kept');
my $before = rendered($plenty);
$plenty->get('/vod/kite.ism/.mpd') for 1 .. 5;
is(rendered($plenty), $before, 'five requests, not rendered');
is($plenty->head('/vod/kite.ism/.mpd')->{headers}{'content-length'}, length $none->get('/vod/kite.ism/.mpd')->{content}, 'HEAD');
is($plenty->get('/vod/kite.ism/.mpd', {Range => 'bytes=10-19'})->{content}, substr($none->get('/vod/kite.ism/.mpd')->{content}, 10, 10), 'a range');
is(rendered($none), 0, 'kept by nobody, nothing is said');

# A source is replaced, then the descriptor.
my $vod = $plenty->docs . '/vod';
copy(media_file('noise.mp4'), "$vod/new.mp4") or die $!;
rename "$vod/new.mp4", "$vod/kite.mp4" or die $!;
my $new = $plenty->get('/vod/other.ism/.mpd')->{content};
isnt(md5_hex($new), $expected{'/vod/other.ism/.mpd'}, 'a source was replaced');
JitOrigin::Httpd::write_file("$vod/new.ism", smil('<video src="kite.mp4" systemBitrate="4000"/>'));
rename "$vod/new.ism", "$vod/other.ism" or die $!;
like($plenty->get('/vod/other.ism/.mpd')->{content}, qr/id="video=4000"/, 'the descriptor was replaced');

$_->finish for $none, $little, $plenty;
done_testing;
