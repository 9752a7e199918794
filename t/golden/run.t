#!/usr/bin/env perl
# Every case of cases.txt against its recorded answer. --update rewrites the answers instead of comparing.
# A playlist or MPD is recorded as it is; binary as the text of `jitorigin dump` and the SHA-256 of its bytes.

use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Copy ();
use File::Path qw(make_path remove_tree);
use Test::More;

my $golden = abs_path(dirname(__FILE__));
my $src    = $ENV{JITORIGIN_SRC} || dirname(dirname($golden));
my $build  = $ENV{JITORIGIN_BUILD} || "$src/build";
my $cli    = $ENV{JITORIGIN_CLI} || "$build/jitorigin";
my $update = grep { $_ eq '--update' } @ARGV;

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or return;
    local $/;
    return scalar <$in>;
}

sub spew {
    my ($path, $text) = @_;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $text or die "$path: $!";
    close $out or die "$path: $!";
    return;
}

# The fixtures, made once for each version of the script that makes them.
sub fixtures {
    my $script = "$src/t/lib/make-fixtures.sh";
    my $dir    = ($ENV{JITORIGIN_FIXTURES} || "$build/t/golden/fixtures") . '/golden-' . substr sha256_hex(slurp($script)), 0, 12;
    if (!-e "$dir/fixtures.sha256") {
        my $work = "$dir.$$";
        make_path($work);
        system('sh', $script, $work) == 0 or die "make-fixtures.sh failed\n";
        rename $work, $dir or (-e "$dir/fixtures.sha256" ? remove_tree($work) : die "$dir: $!");
    }
    for my $title (glob "$golden/titles/*.ism") {
        File::Copy::copy($title, $dir) or die "$title: $!";
    }
    return $dir;
}

# run(FILE, COMMAND...): exit status; standard output goes to FILE, standard error to FILE.err.
sub run {
    my ($file, @command) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $file       or exit 99;
        open STDERR, '>', "$file.err" or exit 99;
        exec { $command[0] } @command or exit 99;
    }
    waitpid $pid, 0;
    return $?;
}

# The recorded form of the answer to one URL.
sub answer {
    my ($url, $scratch) = @_;
    my $status = run($scratch, $cli, 'get', '-i', $url);
    my ($head, $body) = split /\n\n/, slurp($scratch), 2;
    my $said = slurp("$scratch.err");
    return if ($status & 127) || !defined $body;      # it crashed: never an answer
    $head =~ s/^(?:etag|last-modified): .*\n?//mg;    # of the file system and of the version
    chomp $head;
    my $text = "$head\n\n$said";
    return $text . $body if $head !~ m{^content-type: (?:audio|video)/mp4}m;
    spew("$scratch.bin", $body);
    run($scratch, $cli, 'dump', "$scratch.bin");
    return $text . slurp($scratch) . slurp("$scratch.err") . 'sha256: ' . sha256_hex($body) . "\n";
}

# diff of two texts as TAP comments.
sub differences {
    my ($scratch, $expected, $got) = @_;
    spew("$scratch.got", $got);
    run($scratch, 'diff', '-u', $expected, "$scratch.got");
    my @lines = split /^/, slurp($scratch);
    diag(@lines[0 .. ($#lines < 40 ? $#lines : 40)]);
    return;
}

sub cases {
    my @cases;
    open my $in, '<', "$golden/cases.txt" or die "cases.txt: $!";
    while (<$in>) {
        next if /^\s*(?:#|$)/;
        /^([\w-]+)\s+(\S+)$/ or die "cases.txt line $.: not a name and a URL\n";
        push @cases, [$1, $2];
    }
    return @cases;
}

BAIL_OUT("no command $cli: build first, or say where in JITORIGIN_CLI") if !-x $cli;
my $ffmpeg = `ffmpeg -version 2>/dev/null` || '';
plan skip_all => 'no ffmpeg to make fixtures with' if $ffmpeg !~ /^ffmpeg version (\S+)/;
my $version = $1;
my $dir     = fixtures();
my $sums    = slurp("$dir/fixtures.sha256");

if ($update) {
    spew("$golden/fixtures.sha256", $sums);
    remove_tree("$golden/expect", { keep_root => 1 });
    make_path("$golden/expect");
} elsif ($sums ne (slurp("$golden/fixtures.sha256") // '')) {
    # The answers hold sizes and bit rates of the media, so they stand for one encoder: that of Debian 12.
    my $why = "ffmpeg $version makes other fixtures than those the answers were recorded from (Debian 12's ffmpeg 5.1)";
    plan skip_all => $why if $version !~ /^5\.1\..*deb12/;
    ok(0, "fixtures are the recorded ones");
    diag("$why.\nIf libx264 or make-fixtures.sh changed, look at the differences of `t/golden/run.t --update`.");
    done_testing();
    exit 1;
}

my $scratch = "$dir/.out.$$";
chdir $dir or die "$dir: $!";
my (%seen, @cases);
for my $case (@cases = cases()) {
    my ($name, $url) = @{$case};
    my $file = "$golden/expect/$name.txt";
    fail("$name: two cases of that name") if $seen{$name}++;
    my $got = answer($url, $scratch);
    if (!defined $got) {
        fail("$name: `jitorigin get $url` crashed");
        diag(slurp("$scratch.err"));
        next;
    }
    if ($update) {
        spew($file, $got);
        pass("$name: recorded");
        next;
    }
    my $want = slurp($file);
    ok(defined $want && $got eq $want, "$name: $url") or differences($scratch, $file, $got);
}
unlink glob "$scratch*";
ok(@cases > 0, 'there are cases');
my @stray = grep { !$seen{$_} } map { m{([^/]+)\.txt$} } glob "$golden/expect/*.txt";
is("@stray", '', 'every recorded answer has its case');
done_testing();
