package JitOrigin::Media;

# Small titles made by ffmpeg, and the URLs in their manifests.

use strict;
use warnings;
use Exporter 'import';
use File::Copy ();
use File::Path qw(make_path);
use JitOrigin::Httpd;

our @EXPORT_OK = qw(media_file add_title smil playlist_uris hls_urls);

# Each is made once and kept: %OUT% is the file.
my $av = '-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 12 '
    . '-c:v libx264 -preset ultrafast -profile:v main -bf 2 -g 50 -c:a aac';
my $noise = q{-f lavfi -i "nullsrc=size=320x180:rate=25,geq=lum='random(1)*255':cb=128:cr=128" -t 8 }
    . '-c:v libx264 -preset ultrafast -qp 38 -g 50 -an';
my $exact = '-fflags +bitexact -flags:v +bitexact -flags:a +bitexact';
my %recipe = (
    'kite.mp4'  => "$av $exact",                               # picture and sound, interleaved
    'video.mp4' => "$av $exact -an",                           # one track: one long range per segment
    'tone.mp4'  => "-f lavfi -i sine=frequency=880:sample_rate=48000 -t 12 -c:a aac $exact",
    'dolby.mp4' => "-f lavfi -i sine=frequency=880:sample_rate=48000 -t 12 -ac 2 -c:a ac3_fixed $exact",
    'plus.mp4'  => "-f lavfi -i sine=frequency=880:sample_rate=48000 -t 12 -ac 2 -c:a eac3 $exact",
    'mpeg.mp4'  => "-f lavfi -i sine=frequency=880:sample_rate=48000 -t 12 -ac 2 -c:a mp2 $exact",
    'frag.mp4'  => "$av $exact -movflags frag_keyframe+empty_moov+default_base_moof",
    'noise.mp4' => "$noise $exact",                            # segments of some megabytes
);

# media_file(NAME): its path. JITORIGIN_FIXTURES may name a folder to keep them in.
sub media_file {
    my ($name) = @_;
    my $dir = $ENV{JITORIGIN_FIXTURES} ? "$ENV{JITORIGIN_FIXTURES}/http" : JitOrigin::Httpd::build() . '/t/http/media';
    my $path = "$dir/$name";
    return $path if -s $path;
    make_path($dir);
    my $recipe = $recipe{$name} or die "$path: no such file, and no recipe for it\n";
    system("ffmpeg -nostdin -v error -y $recipe -f mp4 '$path.$$' </dev/null") == 0 or die "ffmpeg can't make $name\n";
    rename "$path.$$", $path or die "$path: $!";
    return $path;
}

sub smil {
    my (@media) = @_;
    return '<?xml version="1.0" encoding="utf-8"?>' . "\n" . '<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>'
        . join('', @media) . '</switch></body></smil>' . "\n";
}

# add_title(DIR, NAME, MEDIA…): copies the media files into DIR and writes NAME.ism over them; each is "file", "video:file"
# or "audio:file" (which of its tracks).
sub add_title {
    my ($dir, $name, @media) = @_;
    my @elements;
    make_path($dir);
    for my $m (@media) {
        my ($kind, $file) = $m =~ /^(video|audio):(.*)$/ ? ($1, $2) : ('video', $m);
        File::Copy::copy(media_file($file), "$dir/$file") or die "$file: $!" unless -e "$dir/$file";
        chmod 0644, "$dir/$file";
        push @elements, qq(<$kind src="$file"/>);
    }
    JitOrigin::Httpd::write_file("$dir/$name.ism", smil(@elements));
    return;
}

# The relative URLs of a playlist.
sub playlist_uris {
    my ($text) = @_;
    my %seen;
    return grep { !$seen{$_}++ } ($text =~ /URI="([^"]+)"/g, $text =~ /^([^#\s]\S*)\r?$/mg);
}

sub join_url {
    my ($from, $to) = @_;
    (my $url = $from) =~ s{[^/]*$}{$to};
    1 while $url =~ s{[^/]+/\.\./}{};
    return $url;
}

# Every URL of a title by way of its multivariant playlist: (\@playlists, \@inits, \@segments), those of key frames last.
sub hls_urls {
    my ($server, $title) = @_;
    my $top = $server->get("$title/.m3u8");
    die "$title/.m3u8: $top->{status} $top->{content}" unless $top->{status} == 200;
    my @names = playlist_uris($top->{content});
    my @playlists = map { join_url("$title/.m3u8", $_) } grep({ !/^keyframes/ } @names), grep { /^keyframes/ } @names;
    my (@inits, @segments);
    for my $p (@playlists) {
        my $media = $server->get($p);
        die "$p: $media->{status} $media->{content}" unless $media->{status} == 200;
        for my $u (playlist_uris($media->{content})) {
            my $url = join_url($p, $u);
            if ($media->{content} =~ /EXT-X-MAP:URI="\Q$u\E"/) { push @inits, $url }
            else { push @segments, $url }
        }
    }
    return (\@playlists, \@inits, \@segments);
}

1;
