package Compare;

# Does what came out hold the same coded samples as what went in? Both are read by ffprobe; packets are told apart by the MD5 of
# their bytes. Nothing here knows how the origin works.
#
# Every sample of an output track equals the source's, in order, none missing: what may be left out lies outside of the
# source's edit list. Presentation times moved by one constant, the same for all tracks and all outputs of a title.

use strict;
use warnings;
use Exporter 'import';
use JitOrigin::Httpd;
use Segments qw(fetch join_url playlist_segments mpd_segments sample_times file_times movie_edits);
use Smooth qw(smooth_tracks);

our @EXPORT_OK = qw(probe source_tracks read_outputs compare_track compare_outputs compare_title compare_smooth compare_whole);

my $limit = 300; # seconds for one ffprobe

# probe(URL, OPTIONS...): ([tracks], what ffprobe said). A track has index, type, codec, tb (seconds of a tick), id and packets:
# time and duration in seconds, hash, key, and skip for one that the edit list cuts.
sub probe {
    my ($url, @options) = @_;
    my @command = ('timeout', $limit, 'ffprobe', '-v', 'error', @options, '-show_packets', '-show_data_hash', 'md5', '-show_entries',
        'packet=stream_index,pts,duration,flags,data_hash:stream=index,codec_type,codec_name,time_base,id:stream_tags=id', '-i', $url);
    my $pid = open my $from, '-|' // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or exit 99;
        exec @command or exit 99;
    }
    my (%packets, %tracks, @said, $in, %row);
    while (my $line = <$from>) {
        chomp $line;
        if    ($line =~ m{^\[(PACKET|STREAM)\]$}) { $in = $1; %row = () }
        elsif ($line =~ m{^\[/PACKET\]$}) { push @{$packets{$row{stream_index}}}, {%row}; $in = undef }
        elsif ($line =~ m{^\[/STREAM\]$}) { $tracks{$row{index}} = {%row}; $in = undef }
        elsif ($line =~ m{^\[/?[A-Z_]+\]$}) { next }
        elsif ($in && $line =~ /^([^=]+)=(.*)$/) { $row{$1} = $2 }
        elsif ($line ne '') { push @said, $line }
    }
    close $from;
    push @said, "ffprobe: exit status $?" if $?;
    my @tracks = map { track_of($tracks{$_}, $packets{$_} || []) } sort { $a <=> $b } keys %tracks;
    return ([grep { $_->{type} =~ /^(?:video|audio)$/ } @tracks], join "\n", @said);
}

