/* The sample table of a trak, 14496-12 8.5 to 8.7: run lengths are expanded sample by sample, straight
 * into the index. */
#include "../base/status.h"
#include "mp4_tracks.h"

#include <apr_strings.h>

/* -- tables ---------------------------------------------------------------------------------------- */

typedef struct table {
    const uint8_t *at;
    uint32_t count;
    bool found;
} table;

/* A full box of a count and entries of one size. */
static apr_status_t read_counted(jo_ctx *cx, const jo_mp4_track *t, uint32_t type, size_t entry,
                                 table *out)
{
    jo_reader r;
    uint32_t flags;

    *out = (table){0};
    if (!jo_box_find(t->stbl, type, &r)) {
        return APR_SUCCESS;
    }
    (void)jo_box_version(&r, &flags);
    out->count = jo_read_u32(&r);
    out->at = r.at;
    out->found = true;
    if (r.failed || jo_reader_left(&r) / entry < out->count) {
        return jo_fail(cx, JO_EMEDIA, "track %u: %s: %u entries, box holds %" APR_SIZE_T_FMT,
                       t->track->id, jo_fourcc_text(cx->pool, type), out->count,
                       jo_reader_left(&r) / entry);
    }
    return APR_SUCCESS;
}

/* Pairs of a count and a value: stts, ctts. */
typedef struct runs {
    table pairs;
    uint32_t left;
    uint32_t value;
} runs;

static bool runs_next(runs *r)
{
    while (r->left == 0) {
        if (r->pairs.count == 0) {
            r->value = 0;
            return false;
        }
        r->left = jo_get_u32(r->pairs.at);
        r->value = jo_get_u32(r->pairs.at + 4);
        r->pairs.at += 8;
        r->pairs.count--;
    }
    r->left--;
    return true;
}

/* Sizes: stsz (bits 32 or all the same), stz2 (4, 8 or 16 bits). */
typedef struct sizes {
    const uint8_t *at;
    uint32_t count;
    uint32_t same; /* size of all samples, if not 0 */
    unsigned bits;
} sizes;

static apr_status_t check_sizes(jo_ctx *cx, const jo_mp4_track *t, const jo_reader *r, const sizes *s)
{
    uint64_t need = s->same ? 0 : ((uint64_t)s->count * s->bits + 7) / 8;

    if (r->failed || need > jo_reader_left(r)) {
        return jo_fail(cx, JO_EMEDIA, "track %u: stsz: %u entries, box holds %" APR_SIZE_T_FMT,
                       t->track->id, s->count, jo_reader_left(r) * 8 / s->bits);
    }
    return APR_SUCCESS;
}

static apr_status_t read_sizes(jo_ctx *cx, const jo_mp4_track *t, sizes *s)
{
    jo_reader r;
    uint32_t flags;

    *s = (sizes){.bits = 32};
    if (jo_box_find(t->stbl, JO_FOURCC('s', 't', 's', 'z'), &r)) {
        (void)jo_box_version(&r, &flags);
        s->same = jo_read_u32(&r);
    } else if (jo_box_find(t->stbl, JO_FOURCC('s', 't', 'z', '2'), &r)) {
        (void)jo_box_version(&r, &flags);
        s->bits = jo_read_u32(&r) & 0xff;
        if (s->bits != 4 && s->bits != 8 && s->bits != 16) {
            return jo_fail(cx, JO_EMEDIA, "track %u: stz2: sizes of %u bits", t->track->id, s->bits);
        }
    } else {
        return APR_SUCCESS;
    }
    s->count = jo_read_u32(&r);
    s->at = r.at;
    return check_sizes(cx, t, &r, s);
}

static uint32_t size_of(const sizes *s, uint32_t n)
{
    if (s->same != 0) {
        return s->same;
    }
    switch (s->bits) {
    case 4:
        return s->at[n / 2] >> (n % 2 ? 0 : 4) & 15;
    case 8:
        return s->at[n];
    case 16:
        return (uint32_t)s->at[n * (size_t)2] << 8 | s->at[n * (size_t)2 + 1];
    default:
        return jo_get_u32(s->at + n * (size_t)4);
    }
}

/* Places: chunk offsets (stco, co64) and how many samples lie in each (stsc). */
typedef struct places {
    table chunks;
    unsigned width; /* bytes of a chunk offset */
    table groups;   /* first chunk, samples per chunk, description */
    uint32_t chunk; /* next one, from 0 */
    uint32_t left;  /* samples of the current one */
    uint64_t at;
    bool other_description;
} places;

static apr_status_t read_places(jo_ctx *cx, const jo_mp4_track *t, places *p)
{
    *p = (places){.width = 4};
    if (read_counted(cx, t, JO_FOURCC('s', 't', 'c', 'o'), 4, &p->chunks) != APR_SUCCESS) {
        return cx->code;
    }
    if (!p->chunks.found) {
        p->width = 8;
        if (read_counted(cx, t, JO_FOURCC('c', 'o', '6', '4'), 8, &p->chunks) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return read_counted(cx, t, JO_FOURCC('s', 't', 's', 'c'), 12, &p->groups);
}

/* Goes to the next chunk that has samples; false if there is none. */
static bool next_chunk(places *p)
{
    while (p->left == 0) {
        if (p->chunk == p->chunks.count || p->groups.count == 0) {
            return false;
        }
        p->chunk++;
        while (p->groups.count > 1 && jo_get_u32(p->groups.at + 12) <= p->chunk) {
            p->groups.at += 12;
            p->groups.count--;
        }
        p->left = jo_get_u32(p->groups.at + 4);
        p->other_description |= p->left > 0 && jo_get_u32(p->groups.at + 8) > 1;
        p->at = jo_get_u32(p->chunks.at);
        if (p->width == 8) {
            p->at = p->at << 32 | jo_get_u32(p->chunks.at + 4);
        }
        p->chunks.at += p->width;
        p->chunks.count--; /* so that `chunk` must be counted apart */
        p->chunk -= 0;
    }
    return true;
}
