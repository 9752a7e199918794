#!/usr/bin/perl
# Titles that take long to load hold only a part of a child's threads, and nobody waits for them without end. What is slow
# here is opening a media file under a lease: the kernel lets the server wait until the lease is given up.
use strict;
use warnings;
use Fcntl qw(F_WRLCK F_UNLCK);
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);
use JitOrigin::Clients qw(start_readers read_all);
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title media_file smil);

use constant {F_SETLEASE => 1024, THREADS => 16, WAIT => 3};
$SIG{IO} = 'IGNORE'; # somebody wants the file

my $s = JitOrigin::Httpd->new(
    threads => THREADS,
    conf => "JitOrigin On\n",
    global => "JitOriginMaxLoads 2\nJitOriginLoadTimeout @{[WAIT]}\n");
my $docs = $s->docs;
add_title($docs, 'warm', 'video:kite.mp4');
for my $name (qw(a b c)) {
    copy(media_file('kite.mp4'), "$docs/$name.mp4") or die "$name.mp4: $!";
    chmod 0644, "$docs/$name.mp4";
    JitOrigin::Httpd::write_file("$docs/$name.ism", smil(qq(<video src="$name.mp4"/>)));
}

my %leased;
for my $name (qw(a b)) {
    open $leased{$name}, '+<', "$docs/$name.mp4" or die "$name.mp4: $!";
    fcntl $leased{$name}, F_SETLEASE, F_WRLCK or plan skip_all => "no leases here: $!";
}
$s->expect(qr/ 503 \/[abc]\.ism/, qr/MaxRequestWorkers|not enough idle/);
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
    cmp_ok($seconds, '<', WAIT / 2, "$what: at once");
}

is($s->get('/warm.ism/.m3u8')->{status}, 200, 'loaded before');
my @loading = start_readers($s->port, map { "/$_.ism/.m3u8" } qw(a b));
sleep 0.5;
served_at_once('two loads hang');

for my $case (['c', 'a third title', qr/load/], ['a', 'a title that hangs', qr/long to load/]) {
    my ($name, $what, $why) = @$case;
    my ($seconds, $res) = timed("/$name.ism/.m3u8");
    is($res->{status}, 503, "$what: 503");
    is($res->{headers}{'retry-after'}, 1, "$what: Retry-After");
    like($res->{content}, $why, "$what: says why");
    cmp_ok($seconds, '>', WAIT - 0.5, "$what: waited a while");
    cmp_ok($seconds, '<', WAIT + 3, "$what: not longer");
}

# More clients than threads: those who may not wait are told so, and leave their thread to others. (With worker and prefork
# a client that does not read its answer holds its thread while the connection lingers: no times are promised there.)
my $event = $s->{mpm} eq 'event';
my $from = time;
my @crowd = start_readers($s->port, map { "/$_.ism/.m3u8" } (qw(a b c)) x THREADS);
sleep 0.5;
served_at_once('a crowd waits') if $event;
read_all(@crowd);
is(scalar(grep { $_->{status} == 503 } @crowd), 3 * THREADS, 'the crowd: 503');
cmp_ok(time - $from, '<', WAIT + 3, 'the crowd: soon') if $event;
like($s->error_log, qr/503 \/[abc]\.ism\S*: too many requests wait/, 'the crowd: some at once');
is(scalar(grep { $_->{done} } @loading), 0, 'who loads still waits for the disk');

close $leased{$_} for qw(a b);
read_all(@loading);
is(scalar(grep { $_->{status} == 200 && $_->{length} == $_->{promised} } @loading), 2, 'the disk answers, and they are served');
is($s->get("/$_.ism/.m3u8")->{status}, 200, "$_ is served too") for qw(a b c);
my @again = start_readers($s->port, ('/c.ism/.mpd') x THREADS);
read_all(@again);
is(scalar(grep { $_->{status} == 200 } @again), THREADS, 'and nobody is counted as waiting any more');
$s->finish;

done_testing;
