package JitOrigin::Golden;

# The command under test, and the fixtures that it is asked for.

use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use Test::More ();

our @EXPORT_OK = qw(src command ffmpeg_version fixtures slurp spew run);

sub src   { return $ENV{JITORIGIN_SRC}   || abs_path(dirname(__FILE__) . '/../../..') }
sub build { return $ENV{JITORIGIN_BUILD} || src() . '/build' }

sub command {
    my $cli = $ENV{JITORIGIN_CLI} || build() . '/jitorigin';
    Test::More::BAIL_OUT("no command $cli: build first, or say where in JITORIGIN_CLI") if !-x $cli;
    return $cli;
}

sub ffmpeg_version {
    return (`ffmpeg -version 2>/dev/null` || '') =~ /^ffmpeg version (\S+)/ ? $1 : undef;
}

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or return;
    local $/;
    return scalar <$in>;
}

sub spew {
    my ($path, $text) = @_;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $text or die "$path: $!";
    close $out or die "$path: $!";
    return;
}

# The folder of fixtures, made once for each version of the scripts that make them, and of the titles over them.
sub fixtures {
    my $script = src() . '/t/lib/make-fixtures.sh';
    my $top    = $ENV{JITORIGIN_FIXTURES} || build() . '/t/golden/fixtures';
    my $dir    = "$top/golden-" . substr sha256_hex(map { slurp($_) } sort $script, glob(src() . '/t/lib/*.pl'), glob(src() . '/t/lib/JitOrigin/*.pm')), 0, 12;
    if (!-e "$dir/fixtures.sha256") {
        my $work = "$dir.$$";
        make_path($work);
        system('sh', $script, $work) == 0 or die "make-fixtures.sh failed\n";
        rename $work, $dir or (-e "$dir/fixtures.sha256" ? remove_tree($work) : die "$dir: $!");
    }
    copy_title($_, $dir) for glob src() . '/t/golden/titles/*.ism';
    return $dir;
}

# Other tests read the same folder at the same time: a title that is there stays, a new one appears as a whole.
sub copy_title {
    my ($title, $dir) = @_;
    my $copy = "$dir/" . basename($title);
    return if (slurp($copy) // '') eq slurp($title);
    spew("$copy.$$", slurp($title));
    rename "$copy.$$", $copy or die "$copy: $!";
    return;
}

# run(FILE, COMMAND...): exit status; standard output goes to FILE, standard error to FILE.err.
sub run {
    my ($file, @command) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $file       or exit 99;
        open STDERR, '>', "$file.err" or exit 99;
        exec { $command[0] } @command or exit 99;
    }
    waitpid $pid, 0;
    return $?;
}

1;
