/* The compact sample index of one track: immutable once finished. It answers two questions, where a
 * segment may start ("boundaries") and what samples lie in a range, at a cost that does not depend on
 * the length of the title. Progressive and fragmented sources fill the same index.
 *
 * Stored in blocks of 64 samples that can be decoded on their own, in as few bits as each block needs: sizes,
 * and what differs (sync, place, duration, composition offset). Times are in the track's timescale, on the
 * media's own time line (before edit lists). */
#ifndef JO_INDEX_H
#define JO_INDEX_H

#include "../base/crypto.h"

typedef struct jo_sample {
    int64_t dts;
    int64_t offset;    /* in the source */
    uint32_t size;     /* bytes */
    uint32_t duration; /* to the next sample's DTS */
    int32_t cts;       /* PTS - DTS */
    bool sync;
} jo_sample;

/* A random access point: a sample from which decoding can start and before which, in presentation
 * order, nothing that follows it in decoding order is shown but its own leading pictures. In decoding order
 * their ept rise strictly: what does not begin later than the one before is part of it. */
typedef struct jo_rap {
    uint32_t sample;
    bool fragment; /* first sample of a source fragment */
    bool open;     /* has leading pictures (open GOP): ept < its own PTS */
    int64_t ept;   /* earliest PTS of the samples up to the next random access point */
    int64_t bytes; /* of all samples before it */
} jo_rap;

typedef struct jo_index_block jo_index_block;

typedef struct jo_index {
    uint32_t count;       /* samples */
    bool all_sync;        /* every sample is a sync sample */
    bool reordered;       /* composition offsets vary */
    bool open_gops;       /* some rap is open */
    int32_t cts;          /* offset of sample 0; of all if !reordered */
    uint32_t duration;    /* of sample 0 */
    uint32_t const_until; /* samples [0, const_until) all last `duration` */
    int64_t bytes;        /* of all samples */
    int64_t first_dts;    /* of sample 0 */
    int64_t end_dts;      /* of the last sample + its duration */
    int64_t first_pts;    /* earliest PTS */
    int64_t end_pts;      /* latest PTS + duration */
    jo_rap *raps;         /* NULL if all_sync && !reordered: then every sample is one */
    uint32_t nraps;
    uint32_t *fragments; /* first sample of each source fragment; NULL for progressive */
    uint32_t nfragments;
    jo_index_block *blocks;
    uint32_t nblocks;
    uint8_t *stream;
    size_t stream_len;
    int32_t cts_table[15];
} jo_index;

/* Bytes of memory that the index keeps (figure of the bench and of the title cache's budget). */
size_t jo_index_memory(const jo_index *ix);

/* Adds what the index says to a hash: the same wherever the same samples were indexed. */
void jo_index_hash(const jo_index *ix, jo_sha256 *h);

/* -- building, in decoding order ------------------------------------------------------------------- */

typedef struct jo_index_builder jo_index_builder;

/* The index goes into cx->pool; scratch is malloc'ed or in a sub-pool that finish() destroys. */
jo_index_builder *jo_index_builder_make(jo_ctx *cx);
/* About n samples will be added: memory for them is set aside, which is not touched before it is needed. */
void jo_index_expect(jo_index_builder *b, uint32_t n);
/* Adding and finishing fail with JO_EBUSY where memory is out.
 * Appends a sample. duration counts for the last sample only (the others last until the next DTS). A
 * DTS below the one before is raised to it with the PTS kept, up to one second (timescale ticks); more is
 * JO_EMEDIA. `timescale` is the track's. Beyond limits->samples: JO_EMEDIA. */
apr_status_t jo_index_add(jo_index_builder *b, jo_ctx *cx, const jo_sample *s, uint32_t timescale);
/* Samples in columns, as tables have them. */
enum { JO_ROWS = 64 };
typedef struct jo_rows {
    uint32_t count;
    uint32_t duration; /* of the last */
    int64_t dts[JO_ROWS];
    int64_t offset[JO_ROWS];
    uint32_t size[JO_ROWS];
    int32_t cts[JO_ROWS];
    bool sync[JO_ROWS];
} jo_rows;

/* Appends them all: the same as one after the other, but cheaper. */
apr_status_t jo_index_add_rows(jo_index_builder *b, jo_ctx *cx, const jo_rows *rows,
                               uint32_t timescale);
/* The next sample added starts a source fragment. */
void jo_index_begin_fragment(jo_index_builder *b);
/* JO_SUCCESS with count 0 is possible: a track without samples. */
apr_status_t jo_index_finish(jo_index_builder *b, jo_ctx *cx, jo_index **out);

/* -- asking -------------------------------------------------------------------------------------- */

/* Sequential decoding from sample n, a block of JO_ROWS at a time. */
typedef struct jo_cursor {
    const jo_index *index;
    uint32_t next; /* number of the sample that jo_cursor_next gives */
    /* the rest is index.c's own: the block of that sample, unless it is the first of it */
    int64_t dts, offset; /* where it is, but for a gap before it */
    uint64_t sync;       /* a bit each */
    uint32_t size[JO_ROWS], duration[JO_ROWS];
    int32_t cts[JO_ROWS];
    int64_t gap[JO_ROWS];
} jo_cursor;

void jo_cursor_init(jo_cursor *c, const jo_index *ix, uint32_t n);
bool jo_cursor_next(jo_cursor *c, jo_sample *out); /* false past the end */

/* What samples are like, wherever and whenever they are: a block at a time, for those who look at all of them. */
typedef struct jo_shapes {
    uint32_t first, count; /* samples; count 0 before the first question */
    uint64_t sync;         /* a bit each */
    uint32_t size[JO_ROWS], duration[JO_ROWS];
    int32_t cts[JO_ROWS];
} jo_shapes;

/* Makes sample n < ix->count one of them, and gives its place in the columns. */
uint32_t jo_index_shape(const jo_index *ix, uint32_t n, jo_shapes *s);

typedef struct jo_found_sample {
    uint32_t sample;
    int64_t dts;
    int64_t bytes; /* of all samples before it */
} jo_found_sample;

/* First sample whose DTS is ≥ t (count, end_dts and all bytes if none). For tracks that are all_sync && !reordered this is
 * also the question by PTS: ask with t - cts. */
jo_found_sample jo_index_find(const jo_index *ix, int64_t t);
uint32_t jo_index_find_dts(const jo_index *ix, int64_t t); /* only which */
int64_t jo_index_dts(const jo_index *ix, uint32_t n);      /* n == count: end_dts */
/* First rap (number into raps) with ept ≥ t; nraps if none. */
uint32_t jo_index_find_rap(const jo_index *ix, int64_t t);
uint32_t jo_index_size(const jo_index *ix, uint32_t n); /* bytes; past the end 0 */
/* Sum of the sizes of samples [from, to). */
int64_t jo_index_range_bytes(const jo_index *ix, uint32_t from, uint32_t to);

#endif
