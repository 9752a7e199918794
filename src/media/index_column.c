#include "index_column.h"

enum { PATCHED = 0x40 }; /* beside the width */

static size_t bytes_of(uint32_t n, unsigned width)
{
    return (n * width + 7) / 8;
}

/* -- writing ------------------------------------------------------------------------------------------- */

/* Loops here go over all places of a block, also where it has fewer samples: compilers make vectors of them. */

static inline unsigned bit_length(uint32_t v)
{
    return 63 - (unsigned)__builtin_clzll(2 * (uint64_t)v + 1);
}

typedef struct bit_writer {
    uint8_t *at;
    uint64_t kept; /* its low n bits are not counted into `at` yet */
    unsigned n;    /* < 8 */
} bit_writer;

/* v < 2^width, width ≤ 56. Writes up to 8 bytes more than it counts. */
static inline void put_bits(bit_writer *w, uint64_t v, unsigned width)
{
    w->kept |= v << w->n;
    jo_index_put64(w->at, w->kept);
    w->n += width;
    w->at += w->n / 8;
    w->kept >>= w->n & ~7u;
    w->n %= 8;
}

/* The first n numbers, all less than 2^width, one after the other, as many at once as fit; gives what is behind them. */
static uint8_t *pack(uint8_t *p, const uint32_t v[JO_COLUMN], uint32_t n, unsigned width)
{
    bit_writer w = {p, 0, 0};

    if (width <= 14) {
        for (uint32_t i = 0; i < n; i += 4) {
            uint64_t a = v[i] | (uint64_t)v[i + 1] << width;
            uint64_t b = v[i + 2] | (uint64_t)v[i + 3] << width;
            put_bits(&w, a | b << 2 * width, 4 * width);
        }
    } else if (width <= 28) {
        for (uint32_t i = 0; i < n; i += 2) {
            put_bits(&w, v[i] | (uint64_t)v[i + 1] << width, 2 * width);
        }
    } else {
        for (uint32_t i = 0; i < n; i++) {
            put_bits(&w, v[i], width);
        }
    }
    return p + bytes_of(n, width);
}

static uint32_t count_longer(const uint32_t v[JO_COLUMN], unsigned width)
{
    uint32_t limit = ((uint32_t)1 << width) - 1, n = 0;

    for (uint32_t i = 0; i < JO_COLUMN; i++) {
        n += (v[i] & ~limit) != 0;
    }
    return n;
}

/* How wide a column is, and how many numbers have more bits: what takes the fewest bytes, or nearly so. */
typedef struct fit {
    unsigned width, patches;
} fit;

/* mean: nearly that of the numbers. Few have more than two bits more. */
static fit choose_fit(const uint32_t v[JO_COLUMN], uint32_t n, unsigned longest, uint32_t mean)
{
    fit best = {longest, 0};
    size_t least = bytes_of(n, longest);
    unsigned from = bit_length(mean) + 3;

    for (unsigned w = from < longest ? from : longest; w-- > 0;) {
        unsigned patches = count_longer(v, w);
        size_t bytes = bytes_of(n, w) + 2 + patches + bytes_of(patches, longest - w);
        if (bytes < least) {
            least = bytes;
            best = (fit){w, patches};
        } else if (patches > n / 8) {
            break;
        }
    }
    return best;
}

/* The n numbers that have more than `width` bits. */
typedef struct patches {
    uint32_t n;
    uint8_t at[JO_COLUMN + 1];
    uint32_t high[JO_COLUMN + 1];
} patches;

/* Takes what is too long from v. */
static void take_patches(uint32_t v[JO_COLUMN], uint32_t n, unsigned width, patches *x)
{
    uint32_t limit = ((uint32_t)1 << width) - 1;

    x->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i] > limit) {
            x->at[x->n] = (uint8_t)i;
            x->high[x->n++] = v[i] >> width;
            v[i] &= limit;
        }
    }
}

static uint8_t *put_patches(uint8_t *p, patches *x, unsigned width)
{
    p[0] = (uint8_t)x->n;
    p[1] = (uint8_t)width;
    memcpy(p + 2, x->at, x->n);
    memset(x->high + x->n, 0, (JO_COLUMN - x->n) * sizeof(*x->high));
    return pack(p + 2 + x->n, x->high, x->n, width);
}

