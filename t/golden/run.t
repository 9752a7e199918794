#!/usr/bin/env perl
# Every case of cases.txt against its recorded answer. --update rewrites the answers instead of comparing.
# A manifest is recorded as it is; MP4 and packed audio as the text of `jitorigin dump` and the SHA-256 of its bytes,
# other binary (transport streams, too) as the latter alone.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use JitOrigin::Golden qw(src command ffmpeg_version fixtures slurp spew run);

my $golden = src() . '/t/golden';
my $cli    = command();
my $update = grep { $_ eq '--update' } @ARGV;

# The recorded form of the answer to one URL.
sub answer {
    my ($url, $with, $scratch) = @_;
    my $status = run($scratch, $cli, 'get', '-i', '--with', $with // '', $url);
    my ($head, $body) = split /\n\n/, slurp($scratch), 2;
    my $said = slurp("$scratch.err");
    return if ($status & 127) || !defined $body;      # it crashed: never an answer
    $head =~ s/^(?:etag|last-modified): .*\n?//mg;    # of the file system and of the version
    chomp $head;
    my $text = "$head\n\n$said";
    my $sum = 'sha256: ' . sha256_hex($body) . "\n";
    return $text . $sum if $head =~ m{^content-type: (?:application/octet-stream|video/mp2t)}m;
    return $text . $body if $head !~ m{^content-type: (?:(?:audio|video|application)/mp4|audio/(?:aac|ac3|eac3|mpeg))}m;
    spew("$scratch.bin", $body);
    run($scratch, $cli, 'dump', "$scratch.bin");
    return $text . slurp($scratch) . slurp("$scratch.err") . $sum;
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
        /^([\w-]+)\s+(\S+)(?:\s+--with\s+(\S+))?$/ or die "cases.txt line $.: not a name, a URL and settings\n";
        push @cases, [$1, $2, $3];
    }
    return @cases;
}

my $version = ffmpeg_version() or plan skip_all => 'no ffmpeg to make fixtures with';
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
    my ($name, $url, $with) = @{$case};
    my $file = "$golden/expect/$name.txt";
    fail("$name: two cases of that name") if $seen{$name}++;
    my $got = answer($url, $with, $scratch);
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