sub track_id { my ($id) = @_; return ($id // '') =~ /^0x/ ? hex $id : undef }

sub track_of {
    my ($row, $packets) = @_;
    my ($n, $d) = split m{/}, $row->{time_base};
    my $tb = $n / $d;
    my @packets = map { {
        time => ($_->{pts} // '') =~ /^-?\d+$/ ? $_->{pts} * $tb : undef,
        duration => ($_->{duration} // '') =~ /^\d+$/ ? $_->{duration} * $tb : 0,
        hash => $_->{data_hash} || 'none', key => $_->{flags} =~ /K/ ? 1 : 0, skip => $_->{flags} =~ /D/ ? 1 : 0,
    } } @$packets;
    return {index => $row->{index}, type => $row->{codec_type}, codec => $row->{codec_name} || '', tb => $tb, id => $row->{'TAG:id'} // track_id($row->{id}),
        packets => \@packets};
}

# source_tracks(FILES...): the tracks of the sources. `packets` are all samples by media time; `edit` is what the edit list
# adds to that to make presentation time; `wanted` is the first and last sample that it leaves in.
# FILE#ID is one track of a file, by its track ID.
sub source_tracks {
    my @tracks;
    for (@_) {
        my ($file, $id) = /^(.*?)(?:#(\d+))?$/;
        my ($all, $said) = probe($file, '-ignore_editlist', 1);
        my ($edited) = probe($file);
        my %edited = map { $_->{index} => $_ } @$edited;
        my $bytes = JitOrigin::Httpd::read_file($file);
        die "$file: ffprobe finds no track: $said\n" if !@$all;
        for my $track (grep { !$id || $_->{id} == $id } @$all) {
            apply_edits($track, $edited{$track->{index}}) if !fragmented($track, $bytes);
            $track->{name} = ($file =~ m{([^/]+)$})[0] . ":$track->{index}";
            push @tracks, $track if @{$track->{packets}};
        }
    }
    return @tracks;
}

# A fragmented source: ffmpeg's times go wrong with negative offsets, and it cuts nothing.
sub fragmented {
    my ($track, $bytes) = @_;
    my ($times, undef, $edit) = file_times($bytes, $track->{id}) or return 0;
    my $packets = $track->{packets};
    return 0 if @$times != @$packets;
    $packets->[$_]{time} = $times->[$_] for 0 .. $#$packets;
    my $first = 0; # what ends before the edit may be left out where there is no edit list to hide it
    if ($track->{type} eq 'audio') { $first++ while $first < $#$times && $times->[$first + 1] + $edit < $track->{tb} / 2 }
    @$track{qw(edit wanted)} = ($edit, [$first, $#$packets]);
    return 1;
}

sub apply_edits {
    my ($track, $edited) = @_;
    my ($all, $kept) = ($track->{packets}, $edited->{packets});
    my $at = find_run($all, $kept);
    $track->{edit} = 0;
    $track->{wanted} = [0, $#$all];
    return if !defined $at || !@$kept;
    $track->{edit} = median(map { $kept->[$_]{time} - $all->[$at + $_]{time} } grep { defined $kept->[$_]{time} } 0 .. $#$kept);
    my @in = grep { !$kept->[$_]{skip} } 0 .. $#$kept;
    $track->{wanted} = [$at + $in[0], $at + $in[-1]] if @in;
    return;
}

# Where a run of packets starts that begins like `run`; packets without bytes shown (ffprobe leaves them out where an edit cuts) fit all.
sub find_run {
    my ($all, $run) = @_;
    my ($probe) = grep { $run->[$_]{hash} ne 'none' } 0 .. $#$run;
    return if !defined $probe;
    for my $at (0 .. $#$all - $#$run) {
        my $n = 0;
        for my $i ($probe .. $#$run) {
            last if $run->[$i]{hash} ne 'none' && $run->[$i]{hash} ne $all->[$at + $i]{hash};
            return $at if ++$n == 8 || $i == $#$run;
        }
    }
    return;
}

sub median { my @s = sort { $a <=> $b } @_; return $s[@s / 2] }

# compare_track(SOURCE, OUTPUT): (shift in seconds or undef, problems...).
sub compare_track {
    my ($source, $output) = @_;
    my ($s, $o) = ($source->{packets}, $output->{packets});
    my @problems;
    my $at = find_run($s, [@$o[0 .. ($#$o < 7 ? $#$o : 7)]]);
    $at = 0 if !defined $at;
    my ($first, $last) = @{$source->{wanted}};
    push @problems, sprintf 'samples 0 to %d of the source are missing, the edit list cuts only %d', $at - 1, $first if $at > $first;
    my $n = @$o < @$s - $at ? @$o : @$s - $at;
    my @different = grep { $s->[$at + $_]{hash} ne $o->[$_]{hash} } 0 .. $n - 1;
    push @problems, sprintf '%d of %d packets differ, the first is no. %d: expected %s, got %s', scalar @different, $n, $different[0],
        $s->[$at + $different[0]]{hash}, $o->[$different[0]]{hash} if @different;
    push @problems, sprintf '%d packets, the source has %d from its no. %d on', scalar @$o, @$s - $at, $at
        if @$o > @$s - $at || $at + $n - 1 < $last;
    return (undef, @problems) if @problems;
    return compare_times($source, $output, $at);
}

sub compare_times {
    my ($source, $output, $at) = @_;
    my ($s, $o) = ($source->{packets}, $output->{packets});
    my $tick = 1e-6 + ($source->{tb} > $output->{tb} ? $source->{tb} : $output->{tb});
    my (@problems, @moved, @untimed, @keys);
    for my $i (0 .. $#$o) {
        my ($a, $b) = ($s->[$at + $i], $o->[$i]);
        push @keys, $i if $a->{key} != $b->{key};
        if (defined $a->{time} && defined $b->{time}) { push @moved, [$i, $b->{time} - $a->{time}] }
        else { push @untimed, $i }
    }
    push @problems, sprintf '%d packets have no time, the first is no. %d', scalar @untimed, $untimed[0] if @untimed;
    push @problems, sprintf '%d key flags differ, the first is no. %d: expected %d, got %d', scalar @keys, $keys[0],
        $s->[$at + $keys[0]]{key}, $o->[$keys[0]]{key} if @keys && $source->{type} eq 'video';
    my $shift = median(map { $_->[1] } @moved);
    my @off = grep { abs($_->[1] - $shift) > $tick } @moved;
    push @problems, sprintf '%d times are off, the first is no. %d: expected %.6f, got %.6f', scalar @off, $off[0][0],
        $s->[$at + $off[0][0]]{time} + $shift, $o->[$off[0][0]]{time} if @off;
    return ($shift - $source->{edit}, @problems);
}

# ---- a title

# The outputs of a title: ([name, tracks, what was said]...): each HLS media playlist, the multivariant playlist, the MPD.
sub read_outputs {
    my ($base) = @_;
    my ($status, $text) = fetch("$base/.m3u8");
    return (['.m3u8', [], "$status $text"]) if $status != 200;
    my %seen;
    my @playlists = grep { !$seen{$_}++ } ($text =~ /^#EXT-X-MEDIA:.*URI="([^"]+)"/mg, $text =~ /^([^#\s]\S*)/mg);
    my %mpd = eval { mpd_segments("$base/.mpd") };
    my @outputs = (['.mpd', probe_each("$base/.mpd")]);
    $outputs[0][2] .= $@ if $@;
    set_times($_, \$outputs[0][2], @{$mpd{$_->{id} // ''} || []}) for @{$outputs[0][1]};
    for my $playlist (@playlists) {
        my $url = join_url("$base/.m3u8", $playlist);
        my ($tracks, $said) = probe($url, '-allowed_extensions', 'ALL');
        my @urls = eval { playlist_segments($url) };
        $said .= $@ if $@;
        set_times($_, \$said, @urls) for @$tracks;
        push @outputs, [$playlist, $tracks, $said];
    }
    my ($tracks, $said) = probe("$base/.m3u8", '-allowed_extensions', 'ALL');
    set_times_like($_, map { @{$_->[1]} } @outputs[1 .. $#outputs]) for @$tracks;
    return (@outputs, ['.m3u8', $tracks, $said]);
}

# Track by track: ffmpeg's DASH reader stops all tracks where the first one ends.
sub probe_each {
    my ($url) = @_;
    my ($tracks, $said) = probe($url, '-read_intervals', '%+#1');
    my @each = map { [probe($url, '-select_streams', $_->{index})] } @$tracks;
    return ([map { @{$_->[0]} } @each], join '', $said, map { $_->[1] } @each);
}

# Puts the times that the boxes state in the place of ffmpeg's, which must be the same but for what it is known to add.
sub set_times {
    my ($track, $said, @urls) = @_;
    my ($times, $lag, $problem, $least) = eval { sample_times(@urls) };
    $problem = $@ if !$times;
    my $packets = $track->{packets};
    if ($times && @$times == @$packets) {
        for my $i (0 .. $#$packets) {
            my $theirs = $packets->[$i]{time};
            $problem ||= sprintf 'packet %d: ffmpeg says %.6f, the boxes %.6f', $i, $theirs, $times->[$i] + $lag->[$i]
                if defined $theirs && outside($theirs - $times->[$i], $least->[$i], $lag->[$i], $track->{tb} + 1e-6);
            $packets->[$i]{time} = $times->[$i];
        }
        $track->{lag} = $lag;
    }
    $$said .= $problem;
    return;
}

sub outside { my ($x, $low, $high, $tolerance) = @_; return $x < $low - $tolerance || $x > $high + $tolerance }

# The same for a track of the multivariant playlist: that of its media playlist.
sub set_times_like {
    my ($track, @others) = @_;
    my $print = fingerprint($track);
    my ($same) = grep { $_->{lag} && fingerprint($_) eq $print } @others;
    return if !$same;
    $track->{packets}[$_]{time} -= $same->{lag}[$_] for grep { defined $track->{packets}[$_]{time} } 0 .. $#{$track->{packets}};
    return;
}

# The source track that an output track is made of: the one with most samples in common; of equal ones, one not used yet.
sub source_of {
    my ($output, $used, @sources) = @_;
    my ($best, $most) = (undef, -1);
    my %have = map { $_->{hash} => 1 } @{$output->{packets}};
    for my $s (grep { $_->{type} eq $output->{type} } @sources) {
        my $common = grep { $have{$_->{hash}} } @{$s->{packets}};
        $common += 0.5 if !$used->{$s->{name}};
        ($best, $most) = ($s, $common) if $common > $most;
    }
    return $best;
}

sub fingerprint { return join ',', map { $_->{hash} } @{$_[0]{packets}} }

# compare_outputs(SOURCES, OUTPUTS): ([label, problems...]...), one for each track of each output, one for what is missing, one
# for the shift.
sub compare_outputs {
    my ($sources, $outputs) = @_;
    my (@results, @shifts, %playlists);
    for my $out (@$outputs) {
        my ($name, $tracks, $said) = @$out;
        my %used = ();
        push @results, ["$name: can be read", $said ne '' ? $said : (), @$tracks ? () : 'no track'];
        for my $track (@$tracks) {
            my $label = "$name $track->{type} " . (defined $track->{id} ? $track->{id} : $track->{index});
            my $source = source_of($track, \%used, @$sources);
            if (!$source) { push @results, [$label, 'no source track of this kind']; next }
            $used{$source->{name}} = $playlists{$source->{name}} = 1;
            my ($shift, @problems) = compare_track($source, $track);
            push @problems, "codec $track->{codec}, the source's is $source->{codec}" if $track->{codec} ne $source->{codec};
            push @results, ["$label = $source->{name}, " . @{$track->{packets}} . ' packets', @problems];
            push @shifts, [$label, $shift, $source->{tb} > $track->{tb} ? $source->{tb} : $track->{tb}] if defined $shift;
        }
        next if $name !~ /^(?:\.m3u8|\.mpd|Manifest|whole)$/;
        my %made = map { fingerprint($_) => 1 } grep { $used{$_->{name}} } @$sources;
        my @lost = map { $_->{name} } grep { !$made{fingerprint($_)} } @$sources;
        push @results, ["$name has every track", @lost ? "missing: @lost" : ()];
    }
    push @results, ['one shift for all tracks of all outputs', uneven(@shifts)];
    return @results;
}

sub uneven {
    my @shifts = @_;
    return 'nothing to compare' if !@shifts;
    my $middle = median(map { $_->[1] } @shifts);
    my ($coarsest) = sort { $b <=> $a } map { $_->[2] } @shifts;
    return map { sprintf '%s: %.6f s, the others %.6f s', $_->[0], $_->[1], $middle }
        grep { abs($_->[1] - $middle) > $coarsest + 1e-6 } @shifts;
}

# compare_title(URL, FILES...)
sub compare_title {
    my ($base, @files) = @_;
    return compare_outputs([source_tracks(@files)], [read_outputs($base)]);
}

# The same of Smooth Streaming, which has a time line of its own: no edit list, so the rest of a hidden access unit moves all.
sub compare_smooth {
    my ($base, @files) = @_;
    return compare_outputs([source_tracks(@files)], [['Manifest', smooth_tracks($base)]]);
}

# The same of the whole title as one MP4, played from the server and downloaded.
sub compare_whole {
    my ($base, @files) = @_;
    my ($name) = $base =~ m{([^/]+)\.\w+$};
    my ($tracks, $said) = probe("$base/$name.mp4", '-ignore_editlist', 1);
    my ($status, $bytes) = fetch("$base/$name.mp4");
    my %edit = eval { movie_edits($bytes) };
    $said .= $@ || ($status == 200 ? '' : "$status $bytes");
    for my $track (@$tracks) {
        for my $p (grep { defined $_->{time} } @{$track->{packets}}) { $p->{time} += $edit{$track->{id}} // 0 }
    }
    return compare_outputs([source_tracks(@files)], [['whole', $tracks, $said]]);
}

1;
