/* What a descriptor asks of its packaging (head options), as packagers read it. */
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
} jo_options;

#endif
