package Tiny;

# Titles of any length that are small: samples of a few bytes. The pattern of sizes repeats every 4 s, so that a segment is
# the same wherever it lies.

use strict;
use warnings;
use Exporter 'import';
use JitOrigin::Mp4 qw(audio_entry box esds full video_entry);

our @EXPORT_OK = qw(interleaved fragmented);

use constant {FPS => 25, VIDEO_SCALE => 12800, DURATION => 512, GOP => 50, SOUND_SCALE => 48000, SOUND_DURATION => 1024};

my $MATRIX = pack 'N9', 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000;
my $SPS    = pack 'H*', '674D4015ECA0D8FF27FF8140013F880000030008000003019078B16CB0';
my $PPS    = pack 'H*', '68CE3C80';

# -- samples: [bytes, composition offset in pictures, sync]

sub picture {
    my ($n) = @_;
    my $key = $n % GOP == 0;
    my $in_gop = $n % GOP;
    my $size = $key ? 60 : 12 + ($n % 100) * 7 % 23;
    my $offset = $key ? 1 : (2, 3, 0, 1)[$in_gop % 4 == 0 ? 0 : $in_gop % 4];
    return [pack("N C a*", $size - 4, $key ? 0x65 : 0x41, "\x88" x ($size - 5)), $offset, $key];
}

sub sound { my ($n) = @_; return ["\x21" x (6 + $n % 5), 0, 1] }

# -- boxes

sub video_config {
    return video_entry('avc1', 426, 240, box('avcC', pack('C5 C n a* C n a*', 1, 0x4d, 0x40, 0x15, 0xff, 0xe1, length $SPS, $SPS, 1, length $PPS, $PPS)));
}

sub sound_config { return audio_entry('mp4a', 2, SOUND_SCALE, esds(0x40, pack 'H*', '1190')) }

sub runs { # of equal values: [count, value]
    my @runs;
    for my $v (@_) {
        if (@runs && $runs[-1][1] == $v) { $runs[-1][0]++ }
        else { push @runs, [1, $v] }
    }
    return @runs;
}

sub table { my ($type, $format, @entries) = @_; return full($type, 0, 0, pack('N', scalar @entries), map { pack $format, @$_ } @entries) }

# samples, and of each chunk its offset and how many samples it has; none: fragmented
sub stbl {
    my ($entry, $duration, $samples, $chunks) = @_;
    my $n = 0;
    my @stsc;
    for my $c (@$chunks) {
        $n++;
        push @stsc, [$n, $c->[1], 1] if !@stsc || $stsc[-1][1] != $c->[1];
    }
    my @sync = grep { $samples->[$_][2] } 0 .. $#$samples;
    my $i = 0;
    return box('stbl', full('stsd', 0, 0, pack('N', 1), $entry),
        table('stts', 'N N', @$samples ? [scalar @$samples, $duration] : ()),
        (@sync < @$samples ? (table('ctts', 'N N', map { [$_->[0], $_->[1] * $duration] } runs(map { $_->[1] } @$samples)),
            table('stss', 'N', map { [$_ + 1] } @sync)) : ()),
        table('stsc', 'N N N', @stsc),
        full('stsz', 0, 0, pack('N N', 0, scalar @$samples), map { pack 'N', length $_->[0] } @$samples),
        table('stco', 'N', map { [$_->[0]] } @$chunks));
}

sub trak {
    my ($id, $handler, $scale, $duration, $stbl) = @_;
    my $header = $handler eq 'vide' ? full('vmhd', 0, 1, "\0" x 8) : full('smhd', 0, 0, "\0" x 4);
    my @size = $handler eq 'vide' ? (426 << 16, 240 << 16) : (0, 0);
    return box('trak', full('tkhd', 0, 3, pack('N N N x4 N x8 n n n x2', 0, 0, $id, 0, 0, 0, $id > 1 ? 0x100 : 0), $MATRIX, pack('N N', @size)),
        box('mdia', full('mdhd', 0, 0, pack('N N N N n n', 0, 0, $scale, $duration, 0x55c4, 0)),
            full('hdlr', 0, 0, pack('x4 a4 x12 x', $handler)),
            box('minf', $header, box('dinf', full('dref', 0, 0, pack('N', 1), full('url ', 0, 1))), $stbl)));
}

sub moov {
    my (@traks) = @_;
    return box('moov', full('mvhd', 0, 0, pack('N N N N N n x10', 0, 0, 1000, 0, 0x10000, 0x100), $MATRIX, "\0" x 24, pack('N', 3)), @traks);
}

my $FTYP = box('ftyp', pack 'a4 N a4 a4', 'iso6', 0, 'iso6', 'mp41');

# -- files

# One picture, one or two of sound, and so on, and the tables at the end.
sub interleaved {
    my ($seconds) = @_;
    my (@video, @audio, @video_chunks, @audio_chunks, @mdat);
    my $at = length($FTYP) + 8;
    for my $n (0 .. $seconds * FPS - 1) {
        push @video, picture($n);
        push @video_chunks, [$at, 1];
        push @mdat, $video[-1][0];
        $at += length $mdat[-1];
        my ($from, $bytes) = ($at, '');
        my $had = @audio;
        push @audio, sound(scalar @audio) while @audio * SOUND_DURATION * FPS < ($n + 1) * SOUND_SCALE;
        $bytes .= $audio[$_][0] for $had .. $#audio;
        next if $had == @audio;
        push @audio_chunks, [$from, @audio - $had];
        push @mdat, $bytes;
        $at += length $bytes;
    }
    return join '', $FTYP, box('mdat', @mdat),
        moov(trak(1, 'vide', VIDEO_SCALE, @video * DURATION, stbl(video_config(), DURATION, \@video, \@video_chunks)),
            trak(2, 'soun', SOUND_SCALE, @audio * SOUND_DURATION, stbl(sound_config(), SOUND_DURATION, \@audio, \@audio_chunks)));
}

sub moof {
    my ($n, $start, @samples) = @_;
    my $table = join '', map { pack 'N N N', length $_->[0], $_->[2] ? 0x2000000 : 0x1010000, $_->[1] * DURATION } @samples;
    my $make = sub {
        return box('moof', full('mfhd', 0, 0, pack 'N', $n), box('traf', full('tfhd', 0, 0x20008, pack 'N N', 1, DURATION),
            full('tfdt', 1, 0, pack 'Q>', $start), full('trun', 0, 0xe01, pack('N N', scalar @samples, $_[0]), $table)));
    };
    return $make->(8 + length $make->(0)), box('mdat', map { $_->[0] } @samples);
}

# Pictures alone, a fragment every 4 s.
sub fragmented {
    my ($seconds) = @_;
    my @parts = ($FTYP, moov(trak(1, 'vide', VIDEO_SCALE, 0, stbl(video_config(), DURATION, [], [])),
        box('mvex', full('trex', 0, 0, pack 'N5', 1, 1, 0, 0, 0))));
    for my $n (0 .. $seconds / 4 - 1) {
        push @parts, moof($n + 1, $n * 4 * VIDEO_SCALE, map { picture($_) } $n * 4 * FPS .. ($n + 1) * 4 * FPS - 1);
    }
    return join '', @parts;
}

1;
