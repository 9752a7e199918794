#!/usr/bin/perl
# Bad values are named at start; what an .htaccess may not say is refused.
use strict;
use warnings;
use Test::More;
use JitOrigin::Httpd;
use JitOrigin::Media qw(add_title);

sub refused {
    my ($conf, $why) = @_;
    my $s = JitOrigin::Httpd->new(conf => $conf);
    my ($code, $out) = $s->check_config;
    $conf =~ s/\n/ /g;
    isnt($code, 0, "refused: $conf");
    like($out, $why, "says why: $conf");
}

sub accepted {
    my ($conf, $what, %more) = @_;
    my $s = JitOrigin::Httpd->new(conf => $conf, %more);
    my ($code, $out) = $s->check_config;
    is($code, 0, 'accepted: ' . ($what || $conf)) or diag $out;
}

for my $name (qw(JitOrigin JitOriginDirect JitOriginServeSources JitOriginCors)) {
    refused("$name maybe", qr/\Q$name\E takes one of Off\|On, not "maybe"/);
    accepted("$name on");
}
refused('JitOriginSampleEntry both', qr/auto\|source/);
refused('JitOriginUrlStyle dash', qr/unified\|cmaf/);
refused('JitOriginClip frame', qr/segment\|exact/);
refused('JitOriginHlsContainer mp4', qr/JitOriginHlsContainer takes one of fmp4\|ts\|auto, not "mp4"/);
accepted("JitOriginHlsContainer $_") for qw(fmp4 TS auto);
refused('JitOriginTsHevc ts', qr/JitOriginTsHevc takes one of Off\|On, not "ts"/);
accepted('JitOriginTsHevc On');
accepted('JitOriginQueryOptions hls_client_manifest_version hls_no_multiplex hls_no_audio_only');
refused('JitOriginQueryOptions hls_fmp4', qr/JitOriginQueryOptions takes None or any of/);
refused('JitOriginQueryOptions hls_minimum_fragment_length', qr/JitOriginQueryOptions takes None or any of mpd_segment_template\|/);
accepted('JitOriginQueryOptions mpd_segment_template iss_client_manifest_version');
accepted('JitOriginQueryOptions None');
refused('JitOriginSendFile never', qr/auto\|on\|off/);
refused('JitOriginRoot @RUN@/nowhere', qr/JitOriginRoot: .*nowhere: No such file/);
refused('JitOriginRoot @RUN@/mime.types', qr/JitOriginRoot: .*Not a directory/);
accepted('JitOriginRoot @DOCS@ @RUN@/docs/ docs');
refused('JitOriginCacheControl playlist 5', qr/manifest\|init\|segment\|error\|versioned, not "playlist"/);
refused('JitOriginCacheControl manifest -5x' . "\x01", qr/takes seconds or a Cache-Control value/);
refused('JitOriginCacheControl manifest 5m', qr/takes 0 to \d+ seconds, not "5m"/);
refused('JitOriginCacheControl manifest 99999999999', qr/takes 0 to \d+ seconds/);
accepted('JitOriginCacheControl manifest "public, max-age=5"');
for my $value (qw(-1 x 1x 1T 99999999999999999999)) {
    refused("JitOriginTitleCache $value", qr/JitOriginTitleCache takes a number from 0 to/);
}
refused("JitOriginMaxLoads $_", qr/JitOriginMaxLoads takes a number from 1 to 1024/) for qw(0 1025);
refused("JitOriginLoadTimeout $_", qr/JitOriginLoadTimeout takes a number from 1 to 600/) for qw(0 601);
accepted("JitOriginMaxLoads 64\nJitOriginLoadTimeout 30", 'bounds on loading');
refused("<VirtualHost *:1>\nJitOriginMaxLoads 5\n</VirtualHost>", qr/cannot occur within/);
accepted("JitOriginTitleCache $_") for qw(0 64k 64M 2G);
refused('JitOriginMaxMoov 1', qr/from 1024 to/);
refused('JitOriginMaxMoov 9G', qr/from 1024 to/);
refused("<VirtualHost *:1>\nJitOriginTitleCache 5M\n</VirtualHost>", qr/cannot occur within/);
refused("<Directory />\nJitOriginMaxMoov 5M\n</Directory>", qr/not allowed in <Directory> context/);
accepted("<VirtualHost *:1>\nJitOriginMaxMoov 5M\n</VirtualHost>", 'JitOriginMaxMoov in a virtual host');

my $manual = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/conf/reference.conf');
accepted($manual, 'reference.conf');
my $defaults = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/conf/jitorigin.conf');
accepted($defaults, 'jitorigin.conf', modules => [qw(deflate filter)]);
my $cache = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/conf/jitorigin-cache.conf');
accepted("$defaults\n$cache", 'jitorigin-cache.conf', modules => [qw(deflate filter cache cache_socache socache_shmcb)]);
accepted($cache, 'jitorigin-cache.conf without mod_cache');

# The example keeps media from everybody, with the module and without.
my $example = JitOrigin::Httpd::read_file(JitOrigin::Httpd->src . '/conf/example-vhost.conf');
for my $without (0, 1) {
    my $s = JitOrigin::Httpd->new(without_module => $without);
    (my $conf = $example) =~ s{/srv/media}{$s->run_dir . '/media'}ge;
    $conf =~ s{\*:80}{*:*};
    $conf =~ s{/var/www/html}{$s->docs}ge;
    $conf =~ s{\$\{APACHE_LOG_DIR\}/vod-error\.log}{$s->run_dir . '/logs/error.log'}ge;
    $conf =~ s{\$\{APACHE_LOG_DIR\}}{$s->run_dir . '/logs'}ge;
    $s->{conf} = $conf;
    add_title($s->run_dir . '/media', 'kite', 'video:kite.mp4');
    $s->expect(qr/AH01630/) if $without;
    $s->start;
    my %vhost = (Host => 'vod.example.com');
    is(($s->raw_get('/vod/kite.ism/.m3u8'))[0], $without ? 403 : 200, 'example: a title' . ($without ? ', no module' : ''));
    like(($s->raw_get("/vod/$_"))[0], qr/^40[34]$/, "example: $_") for qw(kite.ism kite.mp4 kite.MP4 kite.mp4/x);
    $s->finish;
}

# .htaccess
my $s = JitOrigin::Httpd->new(conf => qq(<Directory "\@DOCS\@">\nAllowOverride All\n</Directory>\n));
for my $line ('JitOrigin On', 'JitOriginRoot /', 'JitOriginDirect On', 'JitOriginServeSources On', 'JitOriginMaxMoov 5M', 'JitOriginHlsContainer ts',
    'JitOriginTsHevc On') {
    (my $dir = $line) =~ s/ .*//;
    add_title($s->docs . "/$dir", 'kite', 'video:kite.mp4');
    JitOrigin::Httpd::write_file($s->docs . "/$dir/.htaccess", "$line\n");
}
$s->expect(qr/not allowed here/);
$s->start;
is($s->get("/$_/kite.ism/.m3u8")->{status}, 500, ".htaccess can't say $_")
    for qw(JitOrigin JitOriginRoot JitOriginDirect JitOriginServeSources JitOriginMaxMoov JitOriginHlsContainer JitOriginTsHevc);
$s->finish;

done_testing;
