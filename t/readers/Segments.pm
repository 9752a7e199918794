package Segments;

# Presentation times as the boxes state them (14496-12 8.8.8, 8.8.12, 8.6.6), for what ffmpeg tells only roughly: it adds the
# deepest negative composition offset seen so far to all times of a track. Reads what the project writes: one track for
# each init segment, one traf for each moof.

use strict;
use warnings;
use Exporter 'import';
use HTTP::Tiny;

our @EXPORT_OK = qw(fetch join_url playlist_segments mpd_segments sample_times file_times movie_edits);

my $ua = HTTP::Tiny->new(timeout => 60);

sub fetch {
    my ($url) = @_;
    my $answer = $ua->get($url);
    return ($answer->{status}, $answer->{content});
}

sub join_url {
    my ($from, $to) = @_;
    my $url = $from =~ s{[^/?]*(?:\?.*)?$}{}sr . $to;
    1 while $url =~ s{[^/]+/\.\./}{};
    return $url;
}

# ---- URLs: (init, segments...)

sub playlist_segments {
    my ($url) = @_;
    my ($status, $text) = fetch($url);
    die "$url: $status $text\n" if $status != 200;
    my ($init) = $text =~ /^#EXT-X-MAP:URI="([^"]+)"/m or die "$url: no EXT-X-MAP\n";
    return map { join_url($url, $_) } $init, $text =~ /^([^#\s]\S*)/mg;
}

# mpd_segments(URL): representation id => [init, segments...].
sub mpd_segments {
    my ($url) = @_;
    my ($status, $text) = fetch($url);
    die "$url: $status $text\n" if $status != 200;
    my ($folder) = $text =~ m{<BaseURL>([^<]*)</BaseURL>};
    my $base = join_url($url, $folder // '');
    my ($seconds) = $text =~ /<Period[^>]*\bduration="PT([\d.]+)S"/;
    my %of;
    while ($text =~ m{<AdaptationSet\b(.*?)</AdaptationSet>}gs) {
        my $set = $1;
        my ($common) = $set =~ s{<Representation\b.*}{}rs =~ m{(<SegmentTemplate\b.*)}s;
        while ($set =~ m{<Representation\b([^>]*?)(?:/>|>(.*?)</Representation>)}gs) {
            my ($attributes, $inner) = ($1, $2 // '');
            my ($id) = $attributes =~ /\bid="([^"]+)"/;
            my ($own) = $inner =~ m{(<SegmentTemplate\b.*)}s;
            $of{$id} = [map { $base . $_ } template_urls($own // $common, $id, $seconds)];
        }
    }
    return %of;
}

sub template_urls {
    my ($template, $id, $seconds) = @_;
    my ($tag) = $template =~ /(<SegmentTemplate[^>]*>)/;
    my %a = $tag =~ /(\w+)="([^"]*)"/g;
    s/\$RepresentationID\$/$id/ for @a{qw(initialization media)};
    my ($number, $time, @urls) = ($a{startNumber} // 1, 0, $a{initialization});
    my $add = sub { push @urls, $a{media} =~ s/\$Time\$/$time/r =~ s/\$Number\$/$number/r; $number++; $time += $_[0] };
    if ($a{duration}) { $add->($a{duration}) while $time < $seconds * ($a{timescale} // 1) - 0.5 }
    while ($template =~ /<S ([^>]*)>/g) {
        my %s = $1 =~ /(\w+)="(\d+)"/g;
        $time = $s{t} if defined $s{t};
        $add->($s{d}) for 0 .. $s{r} // 0;
    }
    return @urls;
}

# ---- boxes

sub boxes { # [type, payload]...
    my ($bytes) = @_;
    my ($at, @found) = (0);
    while ($at + 8 <= length $bytes) {
        my ($size, $type, $head) = (unpack('Na4', substr $bytes, $at, 8), 8);
        ($size, $head) = (unpack('Q>', substr $bytes, $at + 8, 8), 16) if $size == 1;
        die "box $type of $size bytes\n" if $size < $head || $at + $size > length $bytes;
        push @found, [$type, substr $bytes, $at + $head, $size - $head];
        $at += $size;
    }
    die "bytes after the last box\n" if $at != length $bytes;
    return @found;
}

sub inside { # the payloads at a path of types
    my ($bytes, $type, @path) = @_;
    my @found = map { $_->[1] } grep { $_->[0] eq $type } boxes($bytes);
    return @path ? map { inside($_, @path) } @found : @found;
}

# init_facts(INIT, ID): timescale, what the edit list adds to media time in seconds, default duration. No ID: the first track.
sub init_facts {
    my ($init, $id) = @_;
    my ($moov) = inside($init, 'moov');
    my ($trak) = grep { !$id || track_id($_) == $id } inside($moov, 'trak');
    my ($trex) = grep { !$id || unpack('x4N', $_) == $id } inside($moov, qw(mvex trex));
    my $scale = timescale(inside($trak, qw(mdia mdhd)));
    my $edit = edit_of(timescale(inside($moov, 'mvhd')), $scale, inside($trak, qw(edts elst)));
    return ($scale, $edit, unpack 'x12N', $trex);
}

# movie_edits(BYTES): track id => what the edit list adds to media time in seconds.
sub movie_edits {
    my ($bytes) = @_;
    my ($moov) = inside($bytes, 'moov');
    my $scale = timescale(inside($moov, 'mvhd'));
    return map { track_id($_) => edit_of($scale, timescale(inside($_, qw(mdia mdhd))), inside($_, qw(edts elst))) } inside($moov, 'trak');
}

sub timescale { my ($box) = @_; return unpack ord $box ? 'x20N' : 'x12N', $box }

sub track_id { my ($trak) = @_; my ($tkhd) = inside($trak, 'tkhd'); return unpack ord $tkhd ? 'x20N' : 'x12N', $tkhd }

sub edit_of { # empty edits, then the first that shows something
    my ($movie_scale, $scale, $elst) = @_;
    return 0 if !defined $elst;
    my ($wide, $empty) = (ord $elst, 0);
    for my $n (0 .. unpack('x4N', $elst) - 1) {
        my ($duration, $from) = unpack $wide ? 'Q>q>' : 'Nl>', substr $elst, 8 + $n * ($wide ? 20 : 12);
        return $empty - $from / $scale if $from >= 0;
        $empty += $duration / $movie_scale;
    }
    return $empty;
}

sub trun_samples { # ([duration, composition offset]...)
    my ($trun, $duration) = @_;
    my ($head, $count) = unpack 'NN', $trun;
    my ($version, $flags) = ($head >> 24, $head & 0xffffff);
    my $at = 8 + ($flags & 1 ? 4 : 0) + ($flags & 4 ? 4 : 0);
    my @samples;
    for (1 .. $count) {
        my ($d, $offset) = ($duration, 0);
        if ($flags & 0x100) { $d = unpack 'N', substr $trun, $at, 4; $at += 4 }
        $at += 4 if $flags & 0x200;
        $at += 4 if $flags & 0x400;
        if ($flags & 0x800) { $offset = unpack $version ? 'l>' : 'N', substr $trun, $at, 4; $at += 4 }
        push @samples, [$d, $offset];
    }
    return @samples;
}

# sample_times(INIT, SEGMENTS...) by URL: ([seconds...], [most that ffmpeg adds to each...], problem or '', [least that it adds...]).
sub sample_times {
    my @bytes = map { my ($status, $b) = fetch($_); die "$_: $status $b\n" if $status != 200; $b } @_;
    my ($scale, $edit, $default) = init_facts($bytes[0]);
    my ($times, @more) = fragment_times($scale, $default, 0, @bytes[1 .. $#bytes]);
    return ([map { $_ + $edit } @$times], @more);
}

# file_times(BYTES, ID): of a fragmented file: (media times, what ffmpeg adds, the edit), or nothing if there are no fragments.
sub file_times {
    my ($bytes, $id) = @_;
    return if !inside($bytes, 'moof');
    my ($scale, $edit, $default) = init_facts($bytes, $id);
    my ($times, $lag) = fragment_times($scale, $default, $id, $bytes);
    return ($times, $lag, $edit);
}

sub fragment_times {
    my ($scale, $default, $id, @bytes) = @_;
    my (@times, @lag, @own, $end, $problem);
    my $lag = 0;
    for my $traf (map { inside($_, qw(moof traf)) } @bytes) {
        my ($tfhd, $tfdt) = map { (inside($traf, $_))[0] } qw(tfhd tfdt);
        my ($flags, $of) = unpack 'NN', $tfhd;
        next if $id && $of != $id;
        my $duration = $flags & 8 ? unpack 'N', substr $tfhd, 8 + ($flags & 1 ? 8 : 0) + ($flags & 2 ? 4 : 0), 4 : $default;
        my $dts = defined $tfdt ? unpack ord $tfdt ? 'x4Q>' : 'x4N', $tfdt : $end // 0;
        $problem //= "tfdt $dts, the samples before end at $end" if defined $end && $end != $dts;
        my @samples = map { trun_samples($_, $duration) } inside($traf, 'trun');
        my $own = 0; # ffmpeg forgets what came before when it opens a track anew
        for (@samples) { $own = -$_->[1] if -$_->[1] > $own }
        $lag = $own if $own > $lag;
        for (@samples) {
            push @times, ($dts + $_->[1]) / $scale;
            push @lag, $lag / $scale;
            push @own, $own / $scale;
            $dts += $_->[0];
        }
        $end = $dts;
    }
    return (\@times, \@lag, $problem // '', \@own);
}

1;
