/* ISO BMFF and QuickTime files: the walk over top-level boxes, moov and its sample tables. 14496-12. */
#include "../base/log.h"
#include "../base/status.h"
#include "../base/ticks.h"
#include "mp4_tracks.h"

#include <apr_strings.h>
#include <string.h>

#define BOX(s) JO_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])

static bool probe(const uint8_t *head, size_t len)
{
    static const char *const types[] = {"ftyp", "styp", "moov", "mdat", "free", "skip", "wide",
                                        "pnot", "moof", "sidx", "uuid", "emsg", "prft"};
    for (size_t i = 0; len >= 8 && i < sizeof(types) / sizeof(types[0]); i++) {
        if (!memcmp(head + 4, types[i], 4)) {
            return true;
        }
    }
    return false;
}

apr_status_t jo_mp4_add(jo_mp4_file *f, jo_mp4_track *t, const jo_sample *s)
{
    if (s->offset < 0 || s->offset > f->source->id.size - (int64_t)s->size) {
        return jo_fail(f->cx, JO_EMEDIA,
                       "sample %u of track %u lies at byte %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT
                       ", the file has %" APR_INT64_T_FMT " bytes",
                       t->added + 1, t->id, s->offset, s->offset + s->size, f->source->id.size);
    }
    t->added++;
    if (jo_index_add(t->builder, f->cx, s, t->track->timescale) != APR_SUCCESS) {
        return jo_fail_in(f->cx, apr_psprintf(f->cx->pool, "track %u", t->id));
    }
    return APR_SUCCESS;
}

/* -- headers of a trak ----------------------------------------------------------------------------------- */

static void read_tkhd(jo_reader r, jo_track *t)
{
    uint32_t flags;
    uint8_t version = jo_box_version(&r, &flags);

    t->enabled = flags & 1;
    jo_read_skip(&r, version == 1 ? 16 : 8);
    t->id = jo_read_u32(&r);
    jo_read_skip(&r, (version == 1 ? 12 : 8) + 16);
    for (int i = 0; i < 9; i++) {
        t->matrix[i] = jo_read_u32(&r);
    }
}

static const char *unpack_language(apr_pool_t *pool, unsigned code)
{
    char s[4] = {(char)((code >> 10 & 31) + 0x60), (char)((code >> 5 & 31) + 0x60),
                 (char)((code & 31) + 0x60), '\0'};

    if (code < 0x400 || code == 0x7fff) { /* QuickTime's Macintosh codes */
        return "und";
    }
    for (int i = 0; i < 3; i++) {
        if (s[i] < 'a' || s[i] > 'z') {
            return "und";
        }
    }
    return apr_pstrdup(pool, s);
}

static apr_status_t read_mdhd(jo_ctx *cx, jo_reader r, jo_track *t)
{
    uint32_t flags;
    uint8_t version = jo_box_version(&r, &flags);

    jo_read_skip(&r, version == 1 ? 16 : 8);
    t->timescale = jo_read_u32(&r);
    jo_read_skip(&r, version == 1 ? 8 : 4);
    t->lang = unpack_language(cx->pool, jo_read_u16(&r));
    if (r.failed) {
        return jo_fail(cx, JO_EMEDIA, "track %u: mdhd is cut short", t->id);
    }
    if (t->timescale == 0) {
        return jo_fail(cx, JO_EMEDIA, "track %u: mdhd says timescale 0", t->id);
    }
    return APR_SUCCESS;
}

/* Extended language tag: 14496-12 8.4.6 */
static void read_elng(jo_ctx *cx, jo_reader mdia, jo_track *t)
{
    jo_reader r;

    if (jo_box_find(mdia, BOX("elng"), &r) && jo_reader_left(&r) > 5) {
        jo_read_skip(&r, 4);
        t->lang = apr_pstrndup(cx->pool, (const char *)r.at, jo_reader_left(&r));
    }
}

