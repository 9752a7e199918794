#!/usr/bin/env perl
# What packaging costs, as a multiple of sending the same bytes as static files: ./dev bench, which has the options.
#
# One httpd with the shipped configuration has one core, wrk the other. Each row has two sides: paths of a title, and their
# bodies as static files of the same httpd (EnableSendfile On). The sides take turns, one slice each a round, so that both see
# the same machine; a ratio is made within a round, and its median over rounds is printed with the least and the greatest. A figure in
# microseconds is CPU time of all httpd processes per request, user and system. It is this machine's; ratios are nearly not.
#
# Loopback: the receiver's work in the kernel is billed to the sender, and there is no network card to whose memory sendfile
# spares a copy. Copying thus looks about 1.8 times cheaper than sendfile. What it costs in truth is the memory of clients
# that don't read, which is the column beside it: anonymous memory of httpd per client, without the kernel's socket buffers.
#
# Sections, in this order: cpu (with the targets), memory, syscalls (an own table each), cold, stalled, rss, micro.
#
# --vs ADDRESS, with --urls FILE, --pids PID,...: another origin, beside ours in the same rounds. It has to run on the same
# core (taskset -c; `--vs` says which); PID and what it started are measured. FILE has lines
#     KIND PATH
# where KIND is one of ours (./dev bench --list) or any other word, and lines of one KIND are asked for in turn; KIND
# "static:KIND" are the same bytes as static files of that origin. "#" begins a comment. Our media are made
# in build/bench/media.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Path qw(make_path);
use File::Temp ();
use Getopt::Long qw(GetOptions);
use List::Util qw(max min shuffle);
use Load qw(ask median open_connection side slice);
use Origin;
use POSIX ();
use Process qw(anonymous cores pin settled tree);
use JitOrigin::Clients qw(start_readers);
use JitOrigin::Httpd;
use Time::HiRes qw(sleep time);
use Titles qw(dash_segments hls_playlist hls_segments smooth_segments);

my @all_sections = qw(cpu memory syscalls cold stalled rss micro);
my %o = (rounds => 5, seconds => 1, connections => 16, clients => 100, requests => 100_000, only => '', sections => join(',', @all_sections));
GetOptions(\%o, 'rounds=i', 'seconds=i', 'connections=i', 'clients=i', 'requests=i', 'only=s', 'sections=s', 'quick', 'list', 'vs=s', 'urls=s', 'pids=s')
    && !@ARGV or die "bench: see ./dev bench --help\n";
%o = (%o, rounds => 1, clients => 20, requests => 2000, only => $o{only} || "hls.*(240|multi)|mss.*prog.240|mpd") if $o{quick};
my %section = map { $_ => 1 } split /,/, $o{sections};
for my $name (keys %section) {
    die "bench: no section \"$name\"; there are: @all_sections\n" if !grep { $_ eq $name } @all_sections;
}

my @heights = $o{quick} ? (240) : (240, 360, 480, 720, 1080);
my ($low, $high) = ($heights[0], $o{quick} ? 240 : 720);
my ($length, $long) = $o{quick} ? (64, 640) : (600, 7200);
my $media = JitOrigin::Httpd::build() . '/bench/media' . ($o{quick} ? '-quick' : '');
my @cores = cores();
my ($core, $rest) = @cores > 1 ? @cores[0, 1] : ();

# ---- rows: what is measured, and how dear it may be