uint8_t *jo_column_put(uint8_t *p, uint32_t v[JO_COLUMN], uint32_t n)
{
    uint32_t all = 0, mean = 0;
    int32_t least = INT32_MAX;
    patches x;

    for (uint32_t i = n; i < JO_COLUMN; i++) {
        v[i] = v[0];
    }
    for (uint32_t i = 0; i < JO_COLUMN; i++) { /* numbers with a sign are cheaper to compare */
        int32_t is = (int32_t)(v[i] ^ 0x80000000u);
        least = is < least ? is : least;
    }
    uint32_t base = (uint32_t)least ^ 0x80000000u;
    for (uint32_t i = 0; i < JO_COLUMN; i++) {
        v[i] -= base;
        all |= v[i];
        mean += v[i] / JO_COLUMN;
    }
    unsigned longest = bit_length(all), base_bytes = (bit_length(base) + 7) / 8;
    fit f = choose_fit(v, n, longest, mean);
    p[0] = (uint8_t)(f.width | (f.patches > 0 ? PATCHED : 0));
    p[1] = (uint8_t)base_bytes;
    jo_index_put64(p + 2, base);
    p += 2 + base_bytes;
    if (f.patches == 0) {
        return pack(p, v, n, f.width);
    }
    take_patches(v, n, f.width, &x);
    return put_patches(pack(p, v, n, f.width), &x, longest - f.width);
}

uint8_t *jo_column_copy(uint8_t *p, const uint32_t v[JO_COLUMN], uint32_t n)
{
    uint32_t copy[JO_COLUMN];

    memcpy(copy, v, sizeof(copy));
    return jo_column_put(p, copy, n);
}

/* -- reading ------------------------------------------------------------------------------------------- */

typedef struct column {
    const uint8_t *low;       /* of all numbers */
    const uint8_t *positions; /* of those with more bits */
    const uint8_t *high;
    uint64_t base;
    unsigned width, high_width, patches;
} column;

static inline uint64_t mask_of(unsigned width)
{
    return ((uint64_t)1 << width) - 1;
}

/* Bits i * width and on, width ≤ 32. */
static inline uint64_t get_bits(const uint8_t *p, uint32_t i, unsigned width)
{
    uint32_t bit = i * width;

    return jo_index_get64(p + bit / 8) >> bit % 8 & mask_of(width);
}

/* Of n numbers; gives what is behind it. */
static const uint8_t *open_column(const uint8_t *p, uint32_t n, column *c)
{
    unsigned base = p[1];

    *c = (column){.width = p[0] % PATCHED, .low = p + 2 + base};
    c->base = base ? jo_index_get64(p + 2) & (~(uint64_t)0 >> (64 - 8 * base)) : 0;
    const uint8_t *end = c->low + bytes_of(n, c->width);
    if (p[0] & PATCHED) {
        c->patches = end[0];
        c->high_width = end[1];
        c->positions = end + 2;
        c->high = c->positions + c->patches;
        end = c->high + bytes_of(c->patches, c->high_width);
    }
    return end;
}

static inline uint64_t patch(const column *c, unsigned i)
{
    return get_bits(c->high, i, c->high_width) << c->width;
}

const uint8_t *jo_column_get(const uint8_t *p, uint32_t n, uint32_t *out)
{
    column c;
    const uint8_t *end = open_column(p, n, &c);

    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint32_t)(c.base + get_bits(c.low, i, c.width));
    }
    for (unsigned i = 0; i < c.patches; i++) {
        out[c.positions[i]] += (uint32_t)patch(&c, i);
    }
    return end;
}

int64_t jo_column_sum(const uint8_t *p, uint32_t n, uint32_t first)
{
    column c;

    open_column(p, n, &c);
    uint64_t sum = first * c.base;
    for (uint32_t i = 0; i < first; i++) {
        sum += get_bits(c.low, i, c.width);
    }
    for (unsigned i = 0; i < c.patches && c.positions[i] < first; i++) {
        sum += patch(&c, i);
    }
    return (int64_t)sum;
}

uint32_t jo_column_number(const uint8_t *p, uint32_t n, uint32_t i)
{
    column c;

    open_column(p, n, &c);
    uint64_t v = c.base + get_bits(c.low, i, c.width);
    for (unsigned k = 0; k < c.patches && c.positions[k] <= i; k++) {
        v += c.positions[k] == i ? patch(&c, k) : 0;
    }
    return (uint32_t)v;
}

const uint8_t *jo_column_skip(const uint8_t *p, uint32_t n)
{
    column c;

    return open_column(p, n, &c);
}