static jo_kind read_handler(jo_reader r)
{
    jo_read_skip(&r, 8);
    uint32_t type = jo_read_u32(&r);

    return type == BOX("vide") ? JO_VIDEO : type == BOX("soun") ? JO_AUDIO : JO_META;
}

static apr_status_t read_stsd(jo_ctx *cx, jo_reader stbl, jo_track *t)
{
    jo_reader r;

    if (!jo_box_find(stbl, BOX("stsd"), &r)) {
        return jo_fail(cx, JO_EMEDIA, "track %u: no stsd box", t->id);
    }
    jo_read_skip(&r, 4);
    t->entries = jo_read_u32(&r);
    size_t left = jo_reader_left(&r);
    if (t->entries == 0 || left < 16) {
        return jo_fail(cx, JO_EMEDIA, "track %u: stsd has no sample entry", t->id);
    }
    uint32_t size = jo_get_u32(r.at);
    if (size < 16 || size > left) {
        return jo_fail(cx, JO_EMEDIA, "track %u: sample entry of %u bytes in an stsd of %u", t->id,
                       size, (unsigned)left);
    }
    t->entry = apr_pmemdup(cx->pool, r.at, size);
    t->entry_len = size;
    t->fourcc = jo_get_u32(t->entry + 4);
    return APR_SUCCESS;
}

/* -- edit list: 14496-12 8.6.6 ---------------------------------------------------------------------------- */

typedef struct edit_reader {
    jo_reader r;
    uint8_t version;
    uint32_t left;
} edit_reader;

static bool next_edit(edit_reader *e, uint64_t *duration, int64_t *media_time)
{
    if (e->left == 0) {
        return false;
    }
    e->left--;
    *duration = e->version == 1 ? jo_read_u64(&e->r) : jo_read_u32(&e->r);
    *media_time = e->version == 1 ? jo_read_i64(&e->r) : jo_read_i32(&e->r);
    jo_read_skip(&e->r, 4);
    return !e->r.failed;
}

#define FAR ((int64_t)1 << 59) /* no edit reaches further: keeps all later sums within 64 bits */

static int64_t bounded(int64_t v)
{
    return v > FAR ? FAR : v;
}

/* Length of an edit in ticks of the track; open where it says nothing or is not to be trusted. */
static int64_t edit_end(int64_t media_time, uint64_t duration, uint32_t movie_ts, uint32_t ts)
{
    if (duration == 0 || duration > (uint64_t)FAR) {
        return INT64_MAX;
    }
    return media_time + bounded(jo_ticks_round((int64_t)duration, movie_ts, ts));
}

static void read_edits(jo_mp4_file *f, jo_reader trak, jo_track *t, uint32_t movie_ts)
{
    edit_reader e;
    jo_reader edts;
    uint32_t flags;
    uint64_t duration;
    int64_t media_time;
    int media_edits = 0;

    t->edit = (jo_edit){0, 0, INT64_MAX};
    if (!jo_box_find(trak, BOX("edts"), &edts) || !jo_box_find(edts, BOX("elst"), &e.r)) {
        return;
    }
    e.version = jo_box_version(&e.r, &flags);
    e.left = jo_read_u32(&e.r);
    while (next_edit(&e, &duration, &media_time)) {
        int64_t ticks = duration > (uint64_t)FAR ? FAR
                        : bounded(jo_ticks_round((int64_t)duration, movie_ts, t->timescale));
        if (media_time < 0) {
            t->edit.empty = bounded(t->edit.empty + (media_edits == 0 ? ticks : 0));
        } else if (media_edits++ == 0) {
            t->edit.media_time = bounded(media_time);
            t->edit.end = edit_end(t->edit.media_time, duration, movie_ts, t->timescale);
        } else if (t->edit.end != INT64_MAX && media_time == t->edit.end) {
            t->edit.end = edit_end(t->edit.end, duration, movie_ts, t->timescale);
        } else {
            jo_log_write(f->cx, JO_LOG_WARNING,
                         "%s: track %u has several edits; it is played through from the first",
                         f->source->name, t->id);
            t->edit.end = INT64_MAX;
            break;
        }
    }
    if (f->fragmented) {
        t->edit.end = INT64_MAX; /* written before the fragments were */
    }
}

