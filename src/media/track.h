/* One elementary stream as all inputs fill it and all outputs read it. */
#ifndef JO_TRACK_H
#define JO_TRACK_H

#include "../base/ticks.h"
#include "events.h"
#include "index.h"

typedef enum { JO_VIDEO, JO_AUDIO, JO_TEXT, JO_META, JO_KINDS } jo_kind;

typedef struct jo_codec jo_codec; /* codec.h */

/* Output formats, as bits. */
enum { JO_HLS = 1, JO_DASH = 2, JO_SMOOTH = 4 };

/* Code points of 23091-2; 2: unspecified. */
typedef struct jo_colour {
    bool known; /* false: nothing says anything */
    uint8_t primaries, transfer, matrix;
    bool full_range;
} jo_colour;

/* What a track is for: a value of a scheme, urn:mpeg:dash:role:2011 or another. */
typedef struct jo_role {
    const char *scheme;
    const char *value;
} jo_role;

#define JO_ROLE_SCHEME "urn:mpeg:dash:role:2011"

/* A track as people choose it: from the descriptor's params, else from the source's `kind` boxes. */
typedef struct jo_labels {
    const jo_role *roles; /* DASH Role; HLS characteristics follow from them */
    int nroles;
    const jo_role *accessibility; /* DASH Accessibility */
    int naccessibility;
    const char *label;           /* for people; NULL: made from the language */
    const char *characteristics; /* HLS CHARACTERISTICS as given; NULL: from the roles */
    int is_default;              /* 1 yes, 0 no, -1 not said */
    bool forced;       /* shown even if no text is chosen: HLS FORCED, DASH role forced-subtitle */
    uint32_t priority; /* DASH selectionPriority, higher is better; 0: not said */
    int32_t order;     /* place in manifests, lower first; equal ones in descriptor order */
    const char *variant_set; /* HLS: names by commas; variants pair what shares one; NULL: all */
} jo_labels;

/* A param of the descriptor, as written. */
typedef struct jo_pair {
    const char *name;
    const char *value;
} jo_pair;

/* The edit list, reduced: 14496-12 8.6.6. */
typedef struct jo_edit {
    int64_t empty;      /* ticks of the track's timescale before the media starts (rounded) */
    int64_t media_time; /* where in the media the presentation starts, track timescale */
    int64_t end;        /* media time where it ends, INT64_MAX if open */
} jo_edit;

/* From this sample on: how the samples are described and which file holds them. A track of one sample entry and one
 * file has one run. */
typedef struct jo_run {
    uint32_t sample; /* first one */
    int variant;     /* into variants */
    int source;      /* into the presentation's sources */
} jo_run;

/* What of a source is presented: samples [in, out), wire time = media time + shift. One today. */
typedef struct jo_span {
    int source; /* into the presentation's sources */
    uint32_t
        in; /* first sample kept: the last sync sample at or before the edit start (audio: its priming) */
    uint32_t out;  /* one past the last */
    int64_t shift; /* ticks */
} jo_span;

typedef struct jo_track jo_track;

struct jo_track {
    /* filled by the demuxer */
    jo_kind kind;
    uint32_t id;          /* track_ID in its source */
    uint32_t fourcc;      /* sample entry, e.g. 'avc3' */
    uint32_t timescale;   /* > 0 */
    const char *lang;     /* as in the file: elng or the 3-letter code; "und" */
    const uint8_t *entry; /* the whole sample entry box, header included */
    size_t entry_len;
    uint32_t entries; /* sample entries in stsd */
    jo_edit edit;
    jo_index *index;
    uint32_t matrix[9];   /* tkhd display matrix, 16.16 and 2.30 */
    const jo_role *kinds; /* udta/kind boxes: 14496-12 8.10.4 */
    int nkinds;

