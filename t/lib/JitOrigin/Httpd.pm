package JitOrigin::Httpd;

# A private httpd with the built module, on a free port of 127.0.0.1, for one test file. It dies if the server does not
# come up; finish() fails the test for every line at level warn or above that the test did not announce by expect(),
# and for sanitizer reports.

use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

my $src = $ENV{JITORIGIN_SRC} || do {
    require Cwd;
    require File::Basename;
    Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../../..');
};
my $build = $ENV{JITORIGIN_BUILD} || "$src/build";

# A test that is interrupted takes its servers along.
my %running;
$SIG{$_} ||= sub { exit 1 } for qw(HUP INT TERM);
END { local $?; kill 'TERM', grep { $running{$_} == $$ } keys %running }

sub src    { return $src }
sub build  { return $build }
sub module { return $ENV{JITORIGIN_MODULE} || "$build/.libs/mod_jitorigin.so" }
sub cli    { return $ENV{JITORIGIN_CLI} || "$build/jitorigin" }

sub binary {
    return $ENV{JITORIGIN_HTTPD} if $ENV{JITORIGIN_HTTPD};
    for my $path (qw(/usr/sbin/apache2 /usr/sbin/httpd /usr/local/apache2/bin/httpd)) {
        return $path if -x $path;
    }
    die "no httpd found; set JITORIGIN_HTTPD\n";
}

sub module_dir {
    return $ENV{JITORIGIN_HTTPD_MODULES} if $ENV{JITORIGIN_HTTPD_MODULES};
    for my $path (qw(/usr/lib/apache2/modules /usr/lib64/httpd/modules /usr/local/apache2/modules)) {
        return $path if -d $path;
    }
    die "no folder of httpd's modules found; set JITORIGIN_HTTPD_MODULES\n";
}

# new(conf => TEXT, modules => [names], threads => N, mpm => NAME, log_level => TEXT, global => TEXT): makes the folder; conf
# goes into the configuration after `DocumentRoot`, with @DOCS@ and @RUN@ replaced. Files are put into docs() before start().
sub new {
    my ($class, %o) = @_;
    my $run = File::Temp->newdir('jitorigin-httpd-XXXXXX', TMPDIR => 1);
    chmod 0755, "$run";
    my $self = bless {
        conf => '', modules => [], threads => 25, log_level => 'info jitorigin:debug',
        mpm => $ENV{JITORIGIN_MPM} || 'event', expected => [], run => $run, owner => $$, %o,
    }, $class;
    make_path("$run/docs", "$run/logs");
    write_file("$run/mime.types", "text/plain txt\nvideo/mp4 mp4\ntext/html html\n");
    return $self;
}

sub run_dir { return "$_[0]{run}" }
sub docs    { return "$_[0]{run}/docs" }
sub port    { return $_[0]{port} }
sub pid     { return $_[0]{pid} }
sub base    { return "http://127.0.0.1:$_[0]{port}" }

# Lines of the error log that are meant.
sub expect { my ($self, @patterns) = @_; push @{$self->{expected}}, @patterns; return }

sub write_file {
    my ($path, $content) = @_;
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $content;
    close $f or die "$path: $!";
    return;
}

sub read_file {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!";
    local $/ = undef;
    my $content = <$f>;
    return defined $content ? $content : '';
}

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp', Listen => 1)
        or die "no free port: $!";
    return $s->sockport;
}

