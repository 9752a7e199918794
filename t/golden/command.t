#!/usr/bin/env perl
# The command itself: usage and exit statuses, `ism`, and `dump` of what is damaged.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(src command ffmpeg_version fixtures slurp spew run);

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
is($status, 0, '--help');
my @commands = $out =~ /^  (\w+) /mg;
is("@commands", 'inspect ism check get dump package audit', '  names the commands');
my %options; # by command
for my $command (@commands) {
    ($status, $out, $err) = jitorigin($command, '--help');
    ok($status == 0 && $err eq '' && $out =~ /^usage: jitorigin $command .*\n\n\w.*\n/, "$command --help");
    $options{$command} = [$out =~ /^ +(?:-\w, )?(--\w+)/mg];
    refused(2, qr/^jitorigin $command: invalid option: --nope\nusage: jitorigin $command /, $command, '--nope');
    refused(2, qr/^jitorigin $command: \d operand.* wanted\nusage: jitorigin $command /, $command);
}
refused(2, qr/^usage: jitorigin COMMAND/);
refused(2, qr/no command "nope"/, 'nope');
refused(2, qr/^jitorigin dump: more than 1 operand: \.\.\/frag\.mp4\n/, 'dump', '../prog.mp4', '../frag.mp4');
refused(2, qr/^jitorigin package: no format "hds"\n/, 'package', '--format', 'hls,hds', '../prog.ism');
refused(2, qr/^jitorigin package: .*exclude/, 'package', '--format', 'hls', '--cmaf', '../prog.ism');
refused(2, qr/^jitorigin ism: missing argument: o\n/, 'ism', '../prog.mp4', '-o');

# the manual and the shell's completion name every command and option
my $manual = slurp(src() . '/man/jitorigin.1');
my $plain  = $manual =~ s/\\-/-/gr;
my $script = src() . '/share/completion/jitorigin.bash';
for my $command (@commands) {
    my $section = join '', $plain =~ /^\.SS "?$command\b(.*?)(?=^\.S[SH] )/gms;
    ok($section ne '', "the manual has a section on $command");
    is(join(' ', grep { $section !~ /\Q$_\E\b/ && $_ ne '--help' } @{ $options{$command} }), '', '  with its options');
    my %offered = map { $_ => 1 } complete($command, '--');
    is(join(' ', grep { !$offered{$_} } @{ $options{$command} }), '', '  completion offers them');
    is(join(' ', grep { my $o = $_; !grep { $o eq $_ } @{ $options{$command} } } sort keys %offered), '', '  and no others');
}
is(join(' ', sort(complete(''))), join(' ', sort @commands, '--help', '--version'), 'completion offers the commands');
is(join(' ', complete('in')), 'inspect', '  and completes them');
is(join(' ', complete('package', '--format', 'da')), 'dash', '  and formats');
is(run('out', 'bash', '-n', $script), 0, '  the script parses');

SKIP: {
    skip 'no groff', 1 if system('groff -v >/dev/null 2>&1') != 0;
    run('out', 'groff', '-man', '-Tutf8', '-ww', '-b', src() . '/man/jitorigin.1');
    is(slurp('out.err'), '', 'the manual renders without a warning');
}

# What bash would offer for `jitorigin WORDS...` with the cursor behind the last word.
sub complete {
    my @words = ('jitorigin', @_);
    my $words = join ' ', map { "'$_'" } @words;
    run('out', 'bash', '-c', ". '$script'; COMP_WORDS=($words); COMP_CWORD=$#words; COMPREPLY=(); _jitorigin; "
        . 'printf "%s\\n" "${COMPREPLY[@]}"');
    return grep { $_ ne '' } map { s/ +$//r } split /\n/, slurp('out');
}

refused(1, qr/^jitorigin: none.mp4: not found/, 'dump', 'none.mp4');
refused(1, qr/^jitorigin: none.mp4: not found/, 'ism', '-o', 'x.ism', 'none.mp4');
ok(!-e 'x.ism', '  and no descriptor is left');
refused(1, qr/^jitorigin: none\/x.ism: No such/, 'ism', '-o', 'none/x.ism', '../prog.mp4');
ok(!-e 'none', '  nor a folder');
spew('film.mp4', slurp('../prog.mp4'));
symlink 'film.mp4', 'link.mp4' or die $!;
for my $name ('film.mp4', './film.mp4', 'link.mp4') {
    refused(2, qr/^jitorigin ism: \Q$name\E is one of the media files\n/, 'ism', '-o', $name, 'film.mp4');
}
ok(slurp('film.mp4') eq slurp('../prog.mp4'), '  and the film is whole');
refused(1, qr/^jitorigin: \/dev\/null: is no regular file/, 'ism', '-o', '/dev/null', 'film.mp4');

($status, $out, $err) = jitorigin('ism', '../prog.mp4');
ok($status == 0 && $err eq '' && $out =~ /<video src="\.\.\/prog\.mp4"/, 'ism without -o prints the descriptor');

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
