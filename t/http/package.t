#!/usr/bin/perl
# What `jitorigin package` writes is what the module serves, to the byte and for every resource; and the folder plays from
# httpd without the module's help.
use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title);
use JitOrigin::Mp4 qw(mp4 wvtt_entry wvtt_sample);

my $s = JitOrigin::Httpd->new(conf => <<'CONF');
<Location /vod>
    JitOrigin On
</Location>
<Location /ts>
    JitOrigin On
    JitOriginHlsContainer ts
</Location>
CONF
add_title($s->docs . '/vod', 'kite', 'video:kite.mp4', 'audio:kite.mp4');
add_title($s->docs . '/vod', 'frag', 'video:frag.mp4');

# Text whose cues last over whole segments, which have no numbers in the MPD.
JitOrigin::Httpd::write_file($s->docs . '/vod/cues.mp4', mp4(
    handler   => 'text',
    entries   => [wvtt_entry('WEBVTT')],
    fragments => [{ samples => [map { [5000, wvtt_sample({ payl => $_ })] } qw(One Two)] }],
));
chmod 0644, $s->docs . '/vod/cues.mp4';
JitOrigin::Httpd::write_file($s->docs . '/vod/holes.ism', <<'ISM');
<smil>
  <head><meta name="mpd_segment_template" content="number_timeline"/></head>
  <body><switch>
    <video src="kite.mp4"/><textstream src="cues.mp4" systemBitrate="1000"><param name="trackName" value="text"/></textstream>
  </switch></body>
</smil>
ISM

# In transport streams, by renditions and (before version 4) with the sound in the variants.
mkdir $s->docs . '/ts';
for my $version (3, 4) {
    JitOrigin::Httpd::write_file($s->docs . "/ts/ts$version.ism", <<"ISM");
<smil>
  <head><meta name="hls_client_manifest_version" content="$version"/></head>
  <body><switch>
    <video src="../vod/kite.mp4"/><audio src="../vod/kite.mp4"/>
    <textstream src="../vod/cues.mp4" systemBitrate="1000"><param name="trackName" value="text"/></textstream>
  </switch></body>
</smil>
ISM
}
$s->start;

sub encoded { my ($path) = @_; $path =~ s/([^\w.\/-])/sprintf '%%%02X', ord $1/ge; return $path }

# Packages a title of a folder and compares what is there with what is served; the files' names below the title.
sub packaged {
    my ($folder, $title, @options) = @_;
    my $out = $s->docs . '/static';
    is(system(JitOrigin::Httpd::cli(), 'package', '-q', @options, '-o', $out, $s->docs . "/$folder/$title.ism"), 0, "$title is packaged");
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, substr $_, length "$out/" if -f && !m{/\.[^/]*$} } }, "$out/$title.ism");
    my (@served, @wrong, @static);
    for my $file (@files) {
        my $bytes = JitOrigin::Httpd::read_file("$out/$file");
        my $live  = $s->get("/$folder/$file");
        push @served, $file if $live->{status} == 200;
        push @wrong,  $file if $live->{content} ne $bytes;
        my $plain = $s->get('/static/' . encoded($file));
        push @static, $file if $plain->{status} == 200 && $plain->{content} eq $bytes;
    }
    ok(@files > 8, '  in some files');
    is(scalar @served, scalar @files, '  each of which the module serves, too');
    is("@wrong", '', '  with the same bytes');
    is(scalar @static, scalar @files, '  and httpd without it');
    return sort map { s{^\Q$title\E\.ism/}{}r } @files;
}

# URIs of the playlists among the files.
sub named {
    my ($title, @files) = @_;
    my %named;
    for my $file (grep { /\.m3u8$/ } @files) {
        my ($folder) = $file =~ m{^(.*/)?};
        my $text = JitOrigin::Httpd::read_file($s->docs . "/static/$title.ism/$file");
        $named{ ($folder // '') . $_ } = 1 for $text =~ /^([^#\s]\S*)$/mg, $text =~ /URI="([^"]*)"/g;
    }
    return sort keys %named, "$title.m3u8";
}

packaged('vod', $_) for qw(kite frag holes);
for my $title (qw(ts3 ts4)) {
    my @files = packaged('ts', $title, '-f', 'hls-ts');
    is("@files", join(' ', named($title, @files)), '  of which playlists name all, and nothing else');
    is(scalar(grep { /-audio=\d+-video=\d+-1\.ts$/ } @files), $title eq 'ts3' ? 1 : 0, '  picture and sound in one only before version 4');
    is(scalar(grep { /-audio=\d+-1\.aac$/ } @files), 1, '  packed audio');
    is(scalar(grep { /-text=1000-1\.webvtt$/ } @files), $title eq 'ts3' ? 0 : 1, '  text only from version 4');
}
isnt(system(JitOrigin::Httpd::cli() . ' package -f hls,hls-ts -o ' . $s->docs . '/static ' . $s->docs . '/ts/ts4.ism 2>/dev/null'), 0, 'one container at a time');

my @cues = grep { m{holes-text=1000-} } glob $s->docs . '/static/holes.ism/dash/*';
is("@{[map { s{.*/}{}r } @cues]}", 'holes-text=1000-0.dash holes-text=1000-5000.dash', 'segments are there as the MPD addresses them');

$s->finish;
done_testing();
