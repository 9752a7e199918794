package Load;

# Sides and slices. A side is a list of paths of one server, asked for in turn by wrk; a slice is some seconds of that, with the
# CPU time that the server's processes took for it.

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use IO::Socket::INET;
use Process qw(cpu_ns);

our @EXPORT_OK = qw(side slice median ask open_connection);

my $dir = __FILE__ =~ m{^(.*)/} ? $1 : '.';

sub median {
    my @v = sort { $a <=> $b } @_;
    return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub open_connection {
    my ($address) = @_;
    return IO::Socket::INET->new(PeerAddr => $address, Timeout => 20) || die "$address: $!\n";
}

# One request on an open connection: (status, bytes of head, bytes of body, the body if it is wanted).
sub ask {
    my ($s, $path, $want) = @_;
    print {$s} "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my ($head, $body) = ('', '');
    while ($head !~ /\r\n\r\n/) {
        sysread $s, $head, 65536, length $head or die "$path: the connection ended\n";
    }
    ($head, my $first) = $head =~ /^(.*?\r\n\r\n)(.*)$/s;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($length) = $head =~ /^Content-Length: (\d+)/mi or die "$path: no length\n";
    my $have = length $first;
    $body = $first if $want;
    while ($have < $length) {
        my $n = sysread($s, my $piece, 1 << 20) or die "$path: the connection ended\n";
        $have += $n;
        $body .= $piece if $want;
    }
    return ($status, length $head, $length, $body);
}

# side(ADDRESS => 'host:port', PIDS => [...], PATHS): asks for each path once, so that all is warm and of known size.
sub side {
    my ($address, $pids, @paths) = @_;
    my $s = open_connection($address);
    my ($bytes, $body) = (0, 0);
    for my $path (@paths) {
        my ($status, $head, $length) = ask($s, $path);
        $status == 200 or die "$address$path: status $status\n";
        $bytes += $head + $length;
        $body += $length;
    }
    my $list = File::Temp->new;
    print {$list} map { "$_\n" } @paths;
    close $list;
    return {address => $address, pids => $pids, list => $list, paths => \@paths,
        size => $bytes / @paths, body => $body / @paths};
}

# CPU microseconds per request. Large answers are counted by their bytes: many are under way when time is up.
sub slice {
    my ($side, $seconds, $connections) = @_;
    my $before = cpu_ns(@{$side->{pids}});
    my $said = `wrk -t1 -c$connections -d${seconds}s --timeout 30s -s '$dir/load.lua' 'http://$side->{address}' -- '$side->{list}' 2>&1`;
    select undef, undef, undef, 0.05;
    my $cpu = cpu_ns(@{$side->{pids}}) - $before;
    my ($requests, $bytes, $took, $refused, $broken) = $said =~ /^seen: (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or die "wrk: $said\n";
    die "$side->{address}$side->{paths}[0]: $refused answers were errors, $broken broke\n" if $refused || $broken * 100 > $requests;
    $requests = $bytes / $side->{size} if $side->{size} > 256 << 10;
    $requests > 0 or die "$side->{address}$side->{paths}[0]: no answer in $seconds s\n";
    return {cpu => $cpu / $requests / 1000, requests => $requests, bytes => $bytes, seconds => $took / 1e6};
}

1;
