#!/usr/bin/perl
# ?filter= against an evaluator of our own (JitOrigin::Filter): a title of many tracks, whose facts stand here by hand; a
# thousand random filters in every spelling; each format lists what the evaluator keeps among what the format can carry.
use strict;
use warnings;
use FindBin;
use List::Util qw(min uniq);
use Test::More;
use JitOrigin::Filter qw(parse %KIND);
use JitOrigin::Httpd;
use JitOrigin::Media qw(smil);
use JitOrigin::Mp4 qw(box boxes video_entry audio_entry esds stpp_entry wvtt_entry wvtt_sample mp4);
use lib "$FindBin::Bin/../readers";
use Smooth qw(manifest);

my $filters = $ENV{JITORIGIN_FILTERS} || 1000;
my $seed    = $ENV{JITORIGIN_SEED}    || 20261123;

# ---- the title: six seconds, cut every two

# Sequence parameter set of frames of that many luma samples: 14496-10 7.3.2.1.1.
sub sps {
    my ($profile, $level, $width, $height) = @_;
    my ($across, $down) = map { int(($_ + 15) / 16) } $width, $height;
    my $ue   = sub { my $b = sprintf '%b', $_[0] + 1; return '0' x (length($b) - 1) . $b };
    my $crop = join '', map { $ue->($_) } 0, ($across * 16 - $width) / 2, 0, ($down * 16 - $height) / 2;
    my $high = $profile == 100 ? $ue->(1) . $ue->(0) x 2 . '00' : '';
    my $bits = $ue->(0) . $high . $ue->(0) . $ue->(2) . $ue->(1) . '0' . $ue->($across - 1) . $ue->($down - 1) . '11' . "1$crop" . '01';
    return pack 'C4 B*', 0x67, $profile, 0, $level, $bits . '0' x (-length($bits) % 8);
}

sub avc {
    my ($profile, $level, $width, $height) = @_;
    my $sps = sps(@_);
    my $pps = pack 'H*', '68ce3880';
    my $more = $profile == 100 ? pack 'C4', 0xfd, 0xf8, 0xf8, 0 : '';
    return video_entry('avc1', $width, $height, box('avcC', pack('C6 n/a* C n/a*', 1, $profile, 0, $level, 0xff, 0xe1, $sps, 1, $pps), $more));
}

my $HEVC = 'hvcC:0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959409'
    . 'a10001002f42010102200000030090000003000003003ca00a080c1d4436595952930bc39a848804820000030002000003001410'
    . 'a2000100064401c073c189';
my $TTML = 'http://www.w3.org/ns/ttml';

sub video_file { my ($entry, $scale, $rate) = @_; return file_of('vide', 'und', $entry, $scale, $scale / $rate, 2 * $rate, "\0\0\0\1\x09") }
sub audio_file { my ($lang, $rate, $frame, $entry) = @_; return file_of('soun', $lang, $entry, $rate, $frame, int(2 * $rate / $frame), "\0" x 16) }

sub file_of {
    my ($handler, $lang, $entry, $scale, $duration, $n, $sample) = @_;
    my @samples = map { [$duration, $sample, $handler eq 'vide' && $_ > 1] } 1 .. $n;
    return mp4(handler => $handler, timescale => $scale, language => $lang, entries => [$entry], fragments => [map { { samples => [@samples] } } 1 .. 3]);
}

