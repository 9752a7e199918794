package JitOrigin::Mp4;

# Small MP4 files, written by hand, most of them fragmented: one track, any sample entries, any samples. For codecs that no encoder
# here makes, and for text. 14496-12.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(box full boxes video_entry audio_entry plain_entry esds stpp_entry wvtt_entry wvtt_sample mp4 progressive);

sub box  { my ($type, @parts) = @_; my $body = join '', @parts; return pack 'N a4 a*', 8 + length $body, $type, $body }
sub full { my ($type, $version, $flags, @parts) = @_; return box($type, pack('N', $version << 24 | $flags), @parts) }

# Boxes as text: "hvcC:0102… pasp:…"
sub boxes {
    my ($text) = @_;
    return join '', map { /^(.{4}):([0-9a-fA-F]*)$/ ? box($1, pack 'H*', $2) : die "no box: $_\n" } split ' ', $text;
}

# -- sample entries; children as bytes

sub plain_entry { my ($type, @children) = @_; return box($type, pack('x6 n', 1), @children) }

sub video_entry {
    my ($type, $width, $height, @children) = @_;
    return plain_entry($type, pack('x16 n n N N x4 n x32 n n', $width, $height, 0x480000, 0x480000, 1, 24, 0xffff),
        @children);
}

sub audio_entry {
    my ($type, $channels, $rate, @children) = @_;
    return plain_entry($type, pack('x8 n n x4 N', $channels, 16, $rate << 16), @children);
}

# ES_Descriptor with that object type and DecoderSpecificInfo: 14496-1 7.2.6
sub esds {
    my ($object_type, $config) = @_;
    my $info   = length $config ? pack('C C a*', 5, length $config, $config) : '';
    my $decode = pack('C C x3 x8 a*', $object_type, 0x15, $info);
    my $es     = pack('n x C C a* C C C', 1, 4, length $decode, $decode, 6, 1, 2);
    return full('esds', 0, 0, pack('C C a*', 3, length $es, $es));
}

sub stpp_entry {
    my ($namespace, $schema, $mime_types, @children) = @_;
    return plain_entry('stpp', pack('Z* Z* Z*', $namespace, $schema, $mime_types), @children);
}

sub wvtt_entry { my ($config, @children) = @_; return plain_entry('wvtt', box('vttC', $config), @children) }

# A sample of cues, each a hash of payl, and as wanted sttg, iden, ctim, vsid: 14496-30 7.4. No cue: nothing on screen.
sub wvtt_sample {
    my (@cues) = @_;
    return box('vtte') if !@cues;
    return join '', map {
        my $cue = $_;
        box('vttc', map { box($_, $_ eq 'vsid' ? pack('N', $cue->{$_}) : $cue->{$_}) }
                grep { defined $cue->{$_} } qw(vsid iden ctim sttg payl))
    } @cues;
}

# -- the file

my $MATRIX = pack 'N9', 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000;
my %HEADER = (
    vide => full('vmhd', 0, 1, "\0" x 8),
    soun => full('smhd', 0, 0, "\0" x 4),
    subt => full('sthd', 0, 0),
    text => full('nmhd', 0, 0),
);

sub language {
    my ($code) = @_;
    my ($x, $y, $z) = map { ord($_) - 0x60 } split //, $code;
    return $x << 10 | $y << 5 | $z;
}

