package JitOrigin::Clients;

# Many clients at once in one process: HTTP/1.1 readers that stall, and HTTP/2 connections with concurrent streams. Bodies are
# kept as digest and length.

use strict;
use warnings;
use Digest::MD5 ();
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF pack_sockaddr_in inet_aton);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(start_readers read_on read_all told h2_get h2_open h2_read);

# start_readers(PORT, PATH or [PATH, RANGE]…): one connection each with a small receive buffer and a GET sent; nothing is read yet.
sub start_readers {
    my ($port, @paths) = @_;
    my @readers;
    for my $what (@paths) {
        my ($path, $range) = ref $what ? @$what : $what;
        socket(my $s, Socket::PF_INET(), Socket::SOCK_STREAM(), 0) or die "socket: $!";
        setsockopt($s, SOL_SOCKET, SO_RCVBUF, 8192) or die "SO_RCVBUF: $!";
        connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die "connect: $!";
        my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" . ($range ? "Range: $range\r\n" : '') . "\r\n";
        syswrite($s, $request) == length $request or die "write: $!";
        $s->blocking(0);
        push @readers, {path => $path, socket => $s, head => '', md5 => Digest::MD5->new, length => 0, done => 0};
    }
    return @readers;
}

sub take {
    my ($r, $bytes) = @_;
    if (!defined $r->{status}) {
        $r->{head} .= $bytes;
        my $end = index $r->{head}, "\r\n\r\n";
        return if $end < 0;
        $bytes = substr $r->{head}, $end + 4;
        $r->{head} = substr $r->{head}, 0, $end;
        ($r->{status}) = $r->{head} =~ m{^HTTP/1\.1 (\d+)};
        ($r->{promised}) = $r->{head} =~ /^Content-Length: (\d+)/mi;
    }
    $r->{length} += length $bytes;
    $r->{md5}->add($bytes);
    $r->{reason} .= $bytes if $r->{status} !~ /^2/ && $r->{length} < 1000;
    return;
}

# told(ANSWERS): what each got, for diag.
sub told {
    my (@answers) = @_;
    return map {
        sprintf "%s: %s, %d bytes of %s%s%s\n", $_->{path}, $_->{status} || 'no status', $_->{length}, $_->{promised} // '?',
            $_->{reset} ? ', reset' : '', defined $_->{reason} ? ": $_->{reason}" : ''
    } @answers;
}

sub step {
    my ($r, $most) = @_;
    my $n = sysread $r->{socket}, (my $bytes), $most;
    return if !defined $n && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
    if (!$n) { # end, or reset
        $r->{done} = 1;
        close $r->{socket};
        $r->{digest} = $r->{md5}->clone->hexdigest;
        return;
    }
    take($r, $bytes);
    return;
}

# Reads until every reader has got `bytes` of its body.
sub read_on {
    my ($bytes, @readers) = @_;
    my $end = time + 240;
    while (my @waiting = grep { !$_->{done} && $_->{length} < $bytes } @readers) {
        die 'readers got no answer' if time > $end;
        my %by = map { fileno($_->{socket}) => $_ } @waiting;
        step($by{fileno $_}, 4096) for IO::Select->new(map { $_->{socket} } @waiting)->can_read(1);
    }
    return;
}

# Reads everything: each reader has `status`, `promised` (Content-Length), `length` and `digest` afterwards.
sub read_all {
    my (@readers) = @_;
    my $end = time + 240;
    while (my @waiting = grep { !$_->{done} } @readers) {
        die 'readers got no end' if time > $end;
        my %by = map { fileno($_->{socket}) => $_ } @waiting;
        step($by{fileno $_}, 262_144) for IO::Select->new(map { $_->{socket} } @waiting)->can_read(1);
    }
    return;
}

# ---- HTTP/2 (RFC 9113), prior knowledge, as much of it as a GET needs

use constant {DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8};
use constant {END_STREAM => 1, ACK => 1, END_HEADERS => 4};

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

sub literal { # RFC 7541 6.2.2, name from the static table, no Huffman
    my ($index, $value) = @_;
    my $n = length $value;
    return pack('C', $index) . ($n < 127 ? pack('C', $n) : pack('CC', 127, $n - 127)) . $value; # up to 254 bytes
}