my %files = (
    'avc90.mp4'   => video_file(avc(66, 11, 160, 90), 12800, 25),
    'avc180.mp4'  => video_file(avc(77, 13, 320, 180), 12800, 25),
    'avc360.mp4'  => video_file(avc(100, 30, 640, 360), 90000, 25),
    'avc720.mp4'  => video_file(avc(100, 31, 1280, 720), 12800, 50),
    'hevc.mp4'    => video_file(video_entry('hvc1', 318, 178, boxes($HEVC)), 12800, 25),
    'vp9.mp4'     => video_file(video_entry('vp09', 854, 480, boxes('vpcC:01000000001f820101010000')), 12800, 25),
    'vp9pq.mp4'   => video_file(video_entry('vp09', 1920, 1080, boxes('vpcC:010000000228a20910090000')), 12800, 50),
    'vp9hlg.mp4'  => video_file(video_entry('vp09', 1280, 720, boxes('vpcC:01000000021fa20912090000')), 25000, 25),
    'lc-eng.mp4'  => audio_file('eng', 48000, 1024, audio_entry('mp4a', 2, 48000, esds(0x40, pack 'H*', '1190'))),
    'lc-deu.mp4'  => audio_file('deu', 44100, 1024, audio_entry('mp4a', 1, 44100, esds(0x40, pack 'H*', '1208'))),
    'he-eng.mp4'  => audio_file('eng', 48000, 2048, audio_entry('mp4a', 2, 48000, esds(0x40, pack 'H*', '2b118800'))),
    'ec3-fra.mp4' => audio_file('fra', 48000, 1536, audio_entry('ec-3', 6, 48000, boxes('dec3:0c00200f00'))),
    'ac3-eng.mp4' => audio_file('eng', 48000, 1536, audio_entry('ac-3', 6, 48000, boxes('dac3:103dc0'))),
    'opus.mp4'    => audio_file('nld', 48000, 960, audio_entry('Opus', 2, 48000, boxes('dOps:0002013800000000000000'))),
    'wvtt.mp4'    => mp4(handler => 'text', language => 'eng', entries => [wvtt_entry('WEBVTT')],
        fragments => [{ samples => [[6000, wvtt_sample({ payl => 'hello' })]] }]),
    (map { ("stpp-$_.mp4" => mp4(handler => 'subt', language => $_, timescale => 90000, entries => [stpp_entry($TTML, '', '')],
        fragments => [{ samples => [[540000, qq{<tt xmlns="$TTML"><body/></tt>}]] }])) } qw(eng nld)),
);

