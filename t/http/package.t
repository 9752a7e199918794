#!/usr/bin/perl
# What `jitorigin package` writes is what the module serves, to the byte and for every resource; and the folder plays from
# httpd without the module's help.
use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title);

my $s = JitOrigin::Httpd->new(conf => <<'CONF');
<Location /vod>
    JitOrigin On
</Location>
CONF
add_title($s->docs . '/vod', 'kite', 'video:kite.mp4', 'audio:kite.mp4');
add_title($s->docs . '/vod', 'frag', 'video:frag.mp4');
$s->start;

sub encoded { my ($path) = @_; $path =~ s/([^\w.\/-])/sprintf '%%%02X', ord $1/ge; return $path }

for my $title (qw(kite frag)) {
    my $out = $s->docs . '/static';
    is(system(JitOrigin::Httpd::cli(), 'package', '-q', '-o', $out, $s->docs . "/vod/$title.ism"), 0, "$title is packaged");
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, substr $_, length "$out/" if -f && !m{/\.[^/]*$} } }, "$out/$title.ism");
    my (@served, @wrong, @static);
    for my $file (@files) {
        my $bytes = JitOrigin::Httpd::read_file("$out/$file");
        my $live  = $s->get("/vod/$file");
        push @served, $file if $live->{status} == 200;
        push @wrong,  $file if $live->{content} ne $bytes;
        my $plain = $s->get('/static/' . encoded($file));
        push @static, $file if $plain->{status} == 200 && $plain->{content} eq $bytes;
    }
    ok(@files > 10, '  in some files');
    is(scalar @served, scalar @files, '  each of which the module serves, too');
    is("@wrong", '', '  with the same bytes');
    is(scalar @static, scalar @files, '  and httpd without it');
}

$s->finish;
done_testing();
