package Titles;

# The URLs of a title, read from its manifests as a player reads them: path below the title and rung → paths of segments.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(hls_playlist hls_segments dash_segments smooth_segments);

# get: a function of a path. rung: lines of the picture, or "audio". query: of the multivariant playlist.
sub hls_playlist {
    my ($get, $title, $rung, $query) = @_;
    my $text = $get->("$title/.m3u8" . ($query // ''));
    my ($uri) = $rung eq 'audio' ? $text =~ /TYPE=AUDIO.*URI="([^"]+)"/ : $text =~ /RESOLUTION=\d+x$rung,.*\n([^#\n].*)/;
    return "$title/" . ($uri // die "$title/.m3u8: no $rung\n");
}

sub hls_segments {
    my ($get, $title, $rung, $query) = @_;
    my $path = hls_playlist($get, $title, $rung, $query);
    my ($folder) = $path =~ m{^(.*/)};
    return map { "$folder$_" } $get->($path) =~ /^([^#\n].*)$/mg;
}

sub dash_segments {
    my ($get, $title, $rung) = @_;
    my $text = $get->("$title/.mpd");
    my ($base) = $text =~ m{<BaseURL>([^<]*)};
    for my $set ($text =~ m{<AdaptationSet.*?</AdaptationSet>}sg) {
        my ($id) = $rung eq 'audio' ? $set =~ /contentType="audio".*<Representation id="([^"]+)"/s
            : $set =~ /<Representation id="([^"]+)"[^>]* height="$rung"/;
        my ($media) = $set =~ / media="([^"]+)"/;
        next if !defined $id;
        $media =~ s/\$RepresentationID\$/$id/;
        return map {; "$title/" . ($base // '') . $media =~ s/\$Time\$/$_/r } starts($set, 'S', 't');
    }
    die "$title/.mpd: no $rung\n";
}

sub smooth_segments {
    my ($get, $title, $rung) = @_;
    my $text = $get->("$title/Manifest");
    for my $stream ($text =~ m{<StreamIndex.*?</StreamIndex>}sg) {
        my ($rate) = $rung eq 'audio' ? $stream =~ /Type="audio".*<QualityLevel [^>]*Bitrate="(\d+)"/s
            : (map { / MaxHeight="$rung"/ && / Bitrate="(\d+)"/ ? $1 : () } $stream =~ /<QualityLevel [^>]*>/g)[0];
        my ($url) = $stream =~ / Url="([^"]+)"/;
        next if !defined $rate;
        $url =~ s/\{bitrate\}/$rate/;
        return map {; "$title/" . $url =~ s/\{start time\}/$_/r } starts($stream, 'c', 't');
    }
    die "$title/Manifest: no $rung\n";
}

# Start times of a timeline: elements of that name with start, d and r (DASH: further ones; Smooth: how many).
sub starts {
    my ($text, $element, $start) = @_;
    my ($t, @times) = (0);
    for my $s ($text =~ /<$element( [^>]*)>/g) {
        my %a = $s =~ /(\w+)="(\d+)"/g;
        $t = $a{$start} if defined $a{$start};
        my $count = $element eq 'S' ? ($a{r} // 0) + 1 : $a{r} // 1;
        for (1 .. $count) {
            push @times, $t;
            $t += $a{d} // 0;
        }
    }
    return @times;
}

1;
