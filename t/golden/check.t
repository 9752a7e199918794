#!/usr/bin/env perl
# `jitorigin check`: each thing that can be wrong with a title, made wrong; `inspect` of the same files.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use JSON::PP qw(decode_json);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(src command ffmpeg_version fixtures slurp spew run);

my $cli = command();
ffmpeg_version() or plan skip_all => 'no ffmpeg to make fixtures with';
my $work = fixtures() . "/check.$$";
make_path("$work/t");
chdir "$work/t" or die "$work: $!";

sub jitorigin {
    my $status = run("$work/out", $cli, @_);
    return ($status & 127 ? "signal $status" : $status >> 8, slurp("$work/out"), slurp("$work/out.err"));
}

sub smil {
    my ($head, @media) = @_;
    return "<smil>\n<head>$head</head>\n<body><switch>\n" . join("\n", @media) . "\n</switch></body></smil>\n";
}

sub param { return qq(<param name="$_[0]" value="$_[1]" valueType="data"/>) }

# check(DESCRIPTOR, OPTIONS...): exit status and findings by code.
sub check {
    my ($text, @options) = @_;
    spew('x.ism', $text);
    my ($status, $out, $err) = jitorigin('check', '--json', @options, 'x.ism');
    my $said = eval { decode_json($out) } or return ($status, {}, "$out$err");
    my %by;
    push @{ $by{ $_->{code} } }, $_ for @{ $said->{findings} };
    return ($status, \%by, $said);
}

# One finding of that code and severity, in that line, whose text matches; and none that is worse than expected.
sub finds {
    my ($name, $text, $code, $severity, $line, $like, $mend, @options) = @_;
    my ($status, $by, $said) = check($text, @options);
    my @hits = @{ $by->{$code} || [] };
    ok(@hits > 0, "$name: $code") or diag(explain($said)), return;
    my ($f) = grep { ($_->{line} || 0) == $line } @hits;
    is($f && $f->{severity}, $severity, "  $severity in line $line") or diag(explain($said));
    like($f->{text}, $like, '  says what');
    like($f->{mend} || '', $mend, '  and how to mend it');
    is($status, ref $said && $said->{errors} ? 1 : 0, '  exit status');
    return;
}

my ($video, $low, $sound) = map { "../../$_" } 'cmaf-300k.mp4', 'cmaf-100k.mp4', 'cmaf-eng.mp4';
my @good = (qq(<video src="$video"/>), qq(<video src="$low"/>), qq(<audio src="$sound"/>));

# ---- nothing wrong

my ($status, $by, $said) = check(smil('', @good));
is($status, 0, 'a good ladder: exit status 0');
is(join(' ', sort keys %{$by}), 'outside-folder', '  nothing but its folder is named') or diag(explain($said));
($status, $by) = check(smil('', @good), '--root', "$work/../..");
is(join(' ', sort keys %{$by}), '', '  and not even that below the root');
($status, my $out) = jitorigin('check', 'x.ism');
like($out, qr/^x\.ism: 0 errors, 0 warnings, 3 notes$/m, '  as text');

# ---- words

finds('a descriptor that is no XML', "<smil>\n<body>", 'bad-descriptor', 'error', 2, qr/./, qr/jitorigin ism/);
finds('no media', smil(''), 'bad-descriptor', 'error', 0, qr/no video/, qr/./);
finds('a misspelt option', smil("\n" . '<meta name="hls_minimum_fragment_lenght" content="4"/>', @good),
    'unknown-word', 'warning', 3, qr/hls_minimum_fragment_lenght/, qr/"hls_minimum_fragment_length"/);
