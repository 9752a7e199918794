/* How the samples of an index are coded; between index_build.c, which writes, and index.c, which reads.
 *
 * A block is coded in bytes: one that says what follows (JO_INDEX_*), then
 *   sizes      column
 *   durations  column, unless all last as the block says
 *   gaps       which samples do not begin where the one before ended: 8 bytes, a bit each; then a column of theirs. The
 *              first sample has none, its place being the block's
 *   offsets    composition offsets: a byte, the row in cts_table of all; or a column of rows; or a column of offsets,
 *              their sign bit inverted, where the table is full
 *   sync       which are sync samples: a byte, how many, and a byte for each; or 8 bytes, a bit each */
#ifndef JO_INDEX_CODE_H
#define JO_INDEX_CODE_H

#include "index_column.h"

enum {
    JO_INDEX_BLOCK = JO_COLUMN, /* samples */
    JO_INDEX_CTS_ROWS = 15
};

/* The first byte of a block. */
enum {
    JO_INDEX_DURATIONS = 0x01, /* a column of them */
    JO_INDEX_GAPS = 0x02,      /* some */
    JO_INDEX_ZIGZAG = 0x04,    /* some gap is negative: all are zigzag numbers */
    JO_INDEX_CTS = 0x18,
    JO_INDEX_CTS_SAME = 0x00,
    JO_INDEX_CTS_COLUMN = 0x08,
    JO_INDEX_CTS_PLAIN = 0x10,
    JO_INDEX_SYNC = 0x60,
    JO_INDEX_SYNC_ALL = 0x00,
    JO_INDEX_SYNC_LIST = 0x20,
    JO_INDEX_SYNC_MASK = 0x40,
    JO_INDEX_WIDE = 0x80 /* gaps of more than 32 bits: a second column, of what is above */
};

struct jo_index_block {
    int64_t dts;
    int64_t offset;    /* of its first sample */
    int64_t bytes;     /* of all samples before it */
    uint32_t at;       /* into the stream */
    uint32_t duration; /* of its samples; 0 if there is a column */
};

#endif
