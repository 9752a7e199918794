package Process;

# What the kernel knows of processes: CPU time, memory, and on which core they may run.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(cores pin tree cpu_ns anonymous settled);

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or return '';
    local $/;
    return scalar(<$in>) // '';
}

# Cores that we may use.
sub cores {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    return map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list // '0';
}

# Ourselves, and who is started from now on.
sub pin {
    my ($core) = @_;
    return if !defined $core;
    my $said = `taskset -cp $core $$ 2>&1`;
    die "taskset: $said" if $?;
    return;
}

# A process and all that it started.
sub tree {
    my (@pids) = @_;
    return map { ($_, tree(map { split ' ' } map { slurp($_) } glob "/proc/$_/task/*/children")) } @pids;
}

# CPU time of all threads so far: to the nanosecond where the kernel keeps it, else user and system time in ticks. Threads that
# have ended count in the latter only; those of httpd live as long as it.
sub cpu_ns {
    my (@pids) = @_;
    my $sum = 0;
    for my $pid (@pids) {
        my @threads = map { /^(\d+) / ? $1 : 0 } map { slurp($_) } glob "/proc/$pid/task/*/schedstat";
        my $ns = 0;
        $ns += $_ for @threads;
        if (!$ns) {
            my @stat = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
            $ns = (($stat[11] // 0) + ($stat[12] // 0)) * 1e7;
        }
        $sum += $ns;
    }
    return $sum;
}

# Bytes of memory that are theirs alone: no page cache, no code.
sub anonymous {
    my (@pids) = @_;
    my $sum = 0;
    for my $pid (@pids) {
        $sum += $1 * 1024 if slurp("/proc/$pid/status") =~ /^RssAnon:\s*(\d+) kB/m;
    }
    return $sum;
}

# The same once it no longer changes.
sub settled {
    my (@pids) = @_;
    my ($was, $same) = (-1, 0);
    for (1 .. 100) {
        my $is = anonymous(@pids);
        $same = abs($is - $was) < 65536 ? $same + 1 : 0;
        return $is if $same >= 4;
        $was = $is;
        select undef, undef, undef, 0.1;
    }
    return $was;
}

1;
