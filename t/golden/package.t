#!/usr/bin/env perl
# `jitorigin package`: every file is what `get` gives, everything that a manifest names is there, and what goes wrong
# is said and leaves nothing behind.

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(command ffmpeg_version fixtures slurp spew run);

my $cli = command();
ffmpeg_version() or plan skip_all => 'no ffmpeg to make fixtures with';
my $work = fixtures() . "/package.$$";
make_path($work);
chdir $work or die "$work: $!";

sub jitorigin {
    my $status = run('out', $cli, @_);
    return ($status & 127 ? "signal $status" : $status >> 8, slurp('out'), slurp('out.err'));
}

# Files below a folder, hidden ones apart.
sub files {
    my ($folder) = @_;
    my @all;
    find({ no_chdir => 1, wanted => sub { push @all, substr $_, length "$folder/" if -f && !m{/\.[^/]*$} } }, $folder);
    return sort @all;
}

sub decode { my ($s) = @_; $s =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; return $s }

# A reference from a file, as a path below the title.
sub below {
    my ($file, $ref) = @_;
    my $path = $file =~ s{[^/]*$}{}r . $ref;
    1 while $path =~ s{[^/]+/\.\./}{};
    return $path;
}

# What the manifests in a folder name, as paths below it.
sub named {
    my ($folder, $base) = @_;
    my %named;
    my @playlists = "$base.m3u8";
    while (defined(my $name = shift @playlists)) {
        my $text = slurp("$folder/$name") // next;
        next if $named{$name}++;
        my @refs = map { below($name, decode($_)) } $text =~ /URI="([^"]+)"/g, $text =~ /^([^#\s].*)$/mg;
        push @playlists, grep { /m3u8/ } @refs;
        $named{$_} = 1 for grep { !/m3u8/ } @refs;
    }
    my $mpd = slurp("$folder/$base.mpd") // '';
    $named{"$base.mpd"} = 1 if $mpd;
    while ($mpd =~ m{<AdaptationSet.*?</AdaptationSet>}gs) { dash_set($&, \%named) }
    my $smooth = slurp("$folder/Manifest") // '';
    $named{'Manifest'} = 1 if $smooth;
    while ($smooth =~ m{<StreamIndex\b.*?</StreamIndex>}gs) { smooth_stream($&, \%named) }
    return sort keys %named;
}

sub dash_set {
    my ($set, $named) = @_;
    my @reps;
    push @reps, [$1, $2] while $set =~ m{<Representation\b[^>]*? id="([^"]+)"[^>]*?(/>|>.*?</Representation>)}gs;
    for my $rep (@reps) {
        my ($id, $inner) = @{$rep};
        my ($template) = grep { defined } ($inner . $set) =~ m{(<SegmentTemplate\b.*?(?:/>\s*(?=<Rep|</)|</SegmentTemplate>))}s;
        my ($init)  = $template =~ /initialization="([^"]+)"/;
        my ($media) = $template =~ /media="([^"]+)"/;
        $named->{ 'dash/' . $init =~ s/\$RepresentationID\$/$id/r } = 1;
        my $t = 0;
        my ($n) = $template =~ /startNumber="(\d+)"/;
        $n //= 1;
        while ($template =~ /<S\b([^>]*)>/g) {
            my $s = $1;
            $t = $1 if $s =~ / t="(\d+)"/;
            my ($d) = $s =~ / d="(\d+)"/;
            my $r = $s =~ / r="(\d+)"/ ? $1 : 0;
            for (0 .. $r) {
                $named->{ 'dash/' . $media =~ s/\$RepresentationID\$/$id/r =~ s/\$Time\$/$t/r =~ s/\$Number\$/$n/r } = 1;
                $t += $d;
                $n++;
            }
        }
    }
    return;
}

sub smooth_stream {
    my ($stream, $named) = @_;
    my ($url) = $stream =~ /Url="([^"]+)"/;
    my @rates = $stream =~ /<QualityLevel\b[^>]*? Bitrate="(\d+)"/g;
    my $t = 0;
    while ($stream =~ /<c\b([^>]*)>/g) {
        my $c = $1;
        $t = $1 if $c =~ / t="(\d+)"/;
        my ($d) = $c =~ / d="(\d+)"/;
        my $r = $c =~ / r="(\d+)"/ ? $1 : 1;
        for (1 .. $r) {
            $named->{ $url =~ s/\{bitrate\}/$_/r =~ s/\{start time\}/$t/r } = 1 for @rates;
            $t += $d;
        }
    }
    return;
}