sub config_text {
    my ($self) = @_;
    my $run = $self->run_dir;
    my $dir = module_dir();
    $self->{log_level} =~ s/ jitorigin:\w+// if $self->{without_module};
    my $text = "ServerRoot \"$run\"\nServerName localhost\nListen 127.0.0.1:$self->{port}\n"
        . "PidFile \"$run/httpd.pid\"\nErrorLog \"$run/logs/error.log\"\nLogLevel $self->{log_level}\n"
        . "DefaultRuntimeDir \"$run\"\n";
    my %seen;
    for my $m ("mpm_$self->{mpm}", qw(authz_core mime dir alias), @{$self->{modules}}) {
        next if $seen{$m}++;
        -e "$dir/mod_$m.so" or die "$dir/mod_$m.so: missing\n";
        $text .= "LoadModule ${m}_module \"$dir/mod_$m.so\"\n";
    }
    $text .= 'LoadModule jitorigin_module "' . module() . "\"\n" unless $self->{without_module};
    $text .= "User www-data\nGroup www-data\n" if $> == 0;
    $text .= "TypesConfig \"$run/mime.types\"\nLogFormat \"%>s %r %B\" short\nCustomLog \"$run/logs/access.log\" short\n"
        . ($self->{mpm} eq 'prefork'
            ? "StartServers $self->{threads}\nServerLimit $self->{threads}\nMaxRequestWorkers $self->{threads}\n"
            : "StartServers 1\nServerLimit 1\nThreadsPerChild $self->{threads}\nMaxRequestWorkers $self->{threads}\n"
            . "MinSpareThreads 1\nMaxSpareThreads $self->{threads}\n")
        . "FlushMaxThreshold 16777216\n"
        . "$self->{global}\nDocumentRoot \"$run/docs\"\n<Directory \"$run\">\n    Require all granted\n</Directory>\n"
        . "$self->{conf}\n";
    $text =~ s/\@DOCS\@/$run\/docs/g;
    $text =~ s/\@RUN\@/$run/g;
    return $text;
}

# httpd -t over the configuration: (exit code, output).
sub check_config {
    my ($self) = @_;
    $self->{port} ||= free_port();
    $self->{global} = '' unless defined $self->{global};
    my $file = $self->run_dir . '/httpd.conf';
    write_file($file, $self->config_text);
    my $preload = $ENV{JITORIGIN_PRELOAD} || '';
    my $out = qx(env LD_PRELOAD='$preload' ASAN_OPTIONS=detect_leaks=0 @{[binary()]} -t -f '$file' 2>&1);
    return ($? >> 8, $out);
}

sub spawn {
    my ($self) = @_;
    my $run = $self->run_dir;
    write_file("$run/httpd.conf", $self->config_text);
    defined(my $pid = fork) or die "fork: $!";
    if ($pid) {
        $running{$pid} = $$;
        return $pid;
    }
    %running = ();
    umask 0 if $ENV{JITORIGIN_COVERAGE}; # httpd's user writes what root made
    $ENV{LD_PRELOAD} = $ENV{JITORIGIN_PRELOAD} if $ENV{JITORIGIN_PRELOAD};
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0:abort_on_error=0:handle_abort=1';
    open STDOUT, '>>', "$run/logs/stdout.log" or POSIX::_exit(1);
    open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
    setpgrp;
    exec binary(), '-f', "$run/httpd.conf", '-DFOREGROUND' or POSIX::_exit(1);
}

sub start {
    my ($self) = @_;
    $self->{global} = '' unless defined $self->{global};
    for my $try (1 .. 3) { # somebody else may take the port in between
        $self->{port} = free_port();
        $self->{pid} = $self->spawn;
        my $end = time + 60;
        while (time < $end) {
            if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
                delete $running{delete $self->{pid}};
                last;
            }
            return $self if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
            sleep 0.02;
        }
        last if $self->{pid} || $self->all_logs !~ /Address already in use/;
    }
    my $log = $self->all_logs;
    $self->stop;
    die "httpd did not come up:\n$log";
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    # Gracefully first: on SIGTERM a child of the event MPM may crash in its own queue of idle threads.
    for my $signal ('WINCH', 'TERM', 'KILL') {
        kill $signal, $signal eq 'KILL' ? -$pid : $pid;
        my $end = time + ($signal eq 'WINCH' ? 30 : 10);
        while (time < $end) {
            if (waitpid($pid, POSIX::WNOHANG()) != 0) {
                delete $running{$pid};
                return;
            }
            sleep 0.02;
        }
    }
    return;
}