/* -- sample tables: 14496-12 8.6, 8.7 ------------------------------------------------------------------------ */

/* Runs of {count, value}: stts and ctts. */
typedef struct runs {
    jo_reader r;
    uint32_t entries;
    uint32_t in_run;
    int32_t value;
} runs;

static apr_status_t open_runs(jo_mp4_file *f, const jo_mp4_track *t, const char *type, runs *out)
{
    memset(out, 0, sizeof(*out));
    if (!jo_box_find(t->stbl, BOX(type), &out->r)) {
        jo_reader_init(&out->r, "", 0);
        return APR_SUCCESS;
    }
    jo_read_skip(&out->r, 4);
    out->entries = jo_read_u32(&out->r);
    if (out->r.failed || out->entries > jo_reader_left(&out->r) / 8) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: %s says %u entries, the box holds %u", t->id,
                       type, out->entries, (unsigned)(jo_reader_left(&out->r) / 8));
    }
    return APR_SUCCESS;
}

static bool next_run(runs *x, int32_t *value)
{
    while (x->in_run == 0) {
        if (x->entries == 0) {
            return false;
        }
        x->entries--;
        x->in_run = jo_read_u32(&x->r);
        x->value = jo_read_i32(&x->r);
    }
    x->in_run--;
    *value = x->value;
    return true;
}

/* Sizes: stsz, or stz2 with fields of 4, 8 or 16 bits. */
typedef struct sizes {
    jo_reader r;
    uint32_t count;
    uint32_t fixed;
    uint8_t bits;
    uint8_t half; /* second 4-bit field of a byte, kept */
    bool has_half;
} sizes;

static apr_status_t open_sizes(jo_mp4_file *f, const jo_mp4_track *t, sizes *out)
{
    memset(out, 0, sizeof(*out));
    if (jo_box_find(t->stbl, BOX("stsz"), &out->r)) {
        jo_read_skip(&out->r, 4);
        out->fixed = jo_read_u32(&out->r);
        out->bits = 32;
    } else if (jo_box_find(t->stbl, BOX("stz2"), &out->r)) {
        jo_read_skip(&out->r, 7);
        out->bits = jo_read_u8(&out->r);
    } else {
        return APR_SUCCESS; /* none: no samples in moov */
    }
    out->count = jo_read_u32(&out->r);
    uint64_t need = out->fixed ? 0 : ((uint64_t)out->count * out->bits + 7) / 8;
    if (out->r.failed || (out->bits != 4 && out->bits != 8 && out->bits != 16 && out->bits != 32)
        || need > jo_reader_left(&out->r)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: sample size table of %u samples does not fit its box",
                       t->id, out->count);
    }
    return APR_SUCCESS;
}

static uint32_t next_size(sizes *z)
{
    if (z->fixed) {
        return z->fixed;
    }
    if (z->bits != 4) {
        return z->bits == 8 ? jo_read_u8(&z->r) : z->bits == 16 ? jo_read_u16(&z->r) : jo_read_u32(&z->r);
    }
    if (!z->has_half) {
        uint8_t v = jo_read_u8(&z->r);
        z->half = v & 15;
        z->has_half = true;
        return v >> 4;
    }
    z->has_half = false;
    return z->half;
}

/* Places: stsc over stco or co64. */
typedef struct places {
    jo_reader stsc, co;
    bool wide;
    uint32_t entries, chunks;   /* left */
    uint32_t chunk;             /* 1-based number of the current one */
    uint32_t per_chunk, in_chunk;
    uint32_t next_first;        /* chunk at which the next stsc entry starts, 0: none */
    int64_t at;
    uint32_t description;
} places;

