#!/usr/bin/env perl
# The command itself: usage and exit statuses, `ism`, and `dump` of what is damaged.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(command ffmpeg_version fixtures slurp spew run);

my $cli = command();
ffmpeg_version() or plan skip_all => 'no ffmpeg to make fixtures with';
my $work = fixtures() . "/command.$$";
make_path("$work/titles");
chdir $work or die "$work: $!";

# jitorigin(ARGS...): (exit status, standard output, standard error).
sub jitorigin {
    my $status = run('out', $cli, @_);
    return ($status & 127 ? "signal $status" : $status >> 8, slurp('out'), slurp('out.err'));
}

sub refused {
    my ($want, $like, @args) = @_;
    my ($status, $out, $err) = jitorigin(@args);
    is($status, $want, "@args: exit status $want");
    like($err, $like, '  and why');
    return;
}

my ($status, $out, $err) = jitorigin('--version');
ok($status == 0 && $out =~ /^jitorigin \d+\.\d+/, '--version');
($status, $out) = jitorigin('--help');
ok($status == 0 && $out =~ /^  get .*^  ism .*^  dump /ms, '--help');
refused(2, qr/^usage: jitorigin COMMAND/);
refused(2, qr/no command "nope"/, 'nope');
refused(2, qr/^usage: jitorigin get/, 'get');
refused(2, qr/^usage: jitorigin get/, 'get', '--all', '../prog.ism/.mpd');
refused(2, qr/^usage: jitorigin dump/, 'dump', '../prog.mp4', '../frag.mp4');
refused(2, qr/^usage: jitorigin ism/, 'ism', '../prog.mp4');
refused(1, qr/^jitorigin: none.mp4: not found/, 'dump', 'none.mp4');
refused(1, qr/^jitorigin: none.mp4: not found/, 'ism', '-o', 'x.ism', 'none.mp4');
ok(!-e 'x.ism', '  and no descriptor is left');
refused(1, qr/^jitorigin: none\/x.ism: No such/, 'ism', '-o', 'none/x.ism', '../prog.mp4');

# a descriptor: what it names, and that it plays
($status, $out, $err) = jitorigin('ism', '-o', 'titles/kite.ism', '../prog.mp4', '../cmaf-100k.mp4');
is("$status$err", '0', 'ism writes a descriptor');
my $ism = slurp('titles/kite.ism');
is(join(' ', $ism =~ /<(?:video|audio) src="([^"]+)"/g), '../../prog.mp4 ../../cmaf-100k.mp4 ../../prog.mp4 ../../prog.mp4',
    '  with relative sources, video first');
is(join(' ', $ism =~ /"trackName" value="([^"]+)"/g), 'video video audio_eng audio_deu', '  with names');
is(join(' ', $ism =~ /"trackID" value="([^"]+)"/g), '1 1 2 3', '  with track numbers');
is(join(' ', $ism =~ /systemLanguage="([^"]+)"/g), 'eng deu', '  with languages');
is(scalar(() = $ism =~ /systemBitrate="\d+000"/g), 4, '  with bit rates');
($status, $out) = jitorigin('get', 'titles/kite.ism/.m3u8');
ok($status == 0 && (() = $out =~ /^kite-video=\d+\.m3u8$/mg) == 2 && (() = $out =~ /TYPE=AUDIO/g) == 2, '  that plays');

# dump
my $whole = slurp('../prog-100k.mp4');
open my $stdin, '<', '../prog-100k.mp4' or die $!;
open STDIN, '<&', $stdin or die $!;
($status, my $piped) = jitorigin('dump', '-');
($status, $out) = jitorigin('dump', '../prog-100k.mp4');
ok($status == 0 && $piped eq $out && $out =~ /^    mdia size=/m, 'dump reads a file and standard input alike');
for my $cut (4, 20, 40, 200, 1000) {
    spew('cut.mp4', substr $whole, 0, $cut);
    ($status, my $some) = jitorigin('dump', 'cut.mp4');
    my $good = $cut < 8 ? $some eq "($cut more bytes)\n" : $status == 1 && $some =~ /!! stops here: the file ends/;
    ok($good, "dump of the first $cut bytes says where it stops");
}
my $broken = $whole;
$broken =~ s/....tkhd/\x7f\xff\xff\xfftkhd/s;
spew('broken.mp4', $broken);
($status, $out) = jitorigin('dump', 'broken.mp4');
ok($status == 1 && $out =~ /^    !! stops here: tkhd of 2147483647 bytes/m && $out =~ /^mdat /m,
    'dump of a box that runs past its parent names it and goes on behind the parent');

chdir '/';
remove_tree($work);
done_testing();