# What can be asked of each: [element, file, bit rate, {params}, {facts beyond those}, formats]. The facts of the H.265 picture
# are what ffmpeg's trace_headers finds in its sequence parameter set: pixels of 4:3, PQ.
my @tracks = (
    ['video', 'avc90.mp4', 150000, {}, { fourcc => 'AVC1', timescale => 12800, width => 160, height => 90, avc_profile => 66,
        avc_level => 11, framerate => 25, codec => 'avc1.42000B', videorange => 'SDR' }, 'HDS'],
    ['video', 'avc180.mp4', 400000, {}, { fourcc => 'AVC1', timescale => 12800, width => 320, height => 180, avc_profile => 77,
        avc_level => 13, framerate => 25, codec => 'avc1.4D000D', videorange => 'SDR' }, 'HDS'],
    ['video', 'avc360.mp4', 900000, {}, { fourcc => 'AVC1', timescale => 90000, width => 640, height => 360, avc_profile => 100,
        avc_level => 30, framerate => 25, codec => 'avc1.64001E', videorange => 'SDR' }, 'HDS'],
    ['video', 'avc720.mp4', 2500000, {}, { fourcc => 'AVC1', timescale => 12800, width => 1280, height => 720, avc_profile => 100,
        avc_level => 31, framerate => 50, codec => 'avc1.64001F', videorange => 'SDR' }, 'HDS'],
    ['video', 'hevc.mp4', 300000, { trackName => 'video_hevc' }, { fourcc => 'hvc1', timescale => 12800, width => 318, height => 178,
        displaywidth => 424, framerate => 25, codec => 'hvc1.2.4.L60.90', videorange => 'PQ' }, 'HDS'],
    ['video', 'vp9.mp4', 1100000, { trackName => 'video_vp9', MaxHeight => 576, DisplayWidth => 1024 }, { fourcc => 'vp09',
        timescale => 12800, width => 854, height => 480, maxheight => 576, displaywidth => 1024,
        framerate => 25, codec => 'vp09.00.31.08', videorange => 'SDR' }, 'HD'],
    ['video', 'vp9hlg.mp4', 2200000, { trackName => 'video_vp9' }, { fourcc => 'vp09', timescale => 25000, width => 1280, height => 720,
        framerate => 25, codec => 'vp09.02.31.10.01.09.18.09.00', videorange => 'HLG' }, 'HD'],
    ['video', 'vp9pq.mp4', 4000000, { trackName => 'video_vp9', track_role => 'alternate' }, { fourcc => 'vp09', timescale => 12800,
        width => 1920, height => 1080, framerate => 50, codec => 'vp09.02.40.10.01.09.16.09.00', videorange => 'PQ', role => ['alternate'] }, 'HD'],
    ['audio', 'lc-eng.mp4', 128000, { track_role => 'main' }, { fourcc => ['AACL', 'MP4A'], timescale => 48000, samplingrate => 48000, channels => 2,
        codec => 'mp4a.40.2', systemlanguage => 'eng', audiotag => 255, role => ['main'] }, 'HDS'],
    ['audio', 'lc-eng.mp4', 127000, { trackName => 'audio_note', role => 'commentary, dub' }, { fourcc => ['AACL', 'MP4A'], timescale => 48000,
        samplingrate => 48000, channels => 2, codec => 'mp4a.40.2', systemlanguage => 'eng', audiotag => 255,
        role => ['commentary', 'dub'] }, 'HDS'],
    ['audio', 'he-eng.mp4', 48000, { trackName => 'audio_he', AudioTag => 255, BitsPerSample => 16 }, { fourcc => ['AACH', 'MP4A'], timescale => 48000,
        samplingrate => 48000, channels => 2, codec => 'mp4a.40.5', systemlanguage => 'eng', audiotag => 255 }, 'HDS'],
    ['audio', 'lc-deu.mp4', 64000, { role => 'main' }, { fourcc => ['AACL', 'MP4A'], timescale => 44100, samplingrate => 44100, channels => 1,
        codec => 'mp4a.40.2', systemlanguage => 'deu', audiotag => 255, role => ['main'] }, 'HDS'],
    ['audio', 'ec3-fra.mp4', 384000, {}, { fourcc => 'ec-3', timescale => 48000, samplingrate => 48000, channels => 6,
        audiotag => 65534, codec => 'ec-3', systemlanguage => 'fra' }, 'HDS'],
    ['audio', 'ac3-eng.mp4', 640000, { trackName => 'audio_ac3' }, { fourcc => 'ac-3', timescale => 48000, samplingrate => 48000,
        channels => 6, codec => 'ac-3', systemlanguage => 'eng' }, 'HD'],
    ['audio', 'opus.mp4', 96000, {}, { fourcc => 'Opus', timescale => 48000, samplingrate => 48000, channels => 2, codec => 'opus',
        systemlanguage => 'nld' }, 'HD'],
    ['textstream', 'wvtt.mp4', 1000, {}, { fourcc => 'wvtt', timescale => 1000, codec => 'wvtt', systemlanguage => 'eng' }, 'HD'],
    ['textstream', 'wvtt.mp4', 1000, { trackName => 'captions', role => 'caption' }, { fourcc => 'wvtt', timescale => 1000,
        codec => 'wvtt', systemlanguage => 'eng', role => ['caption'] }, 'HD'],
    ['textstream', 'stpp-eng.mp4', 2000, { trackName => 'ttml_eng' }, { fourcc => ['TTML', 'STPP'], timescale => 90000, codec => 'stpp.ttml.im1t',
        systemlanguage => 'eng' }, 'HDS'],
    ['textstream', 'stpp-nld.mp4', 3000, { role => 'subtitle' }, { fourcc => ['TTML', 'STPP'], timescale => 90000, codec => 'stpp.ttml.im1t',
        systemlanguage => 'nld', role => ['subtitle'] }, 'HDS'],
);