# [KIND, ratio that is the target or undef, function of (get) → paths]
sub rows {
    my @rows;
    my $segments = sub {
        my ($kind, $target, $find, $title, $rung) = @_;
        push @rows, [$kind, $target, sub { middle($find->($_[0], "/$title.ism", $rung)) }];
    };
    my $one = sub { my ($kind, $target, $path) = @_; push @rows, [$kind, $target, sub { ref $path ? $path->($_[0]) : $path }] };
    for my $source (qw(frag prog)) {
        my %target = $source eq 'frag' ? (240 => 1.3, 720 => 1.05) : (240 => 1.5, 720 => 0.9);
        $segments->("hls/$source/$_", $target{$_}, \&hls_segments, $source, $_) for grep { !/[34]/ || /240/ } @heights;
        $segments->("hls/$source/audio", undef, \&hls_segments, $source, 'audio');
        $segments->("dash/$source/$_", $target{$_}, \&dash_segments, $source, $_) for uniq($low, $high);
        $segments->("mss/$source/$_", $target{$_}, \&smooth_segments, $source, $_) for uniq($low, $high);
        $one->("file/$source/$_", undef, "/$_-$source.ism/$_-$source.mp4") for uniq($low, $high);
    }
    for my $source (qw(frag prog)) {
        my %target = (240 => 1.6, 720 => 0.9);
        my $in_ts = sub { my ($get, $title, $rung) = @_; return hls_segments($get, "/ts$title", $rung) };
        my $muxed = sub { my ($get, $title, $rung) = @_; return hls_segments($get, "/ts$title", $rung, '?hls_client_manifest_version=3') };
        $segments->("ts/$source/$_", $target{$_}, $in_ts, $source, $_) for uniq($low, $high);
        $segments->("muxed/$source/$_", $target{$_}, $muxed, $source, $_) for uniq($low, $high);
        $segments->("packed/$source/audio", undef, $in_ts, $source, 'audio');
    }
    for my $source (qw(frag prog)) {
        $one->("hls/$source/multivariant", 1.5, "/$source.ism/.m3u8");
        $one->("ts/$source/multivariant", 1.5, "/ts/$source.ism/.m3u8");
        $one->("hls/$source/playlist", undef, sub { hls_playlist($_[0], "/$source.ism", $low) });
        $one->("dash/$source/mpd", 1.5, "/$source.ism/.mpd");
        $one->("mss/$source/manifest", undef, "/$source.ism/Manifest");
    }
    return grep { $_->[0] =~ /(?:$o{only})/ } @rows;
}

sub uniq { my %seen; return grep { !$seen{$_}++ } @_ }

# At most 40 segments from the middle of a title.
sub middle {
    my (@all) = @_;
    my $n = min(40, scalar @all);
    my $from = int((@all - $n) / 2);
    return @all[$from .. $from + $n - 1];
}

# ---- printing