    /* filled by the codec (codec.h) from the sample entry and, where that is silent, a probe sample */
    const jo_codec *codec; /* NULL: cannot be packaged, `why` says so */
    const char *why;
    const char *rfc6381; /* audio: "mp4a.40.2"; video depends on the entry style, see codec.h */
    const uint8_t
        *config; /* avcC payload, AudioSpecificConfig; complete (with the probe's parameter sets) */
    size_t config_len;
    bool in_band;           /* parameter sets travel in the samples (avc3, hev1) */
    uint8_t nal_length;     /* bytes of NAL length fields */
    uint16_t width, height; /* luma samples after cropping */
    uint16_t sar_w, sar_h;  /* sample aspect ratio, 1:1 if unknown */
    uint32_t sample_rate;   /* output rate, after SBR */
    uint16_t channels;      /* output channels, after PS */
    unsigned formats;       /* that can carry it: JO_HLS | … */
    bool plain_units;       /* every sample can be decoded alone, whatever the file marks */
    jo_colour colour;
    const char *supplemental; /* SUPPLEMENTAL-CODECS with its brand: "dvh1.08.07/db4h"; NULL none */
    const char *hls_channels; /* CHANNELS where the count alone doesn't say it: "12/JOC" */
    const char *channel_scheme; /* DASH AudioChannelConfiguration; NULL: by the count */
    const char *channel_value;
    bool joc; /* E-AC-3 with Dolby Atmos: ETSI TS 103 420 */
    unsigned joc_complexity;
    const uint8_t *probe; /* first sync sample, if the codec asked for it */
    size_t probe_len;

    /* filled by load.c from the descriptor and the time line */
    const char *name;     /* trackName */
    uint64_t bitrate;     /* systemBitrate, bits/s */
    const char *token;    /* <name>=<bitrate>, unique */
    const char *language; /* shortest BCP 47 form (lang.h), "" if und */
    jo_labels labels;
    const jo_pair *params; /* the descriptor element's, all of them, in order */
    int nparams;
    jo_span span;
    int64_t
        start; /* wire time of the earliest kept picture or sound that is not hidden, ticks ≥ 0 */
    int64_t end;     /* wire time of the end of the last kept sample, ticks */
    int64_t preroll; /* the descriptor's P in this timescale, ticks */
    uint32_t frame;  /* average sample duration, ticks, ≥ 1 */
    int64_t priming; /* audio: ticks of sound kept before wire time 0, hidden by the init's elst */
    int64_t
        dts_shift; /* CMAF composition shift: tfdt = wire DTS + dts_shift + priming (DESIGN 9) */
    const jo_events *events; /* that its CMAF segments carry; NULL: none */
    const jo_run *runs;      /* by sample, covering all of them; at least one once loaded */
    int nruns;
    /* This track as each of its sample entries describes it: the codec part differs, all else is the same. [0] is the
     * first one's: this track itself. */
    const jo_track *const *variants;
    int nvariants;
};

/* Number of the run that a sample belongs to: into runs. */
int jo_track_run(const jo_track *t, uint32_t sample);

/* The track as the sample's entry describes it. */
const jo_track *jo_track_variant(const jo_track *t, uint32_t sample);

/* Makes all of a variant but its codec part the same as the track's: what load.c fills stands from `name` on. */
void jo_track_follow(jo_track *variant, const jo_track *t);

/* Value of a param by name without regard to case; NULL if it isn't there or is empty. */
const char *jo_track_param(const jo_track *t, const char *name);

/* Bytes that the params take. */
size_t jo_track_params_memory(const jo_track *t);

/* Frames per second as a reduced fraction; the mean, to a thousandth, if the rate varies. */
jo_fraction jo_track_frame_rate(const jo_track *t);

/* The picture of most pixels among a track's sample entries. */
const jo_track *jo_track_largest_picture(const jo_track *t);

/* Display width: luma samples × sample aspect ratio, rounded. */
uint32_t jo_track_display_width(const jo_track *t);

#endif