my (@facts, @elements);
for my $t (@tracks) {
    my ($type, $file, $bitrate, $params, $more, $formats) = @$t;
    my $name = $params->{trackName} // join '_', $type, $more->{systemlanguage} // ();
    push @facts, { type => $type, systembitrate => $bitrate, systemlanguage => 'und', trackname => $name, trackid => 1, %$more,
        token => "$name=$bitrate", formats => $formats };
    my $f = $facts[-1];
    $f->{bitspersample} //= 16 if $type eq 'audio';
    $f->{$_} //= $f->{width} for qw(maxwidth displaywidth);
    $f->{$_} //= $f->{height} for qw(maxheight displayheight);
    push @elements, qq(<$type src="$file" systemBitrate="$bitrate"><param name="trackID" value="1"/>)
        . join('', map { qq(<param name="$_" value="$params->{$_}"/>) } sort keys %$params) . "</$type>";
}

my $server = JitOrigin::Httpd->new(log_level => 'warn', conf => "<Location />\n    JitOrigin On\n</Location>\nLogLevel jitorigin:error\n");
my $docs   = $server->docs;
JitOrigin::Httpd::write_file("$docs/$_", $files{$_}) for keys %files;
JitOrigin::Httpd::write_file("$docs/many.ism", smil(@elements));
chmod 0644, glob "$docs/*";
$server->start;
my $ua = HTTP::Tiny->new(timeout => 60, keep_alive => 1, max_redirect => 0, agent => 'test');

# ---- what is listed

my %format = (
    H => ['.m3u8',    sub { return $_[0] =~ m{(?:^|")many-([^"\s?]+)\.m3u8}mg }],
    D => ['.mpd',     sub { return $_[0] =~ m{<Representation id="([^"]+)"}g }],
    S => ['Manifest', sub { return map { my $s = $_; map { "$s->{Name}=$_->{Bitrate}" } @{ $s->{levels} } } @{ manifest($_[0])->{streams} } }],
);

sub get { my ($url) = @_; return $ua->get($server->base . "/many.ism/$url") }

sub listed {
    my ($f, $query) = @_;
    my ($path, $tokens) = @{ $format{$f} };
    my $answer = get("$path$query");
    return $answer->{status} if $answer->{status} != 200;
    return join ' ', sort(uniq($tokens->($answer->{content})));
}

# HLS lists TTML only where the same language has no WebVTT with the same labels.
sub wanted {
    my ($f, $keeps) = @_;
    my @kept = grep { $_->{formats} =~ /$f/ && $keeps->($_) } @facts;
    @kept = grep { $_->{token} ne 'ttml_eng=2000' } @kept if $f eq 'H' && grep { $_->{token} eq 'textstream_eng=1000' } @kept;
    return @kept ? join ' ', sort map { $_->{token} } @kept : 404;
}

sub unreserved { my ($s) = @_; $s =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ge; return $s }