# table(TITLE, [NAME, WIDTH]…): prints the head and gives back what prints a row; a width below 0: to the left.
sub table {
    my ($title, @columns) = @_;
    print "\n$title\n";
    my $format = join('  ', map { "%$_->[1]s" } @columns) . "\n";
    printf $format, map { $_->[0] } @columns;
    return sub { printf $format, map { $_ // '' } @_ };
}

sub spread { my (@v) = @_; return sprintf '%.2f-%.2f', min(@v), max(@v) }
sub kb { return sprintf $_[0] < 10240 ? '%.1f' : '%.0f', $_[0] / 1024 }
sub note { print STDERR "bench: @_\n"; return }

my $missed = 0;
sub judge {
    my ($value, $target) = @_;
    return '' if !defined $target;
    return 'ok' if $value <= $target;
    $missed++;
    return 'misses';
}

# ---- the server, and the two sides of a row

my $server;

# A new httpd over the same files: nothing is loaded, nothing was ever sent.
sub fresh {
    my (%o) = (threads => 64, @_);
    $server ||= Origin->new(core => $core, rest => $rest, media => $media);
    $server->stop;
    $server->{threads} = $o{threads};
    return $server->start;
}

# The bodies of the paths as files of their own.
sub static_paths {
    my ($kind, @paths) = @_;
    my $dir = 'static/' . $kind =~ tr{/}{-}r;
    my $at = $server->docs . "/$dir";
    make_path($at);
    for my $i (0 .. $#paths) {
        JitOrigin::Httpd::write_file("$at/$i", $server->body($paths[$i]));
    }
    return map { "/$dir/$_" } 0 .. $#paths;
}

# {kind, target, paths, static => paths}
sub prepare {
    my $get = sub { $server->body($_[0]) };
    return map {
        my ($kind, $target, $find) = @$_;
        my @paths = $find->($get);
        {kind => $kind, target => $target, paths => \@paths, static => [static_paths($kind, @paths)]};
    } rows();
}

# ---- the other origin

sub read_urls {
    my ($file) = @_;
    my (%paths, @order);
    open my $in, '<', $file or die "bench: $file: $!\n";
    while (<$in>) {
        s/(?:^|\s)#.*//;
        next if !/\S/;
        my ($kind, $path) = /^\s*(\S+)\s+(\S+)\s*$/ or die "bench: $file line $.: not KIND PATH\n";
        push @order, $kind if !$paths{$kind};
        push @{$paths{$kind}}, $path;
    }
    return (\%paths, grep { !/^static:/ } @order);
}

# Adds sides to the rows of ours that it has too, and rows of its own.
sub add_peer {
    my (@rows) = @_;
    die "bench: --vs wants --urls FILE and --pids PID\n" if !$o{urls} || !$o{pids};
    my ($address) = $o{vs} =~ m{^(?:http://)?([^/]+:\d+)/?$} or die "bench: --vs wants http://HOST:PORT\n";
    my @pids = map { /^\d+$/ && -d "/proc/$_" ? $_ : die "bench: no process $_\n" } split /,/, $o{pids};
    note("$o{vs} has to run on core $core") if defined $core && grep { !runs_on($_, $core) } tree(@pids);
    my ($paths, @order) = read_urls($o{urls});
    my %row = map { $_->{kind} => $_ } @rows;
    for my $kind (@order) {
        my $row = $row{$kind};
        push @rows, $row = {kind => $kind, peer_only => 1} if !$row;
        $row->{sides}{vs} = side($address, [tree(@pids)], @{$paths->{$kind}});
        $row->{sides}{vs_static} = side($address, [tree(@pids)], @{$paths->{"static:$kind"}}) if $paths->{"static:$kind"};
    }
    return @rows;
}

sub runs_on {
    my ($pid, $wanted) = @_;
    open my $in, '<', "/proc/$pid/status" or return 1;
    return grep { /^Cpus_allowed_list:\s*$wanted$/ } <$in>;
}

# ---- cpu

sub measure { # ROW: {side => [a slice of each round]}
    my ($row) = @_;
    my %slices;
    for my $round (1 .. $o{rounds}) {
        for my $name (grep { $row->{sides}{$_} } qw(static jit vs_static vs)) {
            push @{$slices{$name}}, slice($row->{sides}{$name}, $o{seconds}, $o{connections});
        }
    }
    return \%slices;
}

sub per_request { my ($s, $side) = @_; return median(map { $_->{cpu} } @{$s->{$side}}) }
sub ratios { my ($s, $a, $b) = @_; return map { $s->{$a}[$_]{cpu} / $s->{$b}[$_]{cpu} } 0 .. $#{$s->{$a}} }
sub mb_per_cpu_second { my ($side, $us) = @_; return sprintf '%.0f', $side->{body} / $us }

sub cpu {
    my (@rows) = @_;
    fresh();
    for my $row (@rows) {
        my @pids = $server->pids;
        $row->{sides} = {jit => side($server->address, \@pids, @{$row->{paths}}), static => side($server->address, \@pids, @{$row->{static}})};
    }
    @rows = add_peer(@rows) if $o{vs};
    my $row_out = table("CPU per request against the same bytes as static files, $o{rounds} rounds of $o{seconds} s",
        ['output', -22], ['body KB', 9], ['us', 9], ['static us', 9], ['ratio', 6], ['least-most', 11], ['MB/CPU-s', 8], ['target', 6], ['', -6]);
    for my $row (grep { !$_->{peer_only} } @rows) {
        my $s = $row->{slices} = measure($row);
        my @r = ratios($s, 'jit', 'static');
        my ($us, $ratio) = (per_request($s, 'jit'), median(@r));
        $row_out->($row->{kind}, kb($row->{sides}{jit}{body}), sprintf('%.1f', $us), sprintf('%.1f', per_request($s, 'static')), sprintf('%.2f', $ratio),
            spread(@r), mb_per_cpu_second($row->{sides}{jit}, $us), $row->{target}, judge($ratio, $row->{target}));
    }
    peer(@rows) if $o{vs};
    return;
}

sub peer {
    my (@rows) = @_;
    my $row_out = table("$o{vs}, in the same rounds",
        ['output', -22], ['body KB', 9], ['us', 9], ['static us', 9], ['ratio', 6], ['least-most', 11], ['our us', 9], ['us/our us', 9]);
    for my $row (grep { $_->{sides}{vs} } @rows) {
        my $s = $row->{slices} || measure($row);
        my @r = $s->{vs_static} ? ratios($s, 'vs', 'vs_static') : ();
        $row_out->($row->{kind}, kb($row->{sides}{vs}{body}), sprintf('%.1f', per_request($s, 'vs')),
            @r ? (sprintf('%.1f', per_request($s, 'vs_static')), sprintf('%.2f', median(@r)), spread(@r)) : ('-') x 3,
            $s->{jit} ? (sprintf('%.1f', per_request($s, 'jit')), sprintf('%.2f', median(ratios($s, 'vs', 'jit')))) : ('-') x 2);
    }
    return;
}

# ---- memory of clients that don't read

# Bytes per client with $n of them, of a server whose threads have all worked before.
sub stalled_bytes {
    my ($n, @paths) = @_;
    fresh();
    my $s = open_connection($server->address);
    ask($s, $_) for $paths[0], '/static/small';
    slice(side($server->address, [$server->pids], '/static/small'), 1, 32);
    my $before = settled($server->pids);
    my @readers = start_readers($server->port, map { $paths[$_ % @paths] } 1 .. $n);
    return max(0, (settled($server->pids) - $before) / $n);
}

sub memory {
    my (@rows) = @_;
    my $row_out = table("Anonymous memory of httpd per client that does not read, $o{clients} clients", ['output', -22], ['KB', 9], ['static KB', 9]);
    for my $row (grep { $_->{kind} =~ m{^(?:hls|ts|muxed|mss|file)/\w+/\d} } @rows) {
        $row_out->($row->{kind}, map { kb(stalled_bytes($o{clients}, @{$row->{$_}})) } qw(paths static));
    }
    return;
}

# ---- syscalls

sub syscalls_of {
    my ($n, @paths) = @_;
    my ($pid) = grep { $_ != $server->pid } $server->pids;
    my $file = File::Temp->new;
    my $s = open_connection($server->address);
    ask($s, $_) for @paths;
    defined(my $strace = fork) or die "fork: $!\n";
    exec 'strace', qw(-q -f -c -o), "$file", '-p', $pid or POSIX::_exit(127) if !$strace;
    for (1 .. 50) {
        sleep 0.05;
        last if !grep { JitOrigin::Httpd::read_file($_) !~ /^TracerPid:\s*[1-9]/m } glob "/proc/$pid/task/*/status";
    }
    ask($s, $paths[$_ % @paths]) for 1 .. $n;
    kill 'INT', $strace;
    waitpid $strace, 0;
    my %calls = map { /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/ ? ($2 => $1) : () } split /\n/, JitOrigin::Httpd::read_file("$file");
    my $total = delete $calls{total} or return;
    my @most = (sort { $calls{$b} <=> $calls{$a} } keys %calls)[0 .. 7];
    return ($total / $n, join ' ', map { sprintf '%s %.1f', $_, $calls{$_} / $n } grep { defined && $calls{$_} >= $n / 2 } @most);
}

sub syscalls {
    my (@rows) = @_;
    return note('no strace: syscalls are not counted') if !grep { -x "$_/strace" } split /:/, $ENV{PATH};
    fresh();
    my $row_out = table('Syscalls per request on a kept connection', ['output', -22], ['calls', 7], ['static', 7], [' which', -1]);
    for my $row (grep { $_->{kind} !~ /^file/ } @rows) {
        my ($jit, $which) = syscalls_of(50, @{$row->{paths}});
        my ($static) = syscalls_of(50, @{$row->{static}});
        return note('strace sees nothing here: syscalls are not counted') if !$jit || !$static;
        $row_out->($row->{kind}, (map { sprintf '%.1f', $_ } $jit, $static), " $which");
    }
    return;
}

# ---- first byte

sub first_byte_ms {
    my ($path) = @_;
    my $s = open_connection($server->address);
    sleep 0.05;
    my $from = time;
    print {$s} "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    sysread $s, my $answer, 4096 or die "$path: no answer\n";
    my $ms = (time - $from) * 1000;
    $answer =~ m{^HTTP/1.1 200 } or die "$path: " . substr($answer, 0, 200) . "\n";
    local $/;
    () = <$s>;
    return $ms;
}

# Copies of a title by names of their own: none was ever loaded.
sub cold {
    my $n = max(5, $o{rounds});
    my $docs = $server->docs;
    my $row_out = table("First byte of a media playlist of $long s, title not loaded, files in the page cache",
        ['title', -22], ['ms', 9], ['least-most', 11], ['warm ms', 9], ['static ms', 9], ['target', 6], ['', -6]);
    for my $case (['long-prog.mp4', 'one file, interleaved', 5], ['long-prog.ism', 'interleaved'], ['long-frag.mp4', 'one file, fragmented', 5]) {
        my ($file, $what, $target) = @$case;
        my ($base, $ext) = $file =~ /^(.*)\.(\w+)$/;
        for my $i (1 .. $n) { link "$docs/$file", "$docs/cold-$i.$ext" or die "$file: $!\n" }
        fresh();
        my ($tail) = hls_playlist(sub { $server->body($_[0]) }, "/$file", $low) =~ m{^/\Q$file\E/(?:.*/)?\Q$base\E(.*)$};
        my ($static) = static_paths("cold-$base-$ext", "/$file/$base$tail");
        fresh();
        first_byte_ms($static) for 1 .. 3;
        my (@cold, @warm, @static);
        for my $i (1 .. $n) {
            push @cold,   first_byte_ms("/cold-$i.$ext/cold-$i$tail");
            push @warm,   first_byte_ms("/cold-$i.$ext/cold-$i$tail");
            push @static, first_byte_ms($static);
        }
        $row_out->($what, sprintf('%.2f', median(@cold)), spread(@cold), (map { sprintf '%.2f', median(@$_) } \@warm, \@static),
            $target, judge(median(@cold), $target));
        unlink "$docs/cold-$_.$ext" for 1 .. $n;
    }
    return;
}

# ---- a new client while others stall

sub stalled {
    my (@rows) = @_;
    my $threads = $o{quick} ? 4 : 25;
    my $row_out = table("A new request while 20 x ThreadsPerChild ($threads) clients do not read",
        ['they ask for', -22], ['ms', 9], ['least-most', 11], ['MB of httpd', 11], ['target', 6], ['', -6]);
    for my $row (grep { $_->{kind} =~ m{^(?:hls|ts|mss)/\w+/$high$} } @rows) {
        fresh(threads => $threads);
        first_byte_ms('/static/small') for 1 .. 3;
        first_byte_ms($row->{paths}[0]);
        my @readers = start_readers($server->port, map { $row->{paths}[$_ % @{$row->{paths}}] } 1 .. 20 * $threads);
        my $mb = settled($server->pids) / (1 << 20);
        my @ms = map { first_byte_ms($_ % 2 ? '/static/small' : $row->{paths}[0]) } 1 .. 6;
        $row_out->($row->{kind}, sprintf('%.2f', median(@ms)), spread(@ms), sprintf('%.0f', $mb), 50, judge(max(@ms), 50));
    }
    return;
}

# ---- memory over time

# Of each title all its manifests and some of its segments.
sub mixed_paths {
    my ($titles) = @_;
    my $docs = $server->docs;
    my $get = sub { $server->body($_[0]) };
    my (%like, @paths);
    for my $kind (qw(frag prog)) {
        my $title = "/$low-$kind.ism";
        $like{$kind} = [(map { "$title/$_" } qw(.m3u8 .mpd Manifest)), (map { hls_playlist($get, $title, $_) } $low, 'audio')];
        for my $find (\&hls_segments, \&dash_segments, \&smooth_segments) {
            push @{$like{$kind}}, map { (middle($find->($get, $title, $_)))[0, 3] } $low, 'audio';
        }
    }
    for my $i (1 .. $titles) {
        my $kind = $i % 2 ? 'frag' : 'prog';
        link "$docs/$low-$kind.ism", "$docs/mixed-$i.ism" or die "mixed-$i.ism: $!\n";
        push @paths, map { s/\b$low-$kind\b/mixed-$i/gr } @{$like{$kind}};
    }
    srand 1;
    return shuffle(@paths);
}

sub rss {
    my $titles = $o{quick} ? 20 : 200;
    fresh();
    my @paths = mixed_paths($titles);
    fresh(threads => 25);
    my $side = side($server->address, [$server->pids], @paths);
    my ($done, @marks) = (0);
    while ($done < $o{requests}) {
        $done += slice($side, $o{quick} ? 1 : 2, $o{connections})->{requests};
        push @marks, [$done, anonymous($server->pids) / (1 << 20)];
    }
    my $row_out = table("Anonymous memory of httpd over mixed requests on $titles titles", ['requests', 9], ['MB', 9]);
    $row_out->(sprintf('%.0f', $_->[0]), sprintf('%.1f', $_->[1])) for @marks;
    my @late = grep { $_->[0] >= $done / 5 } @marks;
    if (@late > 1) {
        my $growth = $late[-1][1] / $late[0][1];
        printf "since a fifth of them: x %.3f, target 1.05: %s\n", $growth, judge($growth, 1.05);
    }
    return;
}

# ---- without httpd

sub micro {
    my $program = JitOrigin::Httpd::build() . '/t/bench/micro';
    -x $program or return note("no $program: make t/bench/micro");
    fresh();
    print "\nWithout httpd\n";
    for my $title (map { ("$_-prog.ism", "$_-frag.ism") } $low, 'long') {
        my $get = sub { $server->body($_[0]) };
        my @paths = map { s{^/\Q$title\E/}{}r } (map { (middle($_->($get, "/$title", $low)))[0] } \&hls_segments, \&smooth_segments),
            hls_playlist($get, "/$title", $low);
        system($program, $o{quick} ? 2 : 9, "$media/$title", '.m3u8', '.mpd', 'Manifest', @paths) == 0 or die "$program failed\n";
    }
    return;
}

# ----

if ($o{list}) {
    print map { "$_->[0]\n" } rows();
    exit 0;
}
$| = 1;
system('sh', "$FindBin::Bin/media.sh", $media, $length, $long, @heights) == 0 or die "bench: media.sh failed\n";
fresh();
make_path($server->docs . '/static');
JitOrigin::Httpd::write_file($server->docs . '/static/small', 'x' x 1024);
my ($model) = JitOrigin::Httpd::read_file('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
printf "%s; httpd on core %s, clients on core %s; %s\n", $model // 'unknown processor', map({ $_ // 'any' } $core, $rest), scalar localtime;
note('one core for everything: ratios are blurred') if !defined $core;
my @rows = prepare();
cpu(@rows) if $section{cpu};
memory(@rows) if $section{memory};
syscalls(@rows) if $section{syscalls};
cold() if $section{cold};
stalled(@rows) if $section{stalled};
rss() if $section{rss};
micro() if $section{micro};
$server->stop;
my $log = $server->all_logs;
print "\nhttpd said:\n$log" if $log =~ /:(?:warn|error|crit)\]/;
print "\n", $missed ? "$missed figures miss their targets\n" : "no target missed\n";