sub error_log { my ($self) = @_; return read_file($self->run_dir . '/logs/error.log') }

# Lines of an access log that match. httpd writes them after its answers: as many as are expected are waited for.
sub logged {
    my ($self, $name, $pattern, $expected) = @_;
    my @lines;
    waited(sub { (@lines = grep { $_ =~ $pattern } split /\n/, read_file($self->run_dir . "/logs/$name.log")) >= $expected }, 20);
    return @lines;
}

sub all_logs {
    my ($self) = @_;
    return join '', map { -e $_ ? read_file($_) : '' } map { $self->run_dir . "/logs/$_.log" } qw(error stdout);
}

# waited(CHECK): whether CHECK->() comes true, or within SECONDS.
sub waited {
    my ($check, $seconds) = @_;
    for (my $end = time + ($seconds || 60); ; sleep 0.05) {
        return 1 if $check->();
        return 0 if time > $end;
    }
}

# httpd on how many workers it has left, which depends on the machine's pace.
my $crowded = qr/ AH(?:00161|00286|00287|00288|00484|03490|10159): /;

# Stops the server and judges its log.
sub finish {
    my ($self) = @_;
    my $alive = kill 0, $self->{pid};
    $self->stop;
    Test::More::ok($alive, 'httpd lived to the end');
    my $log = $self->all_logs;
    my @bad = grep { /:(?:warn|error|crit|alert|emerg)\]/ || /AddressSanitizer|runtime error:|exit signal/ } split /\n/, $log;
    for my $pattern ($crowded, @{$self->{expected}}) {
        @bad = grep { !/$pattern/ } @bad;
    }
    Test::More::ok(!@bad, 'nothing unexpected in the error log') or Test::More::diag(join "\n", @bad[0 .. ($#bad < 20 ? $#bad : 20)]);
    my ($report) = $log =~ /^(.*(?:Sanitizer|runtime error:).*(?:\n.*){0,60})/m;
    Test::More::diag($report) if defined $report;
    return;
}

sub DESTROY { my ($self) = @_; $self->stop if $self->{owner} == $$; return }

# ---- requests

# request(METHOD, PATH, \%headers): HTTP::Tiny's response; follows nothing, adds nothing, decodes nothing.
sub request {
    my ($self, $method, $path, $headers) = @_;
    my $ua = HTTP::Tiny->new(timeout => 60, max_redirect => 0, agent => 'test');
    return $ua->request($method, $self->base . $path, {headers => $headers || {}});
}

sub get  { my ($self, $path, $headers) = @_; return $self->request('GET', $path, $headers) }
sub head { my ($self, $path, $headers) = @_; return $self->request('HEAD', $path, $headers) }

sub connect_raw {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->port, Timeout => 20) || die "connect: $!";
}

# Everything that comes back for the bytes sent.
sub raw {
    my ($self, $bytes) = @_;
    my $s = $self->connect_raw;
    print $s $bytes;
    local $/ = undef;
    my $answer = <$s>;
    return defined $answer ? $answer : '';
}

# A GET whose path no client library touches: (status, head, body).
sub raw_get {
    my ($self, $path, @headers) = @_;
    my $answer = $self->raw(join "\r\n", "GET $path HTTP/1.1", 'Host: localhost', 'Connection: close', @headers, '', '');
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head || '') =~ m{^HTTP/1\.1 (\d+)};
    return ($status || 0, $head, $body);
}

# The response by the command, without any server; with: as if directives were set (`jitorigin get --help`).
sub cli_get {
    my ($self, $file, $with) = @_;
    my $out = $self->run_dir . '/cli.out';
    my $options = $with ? "--with $with " : '';
    system(cli() . " get $options'$file' >'$out' 2>'$out.err'") == 0 or die "jitorigin get $file: " . read_file("$out.err");
    return read_file($out);
}

1;
