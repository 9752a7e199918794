package Origin;

# The httpd that is measured: JitOrigin::Httpd with the shipped configuration, no access log (it would cost both sides the
# same), static files by sendfile, and one core to itself.

use strict;
use warnings;
use JitOrigin::Httpd;
use Load qw(ask open_connection);
use Process qw(pin tree);

our @ISA = qw(JitOrigin::Httpd);

# new(core => N, rest => M, threads => T): httpd on core N, we on M.
sub new {
    my ($class, %o) = @_;
    my $self = JitOrigin::Httpd::new($class, log_level => 'warn', threads => 64, %o);
    link_all($o{media}, $self->docs);
    mkdir $self->docs . '/ts' or die "ts: $!\n";
    link_all($o{media}, $self->docs . '/ts');
    return $self;
}

# Into what httpd's user can read: by a link, else by a copy.
sub link_all {
    my ($from, $to) = @_;
    for my $file (glob "$from/*.{mp4,ism}") {
        my ($name) = $file =~ m{([^/]+)$};
        link $file, "$to/$name" or system('cp', '--reflink=auto', $file, "$to/$name") == 0 or die "$file: not to be copied\n";
    }
    return;
}

sub config_text {
    my ($self) = @_;
    my ($run, $dir) = ($self->run_dir, JitOrigin::Httpd::module_dir());
    my $modules = join '', map { qq(LoadModule ${_}_module "$dir/mod_$_.so"\n) } qw(mpm_event authz_core mime);
    my $user = $> == 0 ? "User www-data\nGroup www-data\n" : '';
    my $threads = $self->{threads};
    return <<CONF;
ServerRoot "$run"
ServerName localhost
Listen 127.0.0.1:$self->{port}
PidFile "$run/httpd.pid"
ErrorLog "$run/logs/error.log"
LogLevel $self->{log_level}
DefaultRuntimeDir "$run"
Mutex pthread
${modules}LoadModule jitorigin_module "@{[JitOrigin::Httpd::module()]}"
${user}TypesConfig "$run/mime.types"
StartServers 1
ServerLimit 1
ThreadsPerChild $threads
MaxRequestWorkers $threads
MinSpareThreads 1
MaxSpareThreads $threads
MaxKeepAliveRequests 0
KeepAliveTimeout 65
Timeout 600
EnableSendfile On
JitOriginMaxDownloads 0
Include "@{[JitOrigin::Httpd::src()]}/conf/jitorigin.conf"
DocumentRoot "$run/docs"
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
<Directory "$run">
    Require all granted
</Directory>
<Location />
    JitOrigin On
    JitOriginDirect On
    JitOriginProgressive On
</Location>
<Location /ts>
    JitOriginHlsContainer ts
    JitOriginQueryOptions hls_client_manifest_version
</Location>
<Location /static>
    JitOrigin Off
</Location>
CONF
}

sub start {
    my ($self) = @_;
    pin($self->{core});
    $self->SUPER::start;
    pin($self->{rest});
    return $self;
}

sub address { my ($self) = @_; return '127.0.0.1:' . $self->port }
sub pids    { my ($self) = @_; return tree($self->pid) }

sub body {
    my ($self, $path) = @_;
    my $s = open_connection($self->address);
    my ($status, undef, undef, $body) = ask($s, $path, 1);
    $status == 200 or die "$path: status $status: $body\n";
    return $body;
}

1;