static apr_status_t open_places(jo_mp4_file *f, const jo_mp4_track *t, places *p)
{
    memset(p, 0, sizeof(*p));
    p->wide = jo_box_find(t->stbl, BOX("co64"), &p->co);
    if (!jo_box_find(t->stbl, BOX("stsc"), &p->stsc)
        || (!p->wide && !jo_box_find(t->stbl, BOX("stco"), &p->co))) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no stsc, stco or co64 box", t->id);
    }
    jo_read_skip(&p->stsc, 4);
    p->entries = jo_read_u32(&p->stsc);
    jo_read_skip(&p->co, 4);
    p->chunks = jo_read_u32(&p->co);
    if (p->stsc.failed || p->entries > jo_reader_left(&p->stsc) / 12) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: stsc says %u entries, the box holds %u", t->id,
                       p->entries, (unsigned)(jo_reader_left(&p->stsc) / 12));
    }
    if (p->co.failed || p->chunks > jo_reader_left(&p->co) / (p->wide ? 8 : 4)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: more chunk offsets than their box holds", t->id);
    }
    if (p->entries > 0) {
        p->next_first = jo_read_u32(&p->stsc);
    }
    return APR_SUCCESS;
}

static bool next_chunk(places *p)
{
    if (p->chunks == 0) {
        return false;
    }
    p->chunks--;
    p->chunk++;
    while (p->next_first != 0 && p->next_first <= p->chunk) {
        p->per_chunk = jo_read_u32(&p->stsc);
        p->description = jo_read_u32(&p->stsc);
        p->next_first = --p->entries > 0 ? jo_read_u32(&p->stsc) : 0;
    }
    p->at = p->wide ? jo_read_i64(&p->co) : jo_read_u32(&p->co);
    p->in_chunk = p->per_chunk;
    return true;
}

/* Place of the next sample; false past the last chunk. */
static bool next_place(places *p, uint32_t size, int64_t *out)
{
    while (p->in_chunk == 0) {
        if (!next_chunk(p)) {
            return false;
        }
    }
    p->in_chunk--;
    *out = p->at;
    p->at = p->at > INT64_MAX - size ? INT64_MAX : p->at + size;
    return true;
}

/* Sync samples: stss; without it every sample is one. */
typedef struct syncs {
    jo_reader r;
    bool all;
    uint32_t entries;
    uint32_t next;
} syncs;

static apr_status_t open_syncs(jo_mp4_file *f, const jo_mp4_track *t, syncs *s)
{
    memset(s, 0, sizeof(*s));
    s->all = !jo_box_find(t->stbl, BOX("stss"), &s->r);
    if (s->all) {
        return APR_SUCCESS;
    }
    jo_read_skip(&s->r, 4);
    s->entries = jo_read_u32(&s->r);
    if (s->r.failed || s->entries > jo_reader_left(&s->r) / 4) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: stss says %u entries, the box holds %u", t->id,
                       s->entries, (unsigned)(jo_reader_left(&s->r) / 4));
    }
    return APR_SUCCESS;
}

static bool next_sync(syncs *s, uint32_t number)
{
    while (!s->all && s->next < number && s->entries > 0) {
        s->entries--;
        s->next = jo_read_u32(&s->r);
    }
    return s->all || s->next == number;
}

typedef struct tables {
    sizes sizes;
    runs times, offsets;
    places places;
    syncs syncs;
} tables;

static apr_status_t open_tables(jo_mp4_file *f, const jo_mp4_track *t, tables *x)
{
    if (open_sizes(f, t, &x->sizes) != APR_SUCCESS || x->sizes.count == 0) {
        return f->cx->code;
    }
    if (open_runs(f, t, "stts", &x->times) != APR_SUCCESS
        || open_runs(f, t, "ctts", &x->offsets) != APR_SUCCESS
        || open_places(f, t, &x->places) != APR_SUCCESS
        || open_syncs(f, t, &x->syncs) != APR_SUCCESS) {
        return f->cx->code;
    }
    return APR_SUCCESS;
}

