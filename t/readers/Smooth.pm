package Smooth;

# A Smooth Streaming title as a client reads it (MS-SSTR 2.2): the manifest, then every fragment of every level by the
# manifest's own times and template. There is no ffmpeg for it. What a fragment says of itself must be what the manifest says.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use Segments qw(fetch join_url);

our @EXPORT_OK = qw(manifest fragment_url read_fragment smooth_tracks);

my %codec = (H264 => 'h264', AVC1 => 'h264', HVC1 => 'hevc', HEV1 => 'hevc', AACL => 'aac', AACH => 'aac', 'EC-3' => 'eac3', TTML => 'ttml');

sub attributes { my ($tag) = @_; return map { s/&amp;/&/gr =~ s/&lt;/</gr =~ s/&quot;/"/gr =~ s/&apos;|&#39;/'/gr } $tag =~ /([\w-]+)="([^"]*)"/g }

# manifest(TEXT): {attributes of the root, streams => [{attributes, levels => [{attributes}...], chunks => [[t, d]...]}...]}.
sub manifest {
    my ($text) = @_;
    my ($root) = $text =~ /<SmoothStreamingMedia\b([^>]*)>/ or die "no SmoothStreamingMedia\n";
    my %m = (attributes($root), streams => []);
    while ($text =~ m{<StreamIndex\b([^>]*)>(.*?)</StreamIndex>}gs) {
        my ($own, $inner) = ($1, $2);
        my $stream = {attributes($own), levels => [], chunks => []};
        push @{$stream->{levels}}, {attributes($1)} while $inner =~ /<QualityLevel\b([^>]*)>/g;
        my $time = 0;
        while ($inner =~ /<c\b([^>]*)>/g) {
            my %c = attributes($1);
            $time = $c{t} if defined $c{t};
            for (1 .. $c{r} // 1) { push @{$stream->{chunks}}, [$time, $c{d}]; $time += $c{d} }
        }
        push @{$m{streams}}, $stream;
    }
    return \%m;
}

# fragment_url(BASE, STREAM, LEVEL, TIME[, NOUN])
sub fragment_url {
    my ($base, $stream, $level, $time, $noun) = @_;
    my $url = $stream->{Url} =~ s/\{bitrate\}/$level->{Bitrate}/r =~ s/\{start[ _]time\}/$time/r;
    $url =~ s{/Fragments\(}{/$noun(} if $noun;
    return "$base/$url";
}

sub boxes { # ([type, payload]...)
    my ($bytes) = @_;
    my ($at, @found) = (0);
    while ($at < length $bytes) {
        my ($size, $type) = unpack 'Na4', substr $bytes, $at, 8;
        die "box of $size bytes\n" if $size < 8 || $at + $size > length $bytes;
        push @found, [$type, substr $bytes, $at + 8, $size - 8];
        $at += $size;
    }
    return @found;
}

my $tfxd = pack 'H*', '6d1d9b0542d544e680e2141daff757b2';

# read_fragment(BYTES): {shape => 'tfhd trun ...', sequence, track, version, time, duration, samples => [{time, duration, key, data}...]};
# time of a sample counts from the fragment's. BYTES without an mdat: samples have no data.
sub read_fragment {
    my ($bytes) = @_;
    my @top = boxes($bytes);
    my %is = map { $_->[0] => $_->[1] } @top;
    my %f = (top => join(' ', map { $_->[0] } @top));
    my @moof = boxes($is{moof});
    $f{moof} = join ' ', map { $_->[0] } @moof;
    $f{sequence} = unpack 'x4N', $moof[0][1];
    my @traf = boxes($moof[1][1]);
    $f{shape} = join ' ', map { $_->[0] } @traf;
    my %in = map { $_->[0] => $_->[1] } @traf;
    die "no tfxd\n" if substr($in{uuid}, 0, 16) ne $tfxd;
    ($f{time}, $f{duration}) = unpack 'x20Q>Q>', $in{uuid};
    die "tfxd version\n" if ord(substr $in{uuid}, 16, 1) != 1;
    my ($flags, $id, @rest) = unpack 'N*', $in{tfhd};
    $f{track} = $id;
    my $duration = $flags & 8 ? shift @rest : 0;
    my $default = $flags & 0x20 ? shift @rest : 0;
    my ($head, $count, $offset, @fields) = unpack 'N*', $in{trun};
    $f{version} = $head >> 24;
    die "trun has no data offset\n" if !($head & 1);
    die "data offset $offset\n" if $offset != 16 + length $is{moof};
    my $first = $head & 4 ? shift @fields : undef;
    my ($dts, $at) = (0, 0);
    for my $n (1 .. $count) {
        my $d = $head & 0x100 ? shift @fields : $duration;
        my $size = shift @fields;
        my $own = $head & 0x400 ? shift @fields : $n == 1 && defined $first ? $first : $default;
        my $cts = $head & 0x800 ? shift @fields : 0;
        $cts -= 2**32 if $f{version} && $cts >= 2**31;
        push @{$f{samples}}, {time => $dts + $cts, duration => $d, key => $own & 0x10000 ? 0 : 1, data => substr $is{mdat} // '', $at, $size};
        $dts += $d;
        $at += $size;
    }
    die "trun has @{[scalar @fields]} words left\n" if @fields;
    die "samples of $at bytes\n" if defined $is{mdat} && $at != length $is{mdat};
    $f{sdtp} = [unpack 'x4C*', $in{sdtp}] if defined $in{sdtp};
    return \%f;
}

# One level: a track as Compare.pm has them, and what is wrong with its fragments.
sub read_level {
    my ($base, $stream, $level, $said) = @_;
    my (@packets, $number);
    for my $chunk (@{$stream->{chunks}}) {
        my ($time, $duration) = @$chunk;
        my $url = fragment_url($base, $stream, $level, $time);
        my ($status, $bytes) = fetch($url);
        my $f = $status == 200 ? eval { read_fragment($bytes) } : undef;
        if (!$f) { $$said .= "$url: $status $@"; next }
        my $shape = $stream->{Type} eq 'video' ? 'tfhd trun sdtp uuid' : 'tfhd trun uuid';
        $$said .= "$url: boxes $f->{top}, $f->{moof}, $f->{shape}\n" if "$f->{top}, $f->{moof}, $f->{shape}" ne "moof mdat, mfhd traf, $shape";
        $$said .= "$url: tfxd says $f->{time}+$f->{duration}, the manifest $time+$duration\n" if $f->{time} != $time || $f->{duration} != $duration;
        $$said .= "$url: fragment $f->{sequence} after $number\n" if defined $number && $f->{sequence} <= $number;
        my @wrong = grep { (($f->{sdtp}[$_] >> 4 & 3) == 2 ? 1 : 0) != $f->{samples}[$_]{key} } 0 .. $#{$f->{sdtp} // []};
        $$said .= "$url: sdtp of sample $wrong[0]\n" if @wrong;
        my ($earliest) = sort { $a <=> $b } map { $_->{time} } @{$f->{samples}};
        $$said .= "$url: earliest sample $earliest ticks after the fragment's time\n" if $earliest != 0;
        $number = $f->{sequence};
        push @packets, map { {time => ($time + $_->{time}) / 1e7, duration => $_->{duration} / 1e7, hash => 'MD5:' . md5_hex($_->{data}), key => $_->{key}, skip => 0} }
            @{$f->{samples}};
    }
    return {type => $stream->{Type}, codec => $codec{$level->{FourCC}} // $level->{FourCC}, tb => 1e-7, id => "$stream->{Name}=$level->{Bitrate}",
        index => $level->{Index}, packets => \@packets};
}

# smooth_tracks(BASE): ([tracks of pictures and sound], what is wrong).
sub smooth_tracks {
    my ($base) = @_;
    my ($status, $text) = fetch("$base/Manifest");
    return ([], "$status $text") if $status != 200;
    my $m = eval { manifest($text) } or return ([], $@);
    my ($said, @tracks) = ('');
    for my $s (@{$m->{streams}}) {
        $said .= "$s->{Name}: $s->{Chunks} chunks, listed " . @{$s->{chunks}} . "\n" if $s->{Chunks} != @{$s->{chunks}};
        $said .= "$s->{Name}: $s->{QualityLevels} levels, listed " . @{$s->{levels}} . "\n" if $s->{QualityLevels} != @{$s->{levels}};
        push @tracks, map { read_level($base, $s, $_, \$said) } @{$s->{levels}};
    }
    return ([grep { $_->{type} =~ /^(?:video|audio)$/ } @tracks], $said);
}

1;