sub moov {
    my (%t) = @_;
    my $is_video = $t{handler} eq 'vide';
    my $tables   = $t{tables} || join '', full('stts', 0, 0, pack 'N', 0), full('stsc', 0, 0, pack 'N', 0),
        full('stsz', 0, 0, pack 'N N', 0, 0), full('stco', 0, 0, pack 'N', 0);
    my $stbl = box('stbl', full('stsd', 0, 0, pack('N', scalar @{ $t{entries} }), @{ $t{entries} }), $tables);
    my $dinf = box('dinf', full('dref', 0, 0, pack('N', 1), full('url ', 0, 1)));
    my $mdia = box('mdia', full('mdhd', 0, 0, pack 'N N N N n n', 0, 0, $t{timescale}, 0, language($t{language}), 0),
        full('hdlr', 0, 0, pack 'x4 a4 x12 x', $t{handler}), box('minf', $HEADER{ $t{handler} }, $dinf, $stbl));
    my $tkhd = full('tkhd', 0, 3, pack('N N N x4 N x8 n n n x2', 0, 0, 1, 0, 0, 0, $t{handler} eq 'soun' ? 0x100 : 0),
        $MATRIX, pack 'N N', map { $is_video ? $_ << 16 : 0 } 320, 180);
    my $mvhd = full('mvhd', 0, 0, pack('N N N N N n x10', 0, 0, $t{timescale}, 0, 0x10000, 0x100), $MATRIX,
        "\0" x 24, pack 'N', 2);
    my $mvex = $t{tables} ? '' : box('mvex', full('trex', 0, 0, pack 'N5', 1, 1, 0, 0, 0));
    return box('moov', $mvhd, box('trak', $tkhd, $mdia), $mvex);
}

# A fragment: { entry => 1, start => ticks (default: where the one before ended),
#               samples => [[duration, bytes, non-sync], …] }
sub fragment {
    my ($n, $f) = @_;
    my $table = join '', map { pack 'N N N', $_->[0], length $_->[1], $_->[2] ? 0x1010000 : 0x2000000 }
        @{ $f->{samples} };
    my $moof = sub {
        my ($data_offset) = @_;
        return box('moof', full('mfhd', 0, 0, pack 'N', $n),
            box('traf', full('tfhd', 0, 0x20002, pack 'N N', 1, $f->{entry} || 1),
                full('tfdt', 1, 0, pack 'Q>', $f->{start}),
                full('trun', 0, 0x701, pack('N N', scalar @{ $f->{samples} }, $data_offset), $table)));
    };
    return $moof->(8 + length $moof->(0)), box('mdat', map { $_->[1] } @{ $f->{samples} });
}

# mp4(handler => 'vide' | 'soun' | 'text' | 'subt', timescale => 1000, language => 'und',
#     entries => [sample entries], fragments => [fragments])
sub mp4 {
    my (%t) = (timescale => 1000, language => 'und', @_);
    my ($n, $end) = (0, 0);
    my @parts = (box('ftyp', pack 'a4 N a4 a4', 'iso6', 0, 'iso6', 'cmfc'), moov(%t));
    for my $f (@{ $t{fragments} }) {
        my %f = (start => $end, %{$f});
        push @parts, fragment(++$n, \%f);
        $end = $f{start};
        $end += $_->[0] for @{ $f{samples} };
    }
    return join '', @parts;
}

# The same with all samples in the moov: a chunk for each of the fragments, moov last. Their starts are not kept.
sub progressive {
    my (%t) = (timescale => 1000, language => 'und', @_);
    my $ftyp = box('ftyp', pack 'a4 N a4', 'isom', 0, 'isom');
    my ($n, $at, $number, $stsc, $stco) = (0, 8 + length $ftyp, 0, '', '');
    my (@samples, @syncs);
    for my $f (@{ $t{fragments} }) {
        $stsc .= pack 'N3', ++$n, scalar @{ $f->{samples} }, $f->{entry} || 1;
        $stco .= pack 'N', $at;
        for my $s (@{ $f->{samples} }) {
            $number++;
            push @syncs, $number if !$s->[2];
            $at += length $s->[1];
        }
        push @samples, @{ $f->{samples} };
    }
    $t{tables} = join '', full('stts', 0, 0, pack('N', $number), map { pack 'N N', 1, $_->[0] } @samples),
        full('stss', 0, 0, pack 'N N*', scalar @syncs, @syncs), full('stsc', 0, 0, pack('N', $n), $stsc),
        full('stsz', 0, 0, pack('N N', 0, $number), map { pack 'N', length $_->[1] } @samples),
        full('stco', 0, 0, pack('N', $n), $stco);
    return join '', $ftyp, box('mdat', map { $_->[1] } @samples), moov(%t);
}

1;