/* All samples of moov into the track's index. */
static apr_status_t read_samples(jo_mp4_file *f, jo_mp4_track *t)
{
    jo_sample s = {.dts = 0};
    tables x;

    if (open_tables(f, t, &x) != APR_SUCCESS) {
        return f->cx->code;
    }
    for (uint32_t n = 1; n <= x.sizes.count; n++) {
        int32_t delta;
        s.size = next_size(&x.sizes);
        if (!next_run(&x.times, &delta)) {
            return jo_fail(f->cx, JO_EMEDIA, "track %u: stts ends at sample %u of %u", t->id, n - 1,
                           x.sizes.count);
        }
        if (!next_place(&x.places, s.size, &s.offset)) {
            return jo_fail(f->cx, JO_EMEDIA, "track %u: the chunks hold %u samples, stsz has %u", t->id,
                           n - 1, x.sizes.count);
        }
        if (x.places.description > 1) {
            t->track->codec = NULL;
            t->track->why = "its sample description changes within the track";
            return APR_SUCCESS;
        }
        s.cts = 0;
        next_run(&x.offsets, &s.cts);
        s.sync = next_sync(&x.syncs, n);
        s.duration = delta > 0 ? (uint32_t)delta : 0;
        if (jo_mp4_add(f, t, &s) != APR_SUCCESS) {
            return f->cx->code;
        }
        s.dts += delta;
    }
    t->next_dts = s.dts;
    return APR_SUCCESS;
}

/* -- moov -------------------------------------------------------------------------------------------------- */

/* True for a QuickTime chapter track or another that only serves one: it is named by a tref. Sound and pictures
 * are never that. */
