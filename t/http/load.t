#!/usr/bin/perl
# Titles that take long to load hold only a part of a child's threads, and nobody waits for them without end. What is slow
# here is opening a media file under a lease: the kernel lets the server wait until the lease is given up.
use strict;
use warnings;
use Fcntl qw(F_WRLCK F_UNLCK);
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);
use JitOrigin::Clients qw(start_readers read_all told);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title media_file smil);

use constant {F_SETLEASE => 1024, F_GETLEASE => 1025, THREADS => 16, WAIT => 5};
$SIG{IO} = 'IGNORE'; # somebody wants the file

my $s = JitOrigin::Httpd->new(
    threads => THREADS,
    conf => "JitOrigin On\n",
    global => "JitOriginMaxLoads 2\nJitOriginLoadTimeout @{[WAIT]}\n");
my $docs = $s->docs;
add_title($docs, 'warm', 'video:kite.mp4');
my @fresh = map { "fresh$_" } 1 .. 5;
for my $name (qw(a b c), @fresh) {
    copy(media_file('kite.mp4'), "$docs/$name.mp4") or die "$name.mp4: $!";
    chmod 0644, "$docs/$name.mp4";
    JitOrigin::Httpd::write_file("$docs/$name.ism", smil(qq(<video src="$name.mp4"/>)));
}

sub lease {
    my ($name) = @_;
    open my $f, '+<', "$docs/$name.mp4" or die "$name.mp4: $!";
    fcntl $f, F_SETLEASE, F_WRLCK or plan skip_all => "no leases here: $!";
    return $f;
}

# Until somebody wants to open the files.
sub wanted {
    my (@leases) = @_;
    return JitOrigin::Httpd::waited(sub { !grep { fcntl($_, F_GETLEASE, 0) == F_WRLCK } @leases });
}

my %leased = map { $_ => lease($_) } qw(a b);
$s->expect(qr/ 503 \/(?:[abc]|fresh\d)\.ism/);
$s->start;

sub timed { # (seconds, response)
    my ($path) = @_;
    my $from = time;
    my $res = $s->get($path);
    return (time - $from, $res);
}

sub served_at_once {
    my ($what) = @_;
    my ($seconds, $res) = timed('/warm.ism/.m3u8');
    is($res->{status}, 200, "$what: a loaded title is served");
    cmp_ok($seconds, '<', WAIT - 1.5, "$what: at once");
}

is($s->get('/warm.ism/.m3u8')->{status}, 200, 'loaded before');
my @loading = start_readers($s->port, map { "/$_.ism/.m3u8" } qw(a b));
ok(wanted(values %leased), 'two loads hang');
served_at_once('two loads hang');

for my $case (['c', 'a third title', qr/load/], ['a', 'a title that hangs', qr/long to load/]) {
    my ($name, $what, $why) = @$case;
    my ($seconds, $res) = timed("/$name.ism/.m3u8");
    is($res->{status}, 503, "$what: 503");
    is($res->{headers}{'retry-after'}, 1, "$what: Retry-After");
    like($res->{content}, $why, "$what: says why");
    cmp_ok($seconds, '>', WAIT - 0.5, "$what: waited a while");
    cmp_ok($seconds, '<', WAIT + 20, "$what: not longer");
}

# More clients than threads: those who may not wait are told so, and leave their thread to others. (With worker and prefork
# a client that does not read its answer holds its thread while the connection lingers: no times are promised there.)
my $event = $s->{mpm} eq 'event';
my $from = time;
my @crowd = start_readers($s->port, map { "/$_.ism/.m3u8" } (qw(a b c)) x THREADS);
sleep 0.5;
served_at_once('a crowd waits') if $event;
read_all(@crowd);
is(scalar(grep { $_->{status} == 503 } @crowd), 3 * THREADS, 'the crowd: 503') or diag told(@crowd);
cmp_ok(time - $from, '<', WAIT + 20, 'the crowd: soon') if $event;
like($s->error_log, qr/503 \/[abc]\.ism\S*: too many requests wait/, 'the crowd: some at once');
is(scalar(grep { $_->{done} } @loading), 0, 'who loads still waits for the disk');

close $leased{$_} for qw(a b);
read_all(@loading);
is(scalar(grep { $_->{status} == 200 && $_->{length} == $_->{promised} } @loading), 2, 'the disk answers, and they are served');
is($s->get("/$_.ism/.m3u8")->{status}, 200, "$_ is served too") for qw(a b c);
my @again = start_readers($s->port, ('/c.ism/.mpd') x THREADS);
read_all(@again);
is(scalar(grep { $_->{status} == 200 } @again), THREADS, 'and nobody is counted as waiting any more') or diag told(@again);

# A crowd on a cold title that takes a third of a second: all may wait for it. (On a machine that is busy it may take longer than the
# second that they may.)
my ($served, @others) = 0;
for my $name (@fresh) {
    my $lease = lease($name);
    @others = start_readers($s->port, ("/$name.ism/.m3u8") x (3 * THREADS));
    wanted($lease);
    sleep 0.3;
    close $lease;
    read_all(@others);
    last if ($served = grep { $_->{status} == 200 } @others) == @others;
}
is($served, 3 * THREADS, 'a crowd on a title that loads fast is served') or diag told(@others);
$s->finish;

done_testing;
