package JitOrigin::Varnish;

# A private Varnish with the shipped docker/default.vcl in front of a private httpd (JitOrigin::Httpd), on a free port of
# 127.0.0.1.

use strict;
use warnings;
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use JitOrigin::Httpd;
use POSIX ();
use Time::HiRes qw(sleep time);

my %running;
END { local $?; kill 'TERM', grep { $running{$_} == $$ } keys %running }

sub binary {
    my ($path) = grep { defined && -x } $ENV{VARNISHD}, qw(/usr/sbin/varnishd /usr/local/sbin/varnishd);
    return $path;
}

# new(ORIGIN, param => value…): the VCL with its backend replaced by the JitOrigin::Httpd given.
sub new {
    my ($class, $origin, %params) = @_;
    my $run = File::Temp->newdir('jitorigin-varnish-XXXXXX', TMPDIR => 1);
    chmod 0755, "$run";
    my $vcl  = JitOrigin::Httpd::read_file(JitOrigin::Httpd::src() . '/docker/default.vcl');
    my $port = $origin->port;
    my $done = $vcl =~ s/\.host = "origin";\n(\s*)\.port = "8080";/.host = "127.0.0.1";\n$1.port = "$port";/;
    die "docker/default.vcl: where is its backend?\n" if !$done;
    JitOrigin::Httpd::write_file("$run/shield.vcl", $vcl);
    chmod 0644, "$run/shield.vcl";
    return bless { run => $run, params => \%params, owner => $$ }, $class;
}

sub base { return "http://127.0.0.1:$_[0]{port}" }
sub pid  { return $_[0]{pid} }
sub log_text { return JitOrigin::Httpd::read_file("$_[0]{run}/log") }

sub spawn {
    my ($self) = @_;
    my @params = map { ('-p', "$_=$self->{params}{$_}") } sort keys %{$self->{params}};
    defined(my $pid = fork) or die "fork: $!";
    if ($pid) {
        $running{$pid} = $$;
        return $pid;
    }
    %running = ();
    open STDIN, '<', '/dev/null' or POSIX::_exit(1);
    open STDOUT, '>', "$self->{run}/log" or POSIX::_exit(1);
    open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
    exec binary(), '-F', '-n', "$self->{run}/work", '-a', "127.0.0.1:$self->{port}", '-T', 'none', '-f', "$self->{run}/shield.vcl",
        '-s', 'malloc,64m', '-l', '4m', @params or POSIX::_exit(1);
}

sub start {
    my ($self) = @_;
    for my $try (1 .. 3) { # somebody else may take the port in between
        $self->{port} = JitOrigin::Httpd::free_port();
        $self->{pid} = $self->spawn;
        my $end = time + 60;
        while (time < $end) {
            if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
                delete $running{delete $self->{pid}};
                last;
            }
            return $self if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
            sleep 0.05;
        }
        last if $self->{pid} || $self->log_text !~ /Address already in use/;
    }
    my $log = $self->log_text;
    $self->stop;
    die "varnishd did not come up:\n$log";
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    for my $signal ('TERM', 'KILL') {
        kill $signal, $pid;
        my $end = time + 10;
        while (time < $end) {
            if (waitpid($pid, POSIX::WNOHANG()) != 0) {
                delete $running{$pid};
                return;
            }
            sleep 0.05;
        }
    }
    return;
}

sub DESTROY { my ($self) = @_; $self->stop if $self->{owner} == $$; return }

# HTTP::Tiny's response; follows nothing, adds nothing, decodes nothing.
sub get {
    my ($self, $path, $headers, $method) = @_;
    my $ua = HTTP::Tiny->new(timeout => 60, max_redirect => 0, agent => 'test');
    return $ua->request($method || 'GET', $self->base . $path, { headers => $headers || {} });
}

1;
