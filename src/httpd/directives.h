/* Every directive, once. A row makes the member of the configuration, its default, merging, range check, error text
 * and entry in httpd's command table; conf/reference.conf is its manual (t/guard/directives.sh compares them).
 *
 *   X(kind, scope, name, member, fallback, low, high, words, summary)
 *
 * kind   WORD    one of `words`, separated by '|': the value is the word's place
 *        NUMBER  low … high, with suffix K, M or G (powers of 1024)
 *        PATHS   existing directories
 *        CACHE   class and Cache-Control value
 *        SECONDS class and seconds
 *        SUNSET  class, and seconds or a date
 *        HEADER  a header's name, or None
 *        FLAGS   any of `words`, or None: the value has a bit for each, in their order
 * scope  CONF      server, virtual host, <Directory>, <Location>
 *        HTACCESS  these and .htaccess (AllowOverride FileInfo)
 *        HOST      server and virtual host
 *        GLOBAL    server only */
#ifndef JO_DIRECTIVES_H
#define JO_DIRECTIVES_H

/* clang-format off */
#define JO_DIR_DIRECTIVES(X)                                                                       \
    X(WORD, CONF, "JitOrigin", on, 0, 0, 0, "Off|On",                                              \
      "On: titles below here are packaged on request")                                             \
    X(WORD, CONF, "JitOriginDirect", direct, 0, 0, 0, "Off|On",                                    \
      "On: a media file is a title of its own, without a descriptor")                              \
    X(PATHS, CONF, "JitOriginRoot", roots, 0, 0, 0, NULL,                                          \
      "directories that descriptors and media may lie in")                                         \
    X(WORD, CONF, "JitOriginServeSources", serve_sources, 0, 0, 0, "Off|On",                       \
      "On: source files may be downloaded as they are")                                            \
    X(CACHE, HTACCESS, "JitOriginCacheControl", cache, 0, 0, 0,                                    \
      "manifest|init|segment|error|versioned",                                                     \
      "a class of responses and its Cache-Control value, or seconds")                              \
    X(SECONDS, HTACCESS, "JitOriginStaleWhileRevalidate", stale_while_revalidate, 0, 0, 0,         \
      "manifest|init|segment|error|versioned",                                                     \
      "a class and the seconds for which caches may send it while they ask for a fresh one")       \
    X(SECONDS, HTACCESS, "JitOriginStaleIfError", stale_if_error, 0, 0, 0,                         \
      "manifest|init|segment|error|versioned",                                                     \
      "a class and the seconds for which caches may send it when the origin fails")                \
    X(SUNSET, HTACCESS, "JitOriginSunset", sunset, 0, 0, 0,                                        \
      "manifest|init|segment|error|versioned",                                                     \
      "a class and when its responses cease to be: seconds, a date or None")                       \
    X(HEADER, HTACCESS, "JitOriginSurrogateKey", surrogate_key, 0, 0, 0, NULL,                     \
      "the header by which caches purge all of a title")                                           \
    X(WORD, HTACCESS, "JitOriginPrefetch", prefetch, 0, 0, 0, "Off|On",                            \
      "On: segments say which one comes next")                                                     \
    X(WORD, HTACCESS, "JitOriginCors", cors, 1, 0, 0, "Off|On",                                    \
      "On: players on pages of other origins may read the responses")                              \
    X(WORD, CONF, "JitOriginSampleEntry", sample_entry, 0, 0, 0, "auto|source",                    \
      "source: never write avc3 as avc1")                                                          \
    X(WORD, CONF, "JitOriginUrlStyle", url_style, 0, 0, 0, "unified|cmaf",                         \
      "cmaf: HLS and DASH name the same segments")                                                 \
    X(WORD, CONF, "JitOriginUrlVersion", url_version, 0, 0, 0, "Off|On",                           \
      "On: manifests name init and media segments by their content")                               \
    X(WORD, CONF, "JitOriginHlsContainer", hls_container, 0, 0, 0, "fmp4|ts|auto",                 \
      "what HLS playlists lead to: fragmented MP4, or MPEG transport streams")                     \
    X(WORD, CONF, "JitOriginTsHevc", ts_hevc, 0, 0, 0, "Off|On",                                   \
      "On: MPEG transport streams carry HEVC too")                                                 \
    X(WORD, CONF, "JitOriginClip", clip, 0, 0, 0, "segment|exact",                                 \
      "exact: clips begin and end where they are asked to, not with segments")                     \
    X(WORD, CONF, "JitOriginManifestFilter", manifest_filter, 0, 0, 0, "Off|On",                   \
      "On: aws.manifestfilter in a query chooses tracks")                                          \
    X(FLAGS, CONF, "JitOriginQueryOptions", query_options, 0, 0, 0,                                \
      "mpd_segment_template|iss_client_manifest_version|hls_client_manifest_version|"              \
      "hls_no_multiplex|hls_no_audio_only",                                                        \
      "options of a descriptor's head that a query may give")                                      \
    X(WORD, CONF, "JitOriginProgressive", progressive, 0, 0, 0, "Off|On",                          \
      "On: a title can be downloaded as one MP4")                                                  \
    X(WORD, CONF, "JitOriginSendFile", send_file, 0, 0, 0, "auto|on|off",                          \
      "whether segments of few ranges are sent by the kernel")

