/* What a descriptor asks of its packaging (head options), and what the server's configuration does, as packagers read
 * it. */
#ifndef JO_OPTIONS_H
#define JO_OPTIONS_H

#include "../base/ticks.h"

typedef enum {
    JO_TEMPLATE_TIME,           /* $Time$ and SegmentTimeline: the default */
    JO_TEMPLATE_NUMBER,         /* $Number$ and @duration */
    JO_TEMPLATE_NUMBER_TIMELINE /* $Number$ and SegmentTimeline */
} jo_template;

typedef struct jo_options {
    jo_fraction hls_length; /* hls_minimum_fragment_length, seconds; den 0: not given */
    jo_fraction mpd_length; /* mpd_minimum_fragment_length */
    jo_template mpd_template;
    jo_fraction iss_length; /* iss_minimum_fragment_length */
    unsigned iss_version;   /* iss_client_manifest_version: 20, 21 or 22; 0: not given */
    unsigned hls_version;   /* hls_client_manifest_version: 1 to 13; 0: not given */
    bool hls_fmp4;          /* fMP4 whatever else is said: hls_fmp4 */
    bool hls_no_multiplex;  /* TS: sound in renditions of its own, at any version */
    bool hls_no_audio_only; /* no variants of sound alone beside those with pictures */
} jo_options;

/* Options that a query may name too, where JitOriginQueryOptions lists them: those that change no segment. */
enum {
    JO_OPTION_MPD_TEMPLATE = 1,
    JO_OPTION_ISS_VERSION = 2,
    JO_OPTION_HLS_VERSION = 4,
    JO_OPTION_HLS_NO_MULTIPLEX = 8,
    JO_OPTION_HLS_NO_AUDIO_ONLY = 16,
    JO_OPTION_HLS_FMP4 = 32 /* every query may: it is no word of the directive */
};

/* The value of mpd_segment_template, iss_client_manifest_version, hls_client_manifest_version, or of one that is true or
 * false (1, 0, yes, no); false: it is none. */
bool jo_template_parse(const char *s, jo_template *out);
bool jo_iss_version_parse(const char *s, unsigned *out);
bool jo_hls_version_parse(const char *s, unsigned *out);
bool jo_flag_parse(const char *s, bool *out);
/* The word for a template. */
const char *jo_template_word(jo_template t);

/* JitOriginHlsContainer */
typedef enum { JO_CONTAINER_FMP4, JO_CONTAINER_TS, JO_CONTAINER_AUTO } jo_container;

/* Settings that change bytes; part of every ETag. */
typedef struct jo_settings {
    bool keep_sample_entry; /* JitOriginSampleEntry source: never rewrite avc3 to avc1 */
    bool cmaf_urls;         /* JitOriginUrlStyle cmaf: HLS and DASH share init and segments */
    bool url_version;       /* JitOriginUrlVersion: manifests name init and segments by content */
    bool exact_clips;       /* JitOriginClip exact */
    bool manifest_filter;   /* JitOriginManifestFilter: aws.manifestfilter is read */
    bool progressive;       /* JitOriginProgressive: whole files */
    unsigned query_options; /* JitOriginQueryOptions, as bits */
    jo_container hls_container;
    bool hevc_in_ts; /* JitOriginTsHevc */
} jo_settings;

#endif