static apr_status_t read_media(jo_mp4_file *f, jo_reader mdia, jo_mp4_track *mt, jo_track *t)
{
    jo_reader r, minf;

    if (!jo_box_find(mdia, BOX("mdhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no mdhd box", t->id);
    }
    if (read_mdhd(f->cx, r, t) != APR_SUCCESS) {
        return f->cx->code;
    }
    read_elng(f->cx, mdia, t);
    if (!jo_box_find(mdia, BOX("minf"), &minf) || !jo_box_find(minf, BOX("stbl"), &mt->stbl)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no sample table (stbl)", t->id);
    }
    if (read_stsd(f->cx, mt->stbl, t) != APR_SUCCESS) {
        return f->cx->code;
    }
    return jo_codec_parse(f->cx, t);
}

static apr_status_t read_trak(jo_mp4_file *f, jo_reader trak, uint32_t movie_ts)
{
    jo_mp4_track *mt = &f->tracks[f->ntracks];
    jo_track *t = apr_pcalloc(f->cx->pool, sizeof(*t));
    jo_reader r, mdia;

    if (!jo_box_find(trak, BOX("tkhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "trak %d: no tkhd box", f->ntracks + 1);
    }
    read_tkhd(r, t);
    mt->id = t->id;
    f->ntracks++;
    if (!jo_box_find(trak, BOX("mdia"), &mdia) || !jo_box_find(mdia, BOX("hdlr"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no mdia or hdlr box", t->id);
    }
    t->kind = read_handler(r);
    if (t->kind != JO_VIDEO && t->kind != JO_AUDIO) {
        return APR_SUCCESS; /* chapters, timecode, hints, metadata */
    }
    if (read_media(f, mdia, mt, t) != APR_SUCCESS) {
        return f->cx->code;
    }
    read_edits(f, trak, t, movie_ts);
    mt->track = t;
    if (t->codec != NULL) {
        mt->builder = jo_index_builder_make(f->cx);
        return read_samples(f, mt);
    }
    return APR_SUCCESS;
}

static void read_trex(jo_mp4_file *f, jo_reader mvex)
{
    jo_box box;

    while (jo_box_next(&mvex, &box)) {
        if (box.type != BOX("trex")) {
            continue;
        }
        jo_read_skip(&box.body, 4);
        uint32_t id = jo_read_u32(&box.body);
        for (int i = 0; i < f->ntracks; i++) {
            if (f->tracks[i].id == id && jo_reader_left(&box.body) >= 16) {
                jo_reader r = box.body;
                f->tracks[i].defaults.description = jo_read_u32(&r);
                f->tracks[i].defaults.duration = jo_read_u32(&r);
                f->tracks[i].defaults.size = jo_read_u32(&r);
                f->tracks[i].defaults.flags = jo_read_u32(&r);
            }
        }
    }
}

static apr_status_t read_moov(jo_mp4_file *f, jo_reader moov)
{
    jo_reader r, mvex;
    jo_box box;
    uint32_t flags, movie_ts;

    if (!jo_box_find(moov, BOX("mvhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "moov: no mvhd box");
    }
    jo_read_skip(&r, jo_box_version(&r, &flags) == 1 ? 16 : 8);
    movie_ts = jo_read_u32(&r);
    if (r.failed || movie_ts == 0) {
        return jo_fail(f->cx, JO_EMEDIA, "mvhd: no timescale");
    }
    f->fragmented = jo_box_find(moov, BOX("mvex"), &mvex);
    f->tracks = apr_pcalloc(f->scratch->pool, sizeof(*f->tracks) * (f->cx->limits->tracks + 1));
    while (jo_box_next(&moov, &box)) {
        if (box.type != BOX("trak")) {
            continue;
        }
        if ((uint32_t)f->ntracks >= f->cx->limits->tracks) {
            return jo_fail(f->cx, JO_EMEDIA, "moov: more than %u tracks", f->cx->limits->tracks);
        }
        if (read_trak(f, box.body, movie_ts) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    if (moov.failed) {
        return jo_fail(f->cx, JO_EMEDIA, "moov: a box runs past its end");
    }
    if (f->fragmented) {
        read_trex(f, mvex);
    }
    return APR_SUCCESS;
}

/* -- the file --------------------------------------------------------------------------------------------------- */

/* Takes an error that was made with the scratch context over into the caller's. */
static apr_status_t take_error(jo_mp4_file *f)
{
    return jo_fail(f->cx, f->scratch->code, "%s", f->scratch->message);
}

static apr_status_t load_box(jo_mp4_file *f, const jo_top_box *box, jo_sha256 *h, jo_reader *payload)
{
    if (jo_top_box_load(f->scratch, f->source, box, payload) != APR_SUCCESS) {
        return take_error(f);
    }
    jo_sha256_add(h, payload->at, jo_reader_left(payload));
    return APR_SUCCESS;
}

static apr_status_t load_moof(jo_mp4_file *f, const jo_top_box *box, apr_pool_t *pool, jo_sha256 *h)
{
    apr_pool_t *outer = f->scratch->pool;
    jo_top_box next;
    jo_reader moof;
    int64_t end = box->offset + box->size, mdat_end = 0;

    f->fragmented = true;
    apr_pool_clear(pool);
    f->scratch->pool = pool;
    apr_status_t rv = load_box(f, box, h, &moof);
    if (rv == APR_SUCCESS) {
        if (jo_top_box_read(f->scratch, f->source, end, &next) == APR_SUCCESS
            && next.type == BOX("mdat")) {
            mdat_end = end + next.size;
        }
        rv = jo_mp4_read_moof(f, moof, box->offset, mdat_end);
    }
    f->scratch->pool = outer;
    return rv == APR_SUCCESS ? rv
                             : jo_fail_in(f->cx, apr_psprintf(f->cx->pool, "moof at byte %"
                                                              APR_INT64_T_FMT, box->offset));
}

static apr_status_t walk(jo_mp4_file *f, jo_sha256 *h)
{
    apr_pool_t *moof_pool;
    jo_top_box box;
    jo_reader moov;
    int64_t at = 0;
    uint32_t boxes = 0;

    apr_pool_create(&moof_pool, f->scratch->pool);
    for (;;) {
        apr_status_t rv = jo_top_box_read(f->scratch, f->source, at, &box);
        if (rv == APR_EOF) {
            break;
        }
        if (rv != APR_SUCCESS) {
            return f->tracks != NULL && !f->fragmented ? APR_SUCCESS : take_error(f);
        }
        if (++boxes > f->cx->limits->boxes) {
            return jo_fail(f->cx, JO_EMEDIA, "more than %u boxes", f->cx->limits->boxes);
        }
        if (box.type == BOX("moov") && f->tracks == NULL) {
            if (load_box(f, &box, h, &moov) != APR_SUCCESS || read_moov(f, moov) != APR_SUCCESS) {
                return f->cx->code;
            }
        } else if (box.type == BOX("moof") && f->tracks != NULL) {
            if (load_moof(f, &box, moof_pool, h) != APR_SUCCESS) {
                return f->cx->code;
            }
        }
        if (box.cut) {
            break; /* samples that are missing have been or will be found out */
        }
        at += box.size;
    }
    return f->tracks != NULL ? APR_SUCCESS : jo_fail(f->cx, JO_EMEDIA, "no moov box");
}

/* First sync sample, for codecs whose configuration record is silent. */
static apr_status_t read_probe(jo_mp4_file *f, jo_track *t)
{
    const jo_index *ix = t->index;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, ix, ix->nraps > 0 ? ix->raps[0].sample : 0);
    if (!jo_cursor_next(&c, &s) || s.size > f->cx->limits->moov_size) {
        return APR_SUCCESS;
    }
    uint8_t *buf = apr_palloc(f->scratch->pool, s.size + 1);
    if (jo_source_read(f->cx, f->source, s.offset, s.size, buf) != APR_SUCCESS) {
        return f->cx->code;
    }
    t->probe = buf;
    t->probe_len = s.size;
    t->codec->probe(f->cx, t);
    t->probe = NULL;
    t->probe_len = 0;
    return APR_SUCCESS;
}

static apr_status_t finish(jo_mp4_file *f, jo_demuxed *out)
{
    out->tracks = apr_pcalloc(f->cx->pool, sizeof(*out->tracks) * (size_t)(f->ntracks + 1));
    out->ntracks = 0;
    for (int i = 0; i < f->ntracks; i++) {
        jo_mp4_track *mt = &f->tracks[i];
        jo_track *t = mt->track;
        if (t == NULL) {
            continue;
        }
        if (mt->builder != NULL && jo_index_finish(mt->builder, f->cx, &t->index) != APR_SUCCESS) {
            return f->cx->code;
        }
        if (t->codec != NULL && t->index->count == 0) {
            jo_log_write(f->cx, JO_LOG_INFO, "%s: track %u has no samples", f->source->name, t->id);
            continue;
        }
        if (t->codec != NULL && t->codec->wants_probe(t) && read_probe(f, t) != APR_SUCCESS) {
            return f->cx->code;
        }
        out->tracks[out->ntracks++] = t;
    }
    return APR_SUCCESS;
}

static apr_status_t read_file(jo_ctx *cx, jo_source *src, jo_demuxed *out)
{
    jo_ctx scratch = *cx;
    jo_mp4_file f = {.cx = cx, .scratch = &scratch, .source = src};
    jo_sha256 *h;

    apr_pool_create(&scratch.pool, cx->pool);
    h = jo_sha256_make(scratch.pool);
    apr_status_t rv = walk(&f, h);
    if (rv == APR_SUCCESS) {
        rv = finish(&f, out);
    }
    jo_sha256_add_int(h, src->id.size);
    jo_sha256_finish(h, out->fingerprint);
    apr_pool_destroy(scratch.pool);
    return rv;
}

const jo_demuxer jo_demuxer_mp4 = {"mp4", probe, read_file};