#define JO_SERVER_DIRECTIVES(X)                                                                    \
    X(WORD, GLOBAL, "JitOriginCacheKey", cache_key, 0, 0, 0, "Off|On",                             \
      "On: mod_cache keeps one entry for all URLs that are the same resource")                     \
    X(NUMBER, GLOBAL, "JitOriginTitleCache", title_cache, 256 << 20, 0, INT64_C(1) << 40, NULL,    \
      "bytes of loaded titles that each child keeps")                                              \
    X(NUMBER, GLOBAL, "JitOriginManifestCache", manifest_cache, 16 << 20, 0, INT64_C(1) << 40,     \
      NULL, "bytes of rendered manifests that each child keeps")                                   \
    X(NUMBER, GLOBAL, "JitOriginSendMemory", send_memory, 256 << 20, 0, INT64_C(1) << 40, NULL,    \
      "bytes of copied bodies that may wait for clients, in each child")                           \
    X(NUMBER, GLOBAL, "JitOriginMaxDownloads", max_downloads, -1, 0, 1 << 20, NULL,                \
      "whole files (JitOriginProgressive) that each child sends at the same time; 0: any number")  \
    X(NUMBER, GLOBAL, "JitOriginMaxLoads", max_loads, 8, 1, 1024, NULL,                            \
      "titles that each child loads at the same time")                                             \
    X(NUMBER, GLOBAL, "JitOriginLoadTimeout", load_timeout, 10, 1, 600, NULL,                      \
      "seconds that a request waits for a title that is being loaded, or for its turn")            \
    X(NUMBER, HOST, "JitOriginMaxDescriptor", max_descriptor,                                      \
      jo_limits_default.descriptor_size, 1024, 256 << 20, NULL, "bytes of a descriptor")           \
    X(NUMBER, HOST, "JitOriginMaxXmlDepth", max_xml_depth,                                         \
      jo_limits_default.xml_depth, 4, 1024, NULL, "nested elements of a descriptor")               \
    X(NUMBER, HOST, "JitOriginMaxMoov", max_moov,                                                  \
      jo_limits_default.moov_size, 1024, INT64_C(4) << 30, NULL, "bytes of one moov, moof or sidx")\
    X(NUMBER, HOST, "JitOriginMaxSamples", max_samples,                                            \
      jo_limits_default.samples, 1, UINT32_MAX, NULL, "samples of all tracks of one file")         \
    X(NUMBER, HOST, "JitOriginMaxTracks", max_tracks,                                              \
      jo_limits_default.tracks, 1, 65535, NULL, "tracks of one title")                             \
    X(NUMBER, HOST, "JitOriginMaxBoxes", max_boxes,                                                \
      jo_limits_default.boxes, 16, UINT32_MAX, NULL, "boxes and fragments of one file")            \
    X(NUMBER, HOST, "JitOriginMaxSegments", max_segments,                                          \
      jo_limits_default.segments, 1, UINT32_MAX, NULL, "segments of one title")                    \
    X(NUMBER, HOST, "JitOriginMaxSegmentSize", max_segment_size,                                   \
      jo_limits_default.segment_size, 1024, INT64_C(4) << 30, NULL, "bytes of one media segment")\
    X(NUMBER, HOST, "JitOriginMaxEventsSize", max_events_size,                                     \
      jo_limits_default.events_size, 0, 64 << 20, NULL, "bytes of event messages of one title")
/* clang-format on */

#endif
