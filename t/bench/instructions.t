#!/usr/bin/env perl
# Instructions that the core's own code takes, counted by callgrind: the same on any machine, loaded or not, for one compiler and
# its flags. Held against instructions.txt, within TOLERANCE; with another compiler only what must stay in proportion is held.
#
#     t/bench/instructions.t --update      counts anew after a change that is meant
#
# Counted is what the program itself executes; libc, APR, expat and libcrypto are other objects and machines differ in them. Titles are
# generated: "long" is 2 hours, "short" 10 minutes of the same samples, some bytes each. A request is counted without the
# load of its title (that has rows of its own), and without the reading of its bytes, but for the rows that say so.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Cwd qw(realpath);
use File::Temp ();
use JitOrigin::Golden qw(command slurp spew);
use JitOrigin::Httpd;
use Test::More;
use Titles qw(dash_segments hls_playlist hls_segments smooth_segments);
use Tiny qw(fragmented interleaved);

use constant TOLERANCE => 0.05;

my $update = @ARGV && $ARGV[0] eq '--update';
my $kept   = "$FindBin::Bin/instructions.txt";
my $valgrind = (grep { -x } map { "$_/valgrind" } split /:/, $ENV{PATH})[0];
plan skip_all => 'no valgrind' if !$valgrind;
plan skip_all => 'valgrind and sanitizers exclude each other' if $ENV{JITORIGIN_PRELOAD};

my $dir = File::Temp->newdir;
my %seconds = (short => 600, long => 7200);
for my $length (keys %seconds) {
    spew("$dir/$length-prog.mp4", interleaved($seconds{$length}));
    spew("$dir/$length-frag.mp4", fragmented($seconds{$length}));
}

# -- counting

my @with; # settings of the server
sub get { my ($url) = @_; my $out = `'@{[command()]}' get @with '$dir/$url'`; die "jitorigin get $url failed\n" if $?; return $out }

# Instructions of our own object while the request runs; calling and leaving a function of the list starts or ends the
# counting.
sub count {
    my ($url, @toggles) = @_;
    my $file = "$dir/callgrind.out";
    my $toggle = join ' ', map { "--toggle-collect=$_" } @toggles;
    my $said = `'$valgrind' -q --tool=callgrind --callgrind-out-file='$file' $toggle '@{[command()]}' get @with '$dir/$url' 2>&1 >/dev/null`;
    die "callgrind of $url: $said\n" if $? || $said =~ /\S/;
    return own_cost($file);
}

# Sum of what functions cost themselves, by callgrind's format: a line behind "calls=" is what the callee took.
sub own_cost {
    my ($file) = @_;
    my ($sum, $ours, $callee, %object) = (0, 0, 0);
    my $program = realpath(command());
    for (split /\n/, slurp($file)) {
        if (/^(c?)ob=\((\d+)\)(?: (.*))?$/) {
            my ($callees, $id, $path) = ($1, $2, $3);
            $object{$id} = $path if defined $path;
            $ours = $object{$id} eq $program if !$callees;
        } elsif (/^calls=/) {
            $callee = 1;
        } elsif (/^[-+*\d]\S* (\d+)$/) {
            $sum += $1 if $ours && !$callee;
            $callee = 0;
        }
    }
    return $sum || die "callgrind saw nothing of ours\n";
}

sub in_ts {
    my ($work) = @_;
    @with = qw(--with hls=ts);
    my $got = $work->();
    @with = ();
    return $got;
}

# The path of the segment that begins with picture 7500 or 87500: half way, and the same modulo the 64 samples of an index's block.
sub segment {
    my ($find, $title) = @_;
    my @all = $find->(\&get, $title, 240);
    return $all[@all * ($title =~ /^long/ ? 875 / 1800 : 75 / 150)];
}

my @serve = qw(jo_origin_serve jo_title_make);
my %count;
for my $length (qw(short long)) {
    for my $kind (qw(prog frag)) {
        my $title = "$length-$kind.mp4";
        $count{"$length-$kind load"} = count("$title/.m3u8", 'jo_title_make');
        $count{"$length-$kind segment hls"} = count(segment(\&hls_segments, $title), @serve);
        $count{"$length-$kind segment mss"} = count(segment(\&smooth_segments, $title), @serve);
        $count{"$length-$kind load for ts"} = in_ts(sub { count("$title/.m3u8", 'jo_title_make') });
        $count{"$length-$kind segment ts"} = in_ts(sub { count(segment(\&hls_segments, $title), @serve, 'jo_body_read') });
        next if $length eq 'long';
        $count{"$length-$kind segment dash"} = count(segment(\&dash_segments, $title), @serve);
        $count{"$length-$kind segment hls, its bytes"} = count(segment(\&hls_segments, $title), 'jo_body_read');
        $count{"$length-$kind init"} = count(segment(\&hls_segments, $title) =~ s/-\d+(\.m4s)$/$1/r, @serve);
        $count{"$length-$kind multivariant"} = count("$title/.m3u8", @serve);
        $count{"$length-$kind playlist"} = count(hls_playlist(\&get, $title, 240), @serve);
        $count{"$length-$kind mpd"} = count("$title/.mpd", @serve);
        $count{"$length-$kind manifest mss"} = count("$title/Manifest", @serve);
    }
}

# -- proportions, which hold for any compiler

for my $kind (qw(prog frag)) {
    for my $format (qw(hls mss ts)) {
        my ($long, $short) = map { $count{"$_-$kind segment $format"} } qw(long short);
        cmp_ok($long, '<=', 1.05 * $short, "$kind, $format: a segment of 2 hours takes what one of 10 minutes takes");
    }
    cmp_ok($count{"long-$kind load"}, '<=', 12 * 1.1 * $count{"short-$kind load"}, "$kind: loading grows no faster than the title");
}

# -- the counts

sub compiled {
    my $makefile = slurp(JitOrigin::Httpd::build() . '/Makefile') // '';
    my %var = $makefile =~ /^(CC|CFLAGS) = (.*)$/mg;
    my $cc = $var{CC} // 'cc';
    return join ' ', (map { chomp(my $said = `$cc $_ 2>/dev/null` // ''); $said } qw(-dumpfullversion -dumpmachine)), $var{CFLAGS} // '';
}

if ($update) {
    spew($kept, "# " . compiled() . "\n" . join '', map { sprintf "%9d %s\n", $count{$_}, $_ } sort keys %count);
    diag("$kept is new");
}
my ($by, @lines) = split /\n/, slurp($kept) // die "$kept: $!\n";
my %kept = map { /^\s*(\d+) (.*)$/ ? ($2 => $1) : die "$kept: $_\n" } @lines;
is_deeply([sort keys %kept], [sort keys %count], 'all counts are kept');
SKIP: {
    skip "counts are of $by", scalar keys %count if $by ne '# ' . compiled();
    for my $name (sort keys %count) {
        my $ratio = $count{$name} / ($kept{$name} || 1);
        ok(abs($ratio - 1) <= TOLERANCE, "$name: as many instructions as before, within @{[100 * TOLERANCE]} %")
            or diag(sprintf '%d, was %d: x %.3f. If that is meant: t/bench/instructions.t --update', $count{$name}, $kept{$name}, $ratio);
    }
}

done_testing();