sub unequal {
    my ($folder, $title, $with) = @_;
    return grep { run('got', $cli, 'get', '--with', $with // '', "$title/$_") != 0 || slurp('got') ne slurp("$folder/$_") } files($folder);
}

# ---- a mirror of the server, for titles of every shape

for my $name (qw(prog cmaf frag number_timeline)) {
    my $folder = "all/$name.ism";
    my ($status, $out, $err) = jitorigin('package', '-o', 'all', "../$name.ism");
    is("$status$err", '0', "package $name.ism");
    my @files = files($folder);
    like($out, qr/^.*\/all\/$name\.ism: @{[scalar @files]} files, [\d.]+ kB|MB in /, '  says how much it wrote');
    is(join(' ', @files), join(' ', named($folder, $name)), '  all that its manifests name, and no more');
    is(join(' ', unequal($folder, "../$name.ism")), '', '  each file is what get gives');
}
for my $name (qw(prog old text entries)) {
    my $folder = "ts/$name.ism";
    my ($status, $out, $err) = jitorigin('package', '-f', 'hls-ts', '-o', 'ts', "../$name.ism");
    is("$status$err", '0', "package $name.ism in transport streams");
    my @files = files($folder);
    is(join(' ', @files), join(' ', named($folder, $name)), '  all that its playlists name, and no more');
    is(join(' ', grep { !/\.(?:m3u8|ts|aac|ac3|webvtt)$/ } @files), '', '  and nothing of fMP4');
    is(join(' ', unequal($folder, "../$name.ism", 'hls=ts')), '', '  each file is what get gives');
}
my ($status, $out, $err) = jitorigin('package', '-o', 'all', '../prog.mp4');
is("$status$err", '0', 'package of a media file');
is(join(' ', unequal('all/prog.mp4', '../prog.mp4')), '', '  each file is what get gives');

# ---- some formats

for my $case (['hls', qr/\.m3u8$|^(?:hls|keyframes)\//], ['dash', qr/\.mpd$|^dash\//], ['smooth', qr/^Manifest$|^QualityLevels\(/]) {
    my ($format, $like) = @{$case};
    ($status, $out, $err) = jitorigin('package', '-q', '-f', $format, '-o', $format, '../prog.ism');
    my @files = files("$format/prog.ism");
    ok($status == 0 && "$out$err" eq '' && @files > 3 && !grep({ $_ !~ $like } @files), "package --format $format, quietly");
}

# ---- what is there already

($status, $out, $err) = jitorigin('package', '-o', 'all', '../prog.ism');
is($status, 0, 'the same title once more');
make_path('other/prog.ism');
spew('other/prog.ism/kept', "mine\n");
($status, $out, $err) = jitorigin('package', '-o', 'other', '../prog.ism');
is($status, 1, 'a folder of something else is refused');
like($err, qr{^jitorigin: .*/other/prog\.ism: holds files of something else; --force}, '  and why');
is(join(' ', files('other')), 'prog.ism/kept', '  and nothing is written');
is((jitorigin('package', '--force', '-o', 'other', '../prog.ism'))[0], 0, '  but by --force');
is(slurp('other/prog.ism/kept'), "mine\n", '  which leaves the rest alone');
make_path('moved');
spew('moved/prog.ism', slurp('../prog.ism') =~ s/src="/src="..\/..\//gr);
($status, $out, $err) = jitorigin('package', '-o', 'all', 'moved/prog.ism');
is($status, 1, 'another title of that name, too');

# ---- links, and the title itself

spew('kept', "mine\n");
make_path('linked/prog.ism');
symlink '../../kept', "linked/prog.ism/$_" for '.jitorigin', '.jitorigin.part', 'prog.mpd', 'prog.mpd.part';
($status, $out, $err) = jitorigin('package', '--force', '-f', 'dash', '-o', 'linked', '../prog.ism');
is("$status$err", '0', 'a folder with links in the place of files');
is(slurp('kept'), "mine\n", '  through which nothing is written');
ok(!-l 'linked/prog.ism/prog.mpd' && slurp('linked/prog.ism/prog.mpd') eq slurp('all/prog.ism/prog.mpd'), '  for they are replaced');
make_path('home');
spew('home/film.mp4', slurp('../prog.mp4'));
chdir 'home' or die $!;
run('../out', $cli, 'package', 'film.mp4') >> 8 == 1 or fail('packaged onto itself');
chdir '..' or die $!;
like(slurp('out.err'), qr{^jitorigin: /[^\n]*[^/]/film\.mp4: is the title itself; name another folder}, 'a title in the working folder: says what to do');

# ---- what goes wrong

spew('file', '');
for my $case ([['-o', 'file', '../prog.ism'], qr/^jitorigin: .*\/file/], [['../none.ism'], qr/none\.ism: not found/],
    [['../damaged.ism'], qr/^jitorigin: /], [['..'], qr/^jitorigin: /]) {
    my ($args, $like) = @{$case};
    ($status, $out, $err) = jitorigin('package', @{$args});
    ok($status == 1 && $err =~ $like, "package @{$args} fails and says why") or diag("$status $err");
}
is(run('out', 'sh', '-c', "ulimit -f 16; '$cli' package -o full ../prog.ism") >> 8, 1, 'a write that fails');
like(slurp('out.err'), qr/^jitorigin: .*\/full\/prog\.ism\/\S+: File too large$/m, '  names file and reason');
is(join(' ', grep { /\.part$/ || /m3u8|mpd/ } files('full')), '', '  and leaves no half file and no manifest');

# ---- CMAF masters

($status, $out, $err) = jitorigin('package', '--cmaf', '-o', 'masters', '../prog.mp4');
is("$status$err", '0', 'package --cmaf');
my @masters = files('masters');
like("@masters", qr/^prog-audio_deu-\d+\.mp4 prog-audio_eng-\d+\.mp4 prog-video-\d+\.mp4 prog\.ism$/, '  a file for each track, and a descriptor');
for my $file (grep { /mp4$/ } @masters) {
    run('out', $cli, 'dump', "masters/$file");
    my @top = slurp('out') =~ /^(\w+) /mg;
    ok("@top" =~ /^ftyp moov (?:styp moof mdat ?)+$/, "  $file is ftyp, moov and segments") or diag("@top");
}
is((jitorigin('check', 'masters/prog.ism'))[0], 0, '  the descriptor passes check');
for my $name ('.m3u8', '.mpd') {
    run('a', $cli, 'get', "masters/prog.ism/$name");
    run('b', $cli, 'get', "../prog.mp4/$name");
    is(slurp('a'), slurp('b'), "  and gives the same $name");
}
for my $path (grep { /-\d+\.\w+$/ } files('all/prog.mp4')) {
    next if run('a', $cli, 'get', "masters/prog.ism/$path") == 0 && slurp('a') eq slurp("all/prog.mp4/$path");
    fail("  segment $path differs");
}
is((jitorigin('package', '--cmaf', '-o', 'masters', '../prog.mp4'))[0], 1, '  it is not overwritten');
is((jitorigin('package', '--cmaf', '--force', '-o', 'masters', '../prog.mp4'))[0], 0, '  but by --force');
($status, $out, $err) = jitorigin('package', '--cmaf', '--force', '-o', 'masters', 'masters/prog.ism');
ok($status == 1 && $err =~ /is a source of this title/, '  and never onto its own sources');
symlink 'masters', 'alias' or die $!;
($status, $out, $err) = jitorigin('package', '--cmaf', '--force', '-o', 'alias', 'masters/prog.ism');
ok($status == 1 && $err =~ /is a source of this title/, '  not by another name either');
SKIP: {
    skip 'no ffmpeg', 1 if !ffmpeg_version();
    my ($file) = grep { /video/ } @masters;
    my @sums = map { `ffmpeg -nostdin -v error -i '$_' -map 0:v -c copy -f md5 -` } "masters/$file", '../prog.mp4';
    is($sums[0], $sums[1], '  ffmpeg reads the same pictures from it as from the source');
}

# ---- real files, where there are some: every kind of track is listed as its manifests name it

SKIP: {
    my $media = $ENV{JITORIGIN_MEDIA} or skip 'JITORIGIN_MEDIA names no folder', 1;
    my $packaged = 0;
    for my $path (map { glob "$media/$_/*.{mp4,mov,ismv,ismt}" } qw(prog frag video audio text timing aux smooth)) {
        my ($file, $base) = $path =~ m{(([^/]+)\.\w+)$};
        next if !-f $path || (jitorigin('get', $path =~ /\.mp4$/ ? "$path/.mpd" : 'none'))[0] != 0;
        remove_tree('real');
        ($status, $out, $err) = jitorigin('package', '-q', '-o', 'real', $path);
        $err =~ s/^jitorigin: warning: .*\n//mg;
        is("$status$err", '0', "package $file");
        my %named = map { $_ => 1 } named("real/$file", $base);
        my @files = files("real/$file");
        is(join(' ', grep { !$named{$_} } @files), '', '  nothing that no manifest names');
        is(join(' ', grep { !-f "real/$file/$_" } sort keys %named), '', '  all that they name');
        $packaged++;
    }
    ok($packaged > 20, 'real files were packaged');
}

chdir '/';
remove_tree($work);
done_testing();
