/* How the samples of an index are coded; between index_build.c, which writes, and index.c, which reads.
 *
 * A block is coded in bits, most significant first: 16 bits of parameters, then for each sample
 *   1 bit      set if the flags are those of the sample before, else followed by the 3 flags,
 *   0..4 bits  row of its composition offset in cts_table,
 *   number     size; then, where a flag says so, gap from the end of the sample before, and duration;
 *   number     composition offset if the row is JO_INDEX_EXPLICIT.
 * Numbers are Rice codes whose parameter k each block chooses for its own sizes and gaps: v >> k ones, a zero,
 * the low k bits; or JO_INDEX_LONG ones, 6 bits of length less one, and the number written out. */
#ifndef JO_INDEX_CODE_H
#define JO_INDEX_CODE_H

#include "index.h"

enum {
    JO_INDEX_BLOCK = 64,    /* samples */
    JO_INDEX_EXPLICIT = 15, /* row of offsets that have none; as many have one */
    JO_INDEX_OTHER_K = 9,   /* parameter of durations and explicit offsets */
    JO_INDEX_LONG = 12
};

/* Flags of a sample. */
enum {
    JO_INDEX_SYNC = 4,
    JO_INDEX_PLACE = 2,   /* does not begin where the one before ended */
    JO_INDEX_DURATION = 1 /* lasts not as long as the one before */
};

struct jo_index_block {
    int64_t dts;
    int64_t offset;    /* of its first sample */
    int64_t bytes;     /* of all samples before it */
    uint32_t at;       /* into the stream */
    uint32_t duration; /* of the sample before it */
};

#endif