# Ways in which clients write it: all encoded; as raw as a request line can be; only what must be; quotes; anything at all.
my @spell = (
    sub { unreserved($_[0]) },
    sub { $_[0] =~ s/([ %#+\t\n\x7f-\xff])/sprintf '%%%02X', ord $1/ger },
    sub { $_[0] =~ s/([&% #+\t\n\x7f-\xff])/sprintf '%%%02x', ord $1/ger },
    sub { $_[0] =~ s/([" <>%#+\t\n\x7f-\xff])/sprintf '%%%02X', ord $1/ger },
    sub { '(' . join('', map { /[ %#+\t\n\x7f-\xff]/ || rand() < 0.3 ? sprintf '%%%02X', ord : $_ } split //, $_[0]) . ')' },
);

my %failed;

# What the answer's Content-Location says of the filter keeps the same, and is what itself is called.
sub same_in_canonical {
    my ($text, $keeps, $location) = @_;
    my ($form) = ($location // '') =~ /\?filter=([^&]*)$/ or return 0;
    my $short = $form =~ s/%([0-9A-F]{2})/chr hex $1/ger;
    my $canonical = parse($short) // return 0;
    return 0 if grep { !$keeps->($_) != !$canonical->($_) } @facts;
    return (get(".mpd?filter=$form")->{headers}{'content-location'} // '') eq $location;
}

sub check_filter {
    my ($what, $text, $spelled) = @_;
    my $keeps = parse($text);
    my $ok = 1;
    my $answer = get(".mpd?filter=$spelled");
    if ($answer->{status} == 200 && !same_in_canonical($text, $keeps, $answer->{headers}{'content-location'})) {
        $ok = 0;
        diag("filter: $text\n  canonical: $answer->{headers}{'content-location'}") if $failed{$what}++ < 15;
    }
    for my $f (sort keys %format) {
        my $want = $keeps ? wanted($f, $keeps) : 400;
        my $got = listed($f, "?filter=$spelled");
        next if $got eq $want;
        $ok = 0;
        next if $failed{$what}++ >= 15;
        diag("$format{$f}[0]?filter=$spelled\n  filter: $text\n  wanted: $want\n  got:    $got" . ($keeps ? '' : "\n  since " . $JitOrigin::Filter::error));
    }
    return $ok;
}

is(listed($_, ''), wanted($_, sub { 1 }), "$format{$_}[0]: all that it can carry") for sort keys %format;

# ---- filters that were met

for my $text (
    '(type=="audio"&&systemBitrate<100000)||(type=="video"&&systemBitrate<1024000)', '(type!="video")', '(type!="meta")',
    '(type=="audio")||(type=="textstream")||(type=="video"&&MaxHeight<=480)', '(!(type=="audio"&&FourCC!="AACL"))',
) {
    for my $n (0 .. 3) { ok(check_filter('real', $text, $spell[$n]->($text)), "$text, spelling $n") }
    ok(check_filter('real', $text, $spell[0]->($text) =~ s/%(?!26)/%/r =~ s/%(?:28|29|21|3D|22|3C|7C)/chr hex substr $&, 1/ger), "$text with && encoded alone");
}

# ---- random ones

srand $seed;
sub one { return $_[rand @_] }

my %values;
for my $f (@facts) {
    for my $name (keys %KIND) {
        push @{ $values{$name} }, grep { defined } ref $f->{$name} ? @{ $f->{$name} } : $f->{$name};
    }
}
$_ = [uniq @$_] for values %values;
my @spoken = qw(type systemBitrate systemLanguage FourCC trackID trackName TimeScale SamplingRate Channels BitsPerSample AudioTag MaxWidth
    MaxHeight DisplayWidth DisplayHeight AVC_PROFILE AVC_LEVEL frameRate role codec videoRange height width);

sub any_case { return join '', map { rand() < 0.5 ? uc : lc } split //, $_[0] }
sub blank { return rand() < 0.8 ? '' : one(' ', '  ', '+', "\t") }

sub comparison {
    my $name = one(@spoken, ('type') x 6, ('systemBitrate') x 4, 'systemLanguage', 'FourCC', 'MaxHeight', 'role');
    my $kind = $KIND{ lc $name };
    my $value = one(@{ $values{ lc $name } });
    my $op = one('==', '==', '!=');
    if ($kind eq 'number') {
        $op = one(qw(== != < <= > >=));
        $value = rand() < 0.8 ? $value : rand() < 0.5 ? $value + one(-1, 1) : int rand 2 * $value + 1;
        $value = one(qw(AVC_PROFILE_BASELINE AVC_PROFILE_MAIN AVC_PROFILE_HIGH)) if $name eq 'AVC_PROFILE' && rand() < 0.5;
        $value = any_case($value) if $value =~ /A/ && rand() < 0.3;
        $value = qq("$value") if $value !~ /A/ && rand() < 0.05;
        $value .= one('.0', '.5', '.0005') if $value =~ /^\d+$/ && rand() < 0.05;
    } else {
        $value = one('meta', 'xxx', 'video', 'text', 'ger', 'en', 'fre', 'h264', 'dfxp', 'avc1', 'mp4a.40', 'vp09.02', '') if rand() < 0.15;
        $value = any_case($value) if $kind ne 'exact' && rand() < 0.2;
        my $quote = one('"', '"', '"', "'", $value =~ /^[\w.-]+$/ ? '' : '"');
        $value = "$quote$value$quote";
    }
    $name = any_case($name) if rand() < 0.3;
    return $name . blank() . $op . blank() . $value;
}

sub expression {
    my ($depth) = @_;
    my $r = rand;
    return rand() < 0.03 ? one('true', 'false') : comparison() if $depth <= 0 || $r < 0.25;
    return '!' . blank() . '(' . expression($depth - 1) . ')' if $r < 0.35;
    return '!' . one('', '!') . comparison() if $r < 0.38;
    my $sign = one('&&', '||', '||', '|');
    my $joined = join blank() . $sign . blank(), map { expression($depth - 1) } 1 .. 2 + rand 2;
    return $r < 0.75 ? '(' . blank() . $joined . blank() . ')' : $joined;
}

# One thing wrong with it, as people do it.
sub spoil {
    my ($s) = @_;
    my @ways = (
        sub { $s =~ s/\(// }, sub { $s =~ s/\)// }, sub { $s .= one(')', '&&', '|', '||', '!', '"', ' type') }, sub { $s = one('&&', '||', ')', '==') . $s },
        sub { $s =~ s/[=!<>]=|[<>]/one('=', '===', '=<', '=>', '<>', '')/e }, sub { $s =~ s/"[^"]*"/one('', 'audio', "7", '"x')/e },
        sub { $s =~ s/\b\d+\b/one('"7"', '', '-1', 'x7')/e }, sub { $s =~ s/\b(?:type|systemBitrate|FourCC)\b/one('kind', 'bitrate', 'type_', '')/ie },
        sub { $s =~ s/&&/one('&', 'and', '&&&', ',')/e }, sub { $s =~ s/!=/!/ }, sub { $s =~ s/"==|==(?=")|!=(?=")/one('<', '>=')/e }, sub { $s = '' },
    );
    one(@ways)->();
    return $s;
}

my ($agreed, %kinds, $column) = (0);
for my $n (1 .. $filters) {
    my $text = expression(int rand 4);
    $text = spoil($text) if rand() < 0.15;
    my $keeps = parse($text);
    $kinds{ !$keeps ? 'malformed' : (grep { $keeps->($_) } @facts) ? 'with tracks left' : 'with none left' }++;
    $agreed += check_filter('random', $text, one(@spell)->($text));
}
is($agreed, $filters, "$filters random filters");
cmp_ok($kinds{$_} // 0, '>=', $filters / 50, ($kinds{$_} // 0) . " $_") for 'malformed', 'with tracks left', 'with none left';

# ---- what stands beside it

# Rates of pictures, and of sound where no picture is: the filter has chosen first.
sub chosen {
    my ($keeps, $from, $to) = @_;
    my $of = (grep { $_->{type} eq 'video' && $keeps->($_) } @facts) ? 'video' : 'audio';
    return sub { return $keeps->($_[0]) && ($_[0]{type} ne $of || ($_[0]{systembitrate} >= $from && $_[0]{systembitrate} <= $to)) };
}

for my $case (['type!="meta"', 400000, 1100000], ['type!="meta"', 400001, 1099999], ['codec=="avc1"||type=="audio"', 0, 300000], ['type=="audio"', 64000, 128000],
    ['type=="textstream"', 5000, 6000], ['type!="meta"', 5000000, 6000000]) {
    my ($text, $from, $to) = @$case;
    my $keeps = chosen(parse($text), $from, $to);
    for my $query ("?filter=$text&min_bitrate=$from&max_bitrate=$to", "?max_bitrate=$to&x=y&filter=" . unreserved($text) . "&min_bitrate=$from") {
        is(join(' | ', map { listed($_, $query) } sort keys %format), join(' | ', map { wanted($_, $keeps) } sort keys %format), $query);
    }
}
is(get(".mpd?$_")->{status}, 400, $_) for 'min_bitrate=x', 'max_bitrate=-1', 'min_bitrate=2&max_bitrate=1', 'min_bitrate=1&min_bitrate=1', 'filter=true&filter=true', 'filter';
is(listed($_, '?start_index=2'), wanted($_, sub { 1 }), "$format{$_}[0]: start_index chooses nothing") for sort keys %format;
my @variants = get('.m3u8')->{content} =~ /^(many-\S+)$/mg;
my @begun = get('.m3u8?start_index=2')->{content} =~ /^(many-\S+)$/mg;
is($begun[0], $variants[2], 'start_index=2: the third variant is listed first');

# ---- limits

sub status { return get(".mpd?filter=$_[0]")->{status} }

my $all = 'type!="meta"';
is(status('(' x 32 . $all . ')' x 32), 200, '32 levels');
is(status('(' x 33 . $all . ')' x 33), 400, '33 levels');
is(status(join '%26%26', ($all) x 256), 200, '256 comparisons');
is(status(join '%26%26', ($all) x 257), 400, '257 comparisons');
is(status($all . '+' x (4096 - length $all)), 200, '4096 characters');
is(status($all . '+' x (4097 - length $all)), 400, '4097 characters');
for my $case (['type=="audio"||bad==1', 16], ['(type=="audio"', 15], ['systemBitrate=="x"', 16], ['type=="audio', 13], ['type<"audio"', 5], ['', 1]) {
    my $answer = get('.mpd?filter=' . unreserved($case->[0]));
    like($answer->{content}, qr/column $case->[1]\b/, "$case->[0]: column $case->[1]");
}

# ---- what a filter leaves alone

my %segments;
sub playlists { my ($query) = @_; return map { $_ => get($_)->{content} } uniq(get(".m3u8$query")->{content} =~ m{(many-[^"\s]+\.m3u8[^"\s]*)}g) }

my %whole = playlists('');
my %some  = playlists('?filter=' . unreserved('(type=="video"&&height>=360)||systemLanguage=="eng"'));
cmp_ok(scalar keys %some, '<', scalar keys %whole, 'fewer playlists');
is(join(' ', grep { ($whole{$_} // '') ne $some{$_} } sort keys %some), '', 'each as it is without a filter: the same segments, cut at the same times');
my %sets;
for my $query ('', '?filter=' . unreserved('(type=="video"&&height>=360)||systemLanguage=="eng"')) {
    my $mpd = get(".mpd$query")->{content};
    for my $set ($mpd =~ m{<AdaptationSet\b(.*?)</AdaptationSet>}gs) {
        my ($template) = $set =~ m{(<SegmentTemplate\b.*?</SegmentTemplate>)}s;
        push @{ $sets{$query eq ''}{$_} }, $template for $set =~ /<Representation id="([^"]+)"/g;
    }
}
is(join(' ', grep { "@{$sets{1}{$_} || []}" ne "@{$sets{''}{$_}}" } sort keys %{ $sets{''} }), '', 'and the same in the MPD');
my %streams;
for my $query ('', '?filter=' . unreserved('(type=="video"&&height>=360)||systemLanguage=="eng"')) {
    $streams{$query eq ''}{ $_->{Name} } = join ' ', $_->{Url}, map { "@$_" } @{ $_->{chunks} } for @{ manifest(get("Manifest$query")->{content})->{streams} };
}
is(join(' ', grep { ($streams{1}{$_} // '') ne $streams{''}{$_} } sort keys %{ $streams{''} }), '', 'and in the Smooth manifest');
my ($segment) = (values %some)[0] =~ /^(hls\S+)/m;
ok(get($segment)->{content} eq get("$segment?filter=" . unreserved('type=="meta"'))->{content}, 'a segment asks for no filter');

$server->finish;
done_testing();