# h2_open(PORT, PATH…): a connection that has asked for all of them; its streams by number: 1, 3, 5, …
sub h2_open {
    my ($port, @paths) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!";
    my $c = {socket => $s, in => '', streams => {}};
    my $out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(SETTINGS, 0, 0, '');
    my $id = 1;
    for my $path (@paths) {
        $out .= frame(HEADERS, END_STREAM | END_HEADERS, $id, "\x82\x86" . literal(4, $path) . literal(1, 'localhost'));
        $c->{streams}{$id} = {path => $path, md5 => Digest::MD5->new, length => 0, status => 0};
        $id += 2;
    }
    print {$s} $out;
    $s->flush;
    $s->blocking(0);
    return $c;
}

sub h2_answer { my ($c, $bytes) = @_; $c->{socket}->blocking(1); print {$c->{socket}} $bytes; $c->{socket}->flush; $c->{socket}->blocking(0); return }

sub h2_frame {
    my ($c, $type, $flags, $id, $payload) = @_;
    my $st = $c->{streams}{$id};
    if ($type == DATA && $st) {
        $st->{length} += length $payload;
        $st->{md5}->add($payload);
        my $credit = pack 'N', length $payload;
        h2_answer($c, frame(WINDOW_UPDATE, 0, 0, $credit) . frame(WINDOW_UPDATE, 0, $id, $credit)) if length $payload;
    }
    elsif ($type == HEADERS && $st) { $st->{status} = 200 if $payload =~ /^(?:[\x20-\x3f][\x80-\xff]*[\x00-\x7f]?)*\x88/ }
    elsif ($type == SETTINGS && !($flags & ACK)) { h2_answer($c, frame(SETTINGS, ACK, 0, '')) }
    elsif ($type == PING && !($flags & ACK)) { h2_answer($c, frame(PING, ACK, 0, $payload)) }
    elsif ($type == RST_STREAM && $st) { $st->{reset} = 1; $st->{done} = 1 }
    elsif ($type == GOAWAY) { $c->{away} = 1 }
    $st->{done} = 1 if $st && ($type == DATA || $type == HEADERS) && ($flags & END_STREAM);
    return;
}

sub h2_step {
    my ($c) = @_;
    my $n = sysread $c->{socket}, $c->{in}, 262_144, length $c->{in};
    return if !defined $n && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
    if (!$n) {
        $_->{done} or $_->{reset} = $_->{done} = 1 for values %{$c->{streams}};
        return;
    }
    while (length $c->{in} >= 9) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $c->{in};
        my $len = $high << 16 | $low;
        last if length $c->{in} < 9 + $len;
        my $payload = substr $c->{in}, 9, $len;
        substr $c->{in}, 0, 9 + $len, '';
        h2_frame($c, $type, $flags, $id, $payload);
    }
    return;
}

# h2_read(CONNECTION, ENOUGH): reads until ENOUGH->() is true or all streams are done.
sub h2_read {
    my ($c, $enough) = @_;
    my $end = time + 240;
    while (!$enough->() && grep { !$_->{done} } values %{$c->{streams}}) {
        die 'HTTP/2 streams got no end' if time > $end;
        h2_step($c) if IO::Select->new($c->{socket})->can_read(1);
    }
    return;
}

# h2_get(PORT, [PATHS of connection 1], …): all at once; the streams, each with path, status, length, digest, reset.
sub h2_get {
    my ($port, @sets) = @_;
    my @open = my @all = map { h2_open($port, @$_) } @sets;
    my $end = time + 240;
    while (@open) {
        die 'HTTP/2 streams got no end' if time > $end;
        my %by = map { fileno($_->{socket}) => $_ } @open;
        h2_step($by{fileno $_}) for IO::Select->new(map { $_->{socket} } @open)->can_read(1);
        @open = grep { grep { !$_->{done} } values %{$_->{streams}} } @open;
    }
    my @streams = map { values %{$_->{streams}} } @all;
    $_->{digest} = $_->{md5}->hexdigest for @streams;
    return @streams;
}

1;
