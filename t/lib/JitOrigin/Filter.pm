package JitOrigin::Filter;

# ?filter= a second time, written from the specification and not from src/plan/filter.c: grammar and results as in
# src/plan/filter.h, names and their values as in docs/filter.md.
#
#   my $keeps = parse($text)   a function of a track's facts, or undef and the reason in $JitOrigin::Filter::error
#   $keeps->({ type => 'audio', systembitrate => 64000, role => ['main'] })

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(parse %KIND);
our $error;

# What stands behind a name: number, text without regard to case, the exact text, a language, a role, a codec.
our %KIND = (
    (map { $_ => 'number' } qw(systembitrate trackid timescale samplingrate channels bitspersample audiotag maxwidth maxheight
        displaywidth displayheight avc_profile avc_level framerate height width)),
    (map { $_ => 'text' } qw(type fourcc videorange)),
    trackname => 'exact', systemlanguage => 'language', role => 'role', codec => 'codec',
);

my %CONSTANT = (avc_profile_baseline => 66, avc_profile_main => 77, avc_profile_high => 100);
my %ALIAS    = (text => 'textstream', h264 => 'avc1', aacp => 'aach', dfxp => 'ttml');

# The languages of the tests: ISO 639-2 to 639-1.
my %LANGUAGE = (eng => 'en', deu => 'de', ger => 'de', fra => 'fr', fre => 'fr', nld => 'nl', dut => 'nl', spa => 'es', zho => 'zh', chi => 'zh');

my %TEST = (
    '==' => sub { $_[0] == 0 }, '!=' => sub { $_[0] != 0 }, '<' => sub { $_[0] < 0 },
    '<=' => sub { $_[0] <= 0 }, '>' => sub { $_[0] > 0 },   '>=' => sub { $_[0] >= 0 },
);

# -- reading; $_[0] is the text, its pos() where we are

sub skip { $_[0] =~ /\G[ \t\r\n+]+/gc; return }
sub fail { die 'column ' . ((pos($_[0]) // 0) + 1) . ": $_[1] expected\n" }

# A sign that stands here, and is then read.
sub sign {
    skip($_[0]);
    return $_[0] =~ /\G($_[1])/gc ? $1 : undef;
}

# -- the grammar, one function a rule; each returns a function of facts

sub any_of {
    my @of = all_of($_[0], $_[1]);
    push @of, all_of($_[0], $_[1]) while sign($_[0], qr/\|\|?/);
    return $of[0] if @of == 1;
    return sub { for my $f (@of) { return 1 if $f->($_[0]) } return 0 };
}

sub all_of {
    my @of = unary($_[0], $_[1]);
    push @of, unary($_[0], $_[1]) while sign($_[0], qr/&&/);
    return $of[0] if @of == 1;
    return sub { for my $f (@of) { return 0 if !$f->($_[0]) } return 1 };
}

sub unary {
    my $depth = $_[1];
    if (sign($_[0], qr/!/)) {
        die "too deep\n" if $depth >= 32;
        my $f = unary($_[0], $depth + 1);
        return sub { !$f->($_[0]) };
    }
    if (sign($_[0], qr/\(/)) {
        die "too deep\n" if $depth >= 32;
        my $f = any_of($_[0], $depth + 1);
        sign($_[0], qr/\)/) or fail($_[0], ')');
        return $f;
    }
    my $name = lc(sign($_[0], qr/\w+/) // fail($_[0], 'a name'));
    return sub { 1 } if $name eq 'true';
    return sub { 0 } if $name eq 'false';
    return comparison($_[0], $name, $KIND{$name} // fail($_[0], 'a known name'));
}

sub comparison {
    my (undef, $name, $kind) = @_;
    my $op = sign($_[0], qr/[=!<>]=|[<>]/) // fail($_[0], 'an operator');
    fail($_[0], '== or !=') if $kind ne 'number' && $op !~ /^[=!]=$/;
    skip($_[0]);
    $_[0] =~ /\G(?:"([^"]*)"|'([^']*)'|([\w.-]+))/gc or fail($_[0], 'a value');
    my $value = $1 // $2 // $3;
    return value_test($name, $kind, $op, $value) if $kind ne 'number';
    $value = $CONSTANT{ lc $value } // $value if $name eq 'avc_profile';
    fail($_[0], 'a number') if $value !~ /^[0-9]{1,18}(?:\.[0-9]{1,6})?$/;
    return $name eq 'framerate' ? rate_test($op, $value) : number_test($name, $op, $value);
}

# -- comparisons; what a track hasn't got is undef, what has several values a list

sub number_test {
    my ($name, $op, $value) = @_;
    return sub { return defined $_[0]{$name} && $TEST{$op}->($_[0]{$name} <=> $value) };
}

sub rate_test {
    my ($op, $value) = @_;
    return sub {
        my $rate = $_[0]{framerate} // return 0;
        return $TEST{$op}->(abs($rate - $value) < 0.00051 ? 0 : $rate <=> $value);
    };
}

# No language at all is und.
sub language { my ($s) = @_; my ($first, @rest) = split /-/, lc $s; return join '-', $LANGUAGE{ $first // '' } // $first // 'und', @rest }

my %EQUAL = (
    text     => sub { return ($ALIAS{ lc $_[0] } // lc $_[0]) eq ($ALIAS{ lc $_[1] } // lc $_[1]) },
    exact    => sub { return $_[0] eq $_[1] },
    language => sub { return language($_[0]) eq language($_[1]) },
    role     => sub { return lc $_[0] eq lc $_[1] },
    codec    => sub { return lc $_[0] eq lc $_[1] || (length $_[1] && index(lc $_[0], lc("$_[1].")) == 0) },
);

sub value_test {
    my ($name, $kind, $op, $value) = @_;
    return sub {
        my $has = $_[0]{$name} // ($kind eq 'role' ? [] : return 0);
        my $equal = grep { $EQUAL{$kind}->($_, $value) } ref $has ? @$has : $has;
        return $op eq '==' ? $equal > 0 : $equal == 0;
    };
}

sub parse {
    my ($text) = @_;
    my $result = eval {
        die "longer than 4096 characters\n" if length $text > 4096;
        die "more than 256 comparisons\n" if (() = $text =~ s/"[^"]*"|'[^']*'//gr =~ /[=!<>]=|[<>]/g) > 256;
        pos($text) = 0;
        my $f = any_of($text, 0);
        skip($text);
        fail($text, 'the end') if (pos($text) // 0) < length $text;
        $f;
    };
    $error = $@;
    return $result;
}

1;