finds('an option of another product', smil('<meta name="mpd_min_buffer_time" content="4"/>', @good),
    'unused-option', 'note', 2, qr/not used/, qr//);
finds('a misspelt param', smil('', qq(<video src="$video">) . param('trakName', 'v') . '</video>'),
    'unknown-word', 'warning', 4, qr/trakName/, qr/"trackName"/);
finds('a misspelt attribute', smil('', qq(<video src="$video" systemBitrat="300000"/>)),
    'unknown-word', 'warning', 4, qr/systemBitrat/, qr/"systemBitrate"/);
finds('a misspelt element', smil('', qq(<video src="$video"/>), qq(<audoi src="$sound"/>)),
    'unknown-word', 'warning', 5, qr/audoi/, qr/"audio"/);
finds('a word like no other', smil('<meta name="zebra" content="1"/>', @good), 'unknown-word', 'note', 2, qr/zebra/, qr/leave it out/);
finds('a param without value', smil('', qq(<video src="$video"><param name="trackName"/></video>)),
    'incomplete-element', 'warning', 4, qr/without value/, qr/./);
finds('a role that there is not', smil('', @good[0, 1], qq(<audio src="$sound">) . param('role', 'mian') . '</audio>'),
    'bad-descriptor', 'error', 6, qr/"mian"/, qr/./);
finds('no language', smil('', @good[0, 1], qq(<audio src="$sound" systemLanguage="double dutch"/>)),
    'bad-language', 'warning', 6, qr/double dutch/, qr/BCP 47/);
($status, $by) = check(smil('', qq(<video src="$video">) . param('FourCC', 'H264') . param('MaxWidth', 160) . '</video>'));
ok(!$by->{'unknown-word'}, 'params that encoders write are no finding');
($status, $by) = check(smil('', @good[0, 1], qq(<audio src="$sound">) . join('', map { param(@{$_}) } ['trackDefault', 'yes'], ['track_priority', 3],
    ['Variant-Set', 'a'], ['track-language', 'eng'], ['track_accessibility', 'description']) . '</audio>'));
ok(!$by->{'unknown-word'}, 'nor is any spelling of the labels') or diag(explain($by));
finds('a spelling that is not read', smil('', qq(<video src="$video">) . param('track_id', 1) . '</video>'),
    'unknown-word', 'warning', 4, qr/track_id/, qr/"trackID"/);
finds('a misspelt label', smil('', qq(<video src="$video">) . param('priorty', 1) . '</video>'),
    'unknown-word', 'warning', 4, qr/priorty/, qr/"priority"/);

# ---- files

finds('a missing file', smil('', qq(<video src="none.mp4"/>)), 'missing-source', 'error', 4, qr/not found/, qr/correct src/);
finds('a folder as file', smil('', qq(<video src="../t"/>)), 'unreadable-source', 'error', 4, qr/./, qr/regular file/);
spew('cut.mp4', substr slurp('../../prog.mp4'), 0, 3000);
finds('a damaged file', smil('', qq(<video src="cut.mp4"/>)), 'damaged-source', 'error', 4, qr/cut\.mp4/, qr/anew/);
finds('a remote file', smil('', qq(<video src="http://x.example/a.mp4"/>)), 'bad-src', 'error', 4, qr/./, qr/local file/);
finds('a file outside the root', smil('', @good[0 .. 1], qq(<audio src="$sound"/>)), 'outside-root', 'error', 6,
    qr/403/, qr/JitOriginRoot/, '--root', "$work/t");
finds('a track that there is not', smil('', qq(<video src="$video">) . param('trackID', 7) . '</video>'),
    'no-such-track', 'error', 4, qr/no video track 7/, qr/video 1/);
finds('no sound in the file', smil('', $good[0], qq(<audio src="$low"/>)), 'no-such-track', 'error', 5, qr/no audio track/, qr/video 1/);
finds('a track twice', smil('', @good[0, 0]), 'same-track-twice', 'warning', 5, qr/line 4/, qr/leave one out/);
my $unknown = slurp($video);
$unknown =~ s/avc1(?=\x00{7}\x01)/zzz1/;
spew('unknown.mp4', $unknown);
finds('a codec that nobody knows', smil('', qq(<video src="unknown.mp4"/>)), 'not-packaged', 'error', 4, qr/zzz1/, qr/H\.264/);

# ---- bit rates

for my $case (['too low', 100000, qr/below the average/], ['too high', 9000000, qr/above even the fullest/]) {
    my ($name, $rate, $like) = @{$case};
    finds("a bit rate $name", smil('', qq(<video src="$video" systemBitrate="$rate"/>)), 'wrong-bitrate', 'warning', 4, $like,
        qr/^systemBitrate="\d+000"$/);
}
($status, $by) = check(smil('', qq(<video src="$video" systemBitrate="100000"/>)));
my ($right) = $by->{'wrong-bitrate'}[0]{mend} =~ /(\d+)/;
($status, $by) = check(smil('', qq(<video src="$video" systemBitrate="$right"/>)));
ok(!$by->{'wrong-bitrate'}, 'the right bit rate that it names is right');
my $token = qq(<video src="%s" systemBitrate="$right">) . param('trackName', 'v') . '</video>';
finds('a token twice', smil('', map { sprintf $token, $_ } $video, $low), 'duplicate-token', 'warning', 5, qr/v=$right/,
    qr/another trackName/);
finds('warnings by --strict', smil('', map { sprintf $token, $_ } $video, $low), 'duplicate-token', 'warning', 5, qr/./, qr/./);
is((check(smil('', map { sprintf $token, $_ } $video, $low), '--strict'))[0], 1, '  exit status 1 with --strict');

# ---- labels

finds('two sounds that nobody can tell apart', smil('', $good[0], map { qq(<audio src="../../cmaf-$_.mp4" systemLanguage="eng"/>) } 'eng', 'deu'),
    'same-labels', 'warning', 6, qr/audio_eng/, qr/role/);
finds('two defaults', smil('', $good[0], map { qq(<audio src="../../cmaf-$_.mp4">) . param('default', 'yes') . '</audio>' } 'eng', 'deu'),
    'two-defaults', 'warning', 6, qr/audio_eng/, qr/one default/);

# ---- how tracks fit

sub encode {
    my ($file, $seconds, $keyint, @more) = @_;
    system('ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', "testsrc2=size=160x90:rate=25:duration=$seconds",
        @more, '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', $keyint, '-keyint_min', $keyint,
        '-sc_threshold', 0, $file) == 0 or die 'ffmpeg';
    return;
}

encode('a50.mp4', 12, 50);
encode('b37.mp4', 12, 37);
encode('c50-short.mp4', 9, 50);
encode('d-long.mp4', 20, 500);
encode('e-square.mp4', 12, 50, '-vf', 'scale=90:90,setsar=1');
finds('misaligned key frames', smil('', '<video src="a50.mp4"/>', '<video src="b37.mp4"/>'), 'misaligned-key-frames', 'error', 5,
    qr/at 4 s \(it has one at 4\.44 s\), .* (\d+) places \(.*HLS/, qr/fixed interval/);
finds('a rung that ends early', smil('', '<video src="a50.mp4"/>', '<video src="c50-short.mp4"/>'), 'durations-differ', 'warning', 5,
    qr/ends 3 s before video=/, qr/one length/);
finds('rare key frames', smil('', '<video src="d-long.mp4"/>'), 'rare-key-frames', 'warning', 4, qr/20 s/, qr/every 4 s/);
finds('another shape', smil('', '<video src="a50.mp4"/>', '<video src="e-square.mp4"/>'), 'shapes-differ', 'note', 5, qr/90x90/, qr/shape/);
system('ffmpeg', '-nostdin', '-v', 'error', '-y', '-itsoffset', '0.4', '-i', 'a50.mp4', '-c', 'copy', 'late.mp4') == 0 or die 'ffmpeg';
finds('a rung that starts late', smil('', '<video src="a50.mp4"/>', '<video src="late.mp4"/>'), 'starts-differ', 'note', 5,
    qr/starts 0\.4\d* s after/, qr/one start/);
my $in_band = slurp('a50.mp4');
$in_band =~ s/avc1(?=\x00{7}\x01)/avc3/;
spew('in-band.mp4', $in_band);
finds('parameter sets in the samples', smil('', '<video src="in-band.mp4"/>'), 'in-band-parameters', 'note', 4, qr/announces avc1/, qr//);

# ---- the command

my ($code, $text, $err) = jitorigin('check', 'none.ism');
is($code, 1, 'check of a descriptor that is not there: exit status 1');
like($err, qr/^jitorigin: none\.ism: not found/, '  and says why');
($code, $text) = jitorigin('check', '--json', 'none.ism');
is($code . decode_json($text)->{findings}[0]{code}, '1unreadable-descriptor', '  as JSON, too');
($code, $text) = jitorigin('check', 'a50.mp4');
ok($code == 1 && $text =~ /^error: .*\[bad-descriptor\]$/m, 'check of a media file: no descriptor');

# ---- every option and param that the core reads is known to check

my $words = slurp(src() . '/src/cli/check_words.c');
my %read;
for my $file ('ism.c', 'labels.c') {
    my $code = slurp(src() . "/src/input/$file") // next;
    $read{$1} = 1 while $code =~ /jo_text_same\(m->name, "([^"]+)"\)/g;
    $read{$1} = 1 while $code =~ /(?:_param|parse_roles|param_or_attr)\([^;"]*"([a-zA-Z_]+)"/g;
}
ok(keys %read > 8, 'the core reads options and params');
is(join(' ', grep { $words !~ /"\Q$_\E"/i && $_ ne 'language' } sort keys %read), '', 'check knows all of them');

my $manual = slurp(src() . '/man/jitorigin.1') =~ s/\\-/-/gr;
my %codes;
for my $file ('cmd_check.c', map { "check_$_.c" } qw(words sources title)) {
    my $source = slurp(src() . "/src/cli/$file");
    while ($source =~ /jo_check_add\(((?:[^;"]|"[^"]*")*);/g) {
        my ($severity_and_code) = split /->line|, 0,|line,|line\(/, $1;
        $codes{$1} = 1 while $severity_and_code =~ /"([a-z]+(?:-[a-z]+)*)"/g;
    }
}
ok(keys %codes > 25, 'check has codes for its findings') or diag(join ' ', sort keys %codes);
is(join(' ', grep { $manual !~ /\b\Q$_\E\b/ } sort keys %codes), '', 'the manual names all of them');

# ---- who plays what: the documentation's table says the same

my @platforms = qw(Apple Chromium Firefox Android TV);
my @clients;
my $table = slurp(src() . '/src/cli/clients.c');
while ($table =~ /\{"(.{4})",\s*(NULL|"[^"]*"),\s*\{"[^"]*",\s*(\w+), (\w+), (\w+), (\w+), (\w+)\}\}/g) {
    push @clients, [$1, $2 eq 'NULL' ? '' : substr($2, 1, -1), "$3 $4 $5 $6 $7"];
}

# "Apple, TV; some Chromium" as "YES SOME NO NO YES".
sub plays {
    my ($text) = @_;
    return join ' ', ('YES') x 5 if $text =~ /^all\b/;
    return join ' ', ('SOME') x 5 if $text eq 'some';
    my %plays;
    for my $part (split /; */, $text =~ s/\([^)]*\)//gr) {
        my $some = $part =~ s/^some //;
        $plays{$_} = $some ? 'SOME' : 'YES' for split /\s*, */, $part;
    }
    return join ' ', map { $plays{$_} || 'NO' } @platforms;
}

my $rows = 0;
for my $line (grep { /^\| `/ } split /\n/, slurp(src() . '/docs/codecs.md') =~ s/## Refused.*//sr) {
    my (undef, $entry, $codec, $values, undef, undef, undef, undef, $plays) = split /\s*\|\s*/, $line;
    next if $plays =~ /^as /;    # the same entry with something added
    $entry =~ tr/`//d;
    my $value = $values =~ /HLS `([^`]+)`/ ? $1 : $values =~ /`([^`]+)`/ ? $1 : '';
    my ($row) = grep { $_->[0] eq $entry && $value =~ /^\Q$_->[1]\E/i } @clients;
    is($row && $row->[2], plays($plays), "docs/codecs.md says who plays $entry ($codec)");
    $rows++;
}
ok($rows > 30, 'docs/codecs.md has rows');

# ---- inspect

($status, $out) = jitorigin('inspect', '../../prog.mp4', '../../frag.mp4');
is($status, 0, 'inspect');
like($out, qr/^\.\.\/\.\.\/prog\.mp4: 3 tracks$/m, '  counts tracks');
like($out, qr/^  track 1 +video, H\.264, avc1\.4D40\w\w$/m, '  names codecs');
like($out, qr/^    picture +160x90, 25 fps,/m, '  pictures');
like($out, qr/^    sound +1 channels?, 48000 Hz$/m, '  sound');
like($out, qr/^    length +10 s, 250 samples, timescale 12800$/m, '  length');
like($out, qr/^    key frames +5, every 2 to 2 s, 2 s on average$/m, '  key frames');
like($out, qr/^    length .*, 5 fragments$/m, '  fragments');
like($out, qr/^    formats +HLS, DASH/m, '  formats');
($status, $out) = jitorigin('inspect', '--json', '../../prog.mp4', 'none.mp4', 'unknown.mp4');
is($status, 1, 'inspect --json of a file that is missing: exit status 1');
my $all = decode_json($out);
is(scalar @{$all}, 3, '  every file has its entry');
my $t = $all->[0]{tracks}[0];
is_deeply([@{$t}{qw(id kind codec width height frameRate samples duration)}, $t->{keyFrames}{count}],
    [1, 'video', 'H.264', 160, 90, 25, 250, 10, 5], '  with figures');
is_deeply([map { $_->{language} } @{ $all->[0]{tracks} }[1, 2]], ['eng', 'deu'], '  and languages');
ok($t->{peakBitrate} >= $t->{averageBitrate} && $t->{averageBitrate} > 0, '  and bit rates');
like($all->[1]{error}, qr/not found/, '  the missing one says why');
like($all->[2]{tracks}[0]{notPackaged}, qr/zzz1/, '  and what can not be packaged, too');

chdir '/';
remove_tree($work);
done_testing();
