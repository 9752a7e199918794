/* ISO BMFF and QuickTime files: the walk over top-level boxes, moov and its sample tables. 14496-12. */
#include "../base/log.h"
#include "../base/status.h"
#include "../base/ticks.h"
#include "mp4_tracks.h"

#include <apr_strings.h>
#include <string.h>

#define BOX(s)     JO_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])
#define MOST_KINDS 16

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

static bool by_reference(const jo_mp4_track *t)
{
    for (uint32_t i = 0; i < t->nentries; i++) {
        if (t->entries[i].location != NULL) {
            return true;
        }
    }
    return false;
}

/* A few bytes of run lengths can claim any number of samples; in honest files each has a byte of its own. */
apr_status_t jo_mp4_announce(jo_mp4_file *f, const jo_mp4_track *t, uint32_t n)
{
    f->samples += n;
    if (f->samples > f->cx->limits->samples) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: more than %u samples in all tracks", t->id,
                       f->cx->limits->samples);
    }
    f->own += by_reference(t) ? 0 : n;
    if (f->own > (uint64_t)f->source->id.size) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: more samples than the file has bytes", t->id);
    }
    return APR_SUCCESS;
}

static apr_status_t fail_place(jo_mp4_file *f, const jo_mp4_track *t, const jo_rows *rows,
                               int64_t end)
{
    uint32_t i = 0;

    while (rows->offset[i] >= 0 && rows->offset[i] <= end - (int64_t)rows->size[i]) {
        i++;
    }
    return jo_fail(f->cx, JO_EMEDIA,
                   "truncated: sample %u of track %u ends at byte %" APR_UINT64_T_FMT
                   ", the file has %" APR_INT64_T_FMT,
                   t->added + i + 1, t->id, (uint64_t)rows->offset[i] + rows->size[i], end);
}

/* Is each of n samples within a file? No place is so far off that these run over. */
static inline __attribute__((always_inline)) bool are_within(const jo_rows *rows, uint32_t n,
                                                             int64_t end)
{
    int64_t any = 0; /* negative if some number is */

    for (uint32_t i = 0; i < n; i++) {
        any |= rows->offset[i] | (end - (int64_t)rows->size[i] - rows->offset[i]);
    }
    return any >= 0;
}

static apr_status_t check_places(jo_mp4_file *f, const jo_mp4_track *t, const jo_rows *rows,
                                 int64_t end)
{
    if (!(rows->count == JO_ROWS ? are_within(rows, JO_ROWS, end)
                                 : are_within(rows, rows->count, end))) {
        return fail_place(f, t, rows, end);
    }
    f->added += rows->count;
    if (f->added > f->bytes) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: more samples than the files have bytes", t->id);
    }
    return APR_SUCCESS;
}

apr_status_t jo_mp4_add(jo_mp4_file *f, jo_mp4_track *t, jo_rows *rows, uint32_t description)
{
    if (t->track->plain_units) {
        memset(rows->sync, true, rows->count);
    }
    description += description == 0;
    if (description != t->description &&
        (jo_mp4_describe(f, t, description) != APR_SUCCESS || t->track->codec == NULL)) {
        return f->cx->code;
    }
    int64_t end = f->files[t->entries[description - 1].file]->id.size;
    if (check_places(f, t, rows, end) != APR_SUCCESS) {
        return f->cx->code;
    }
    t->added += rows->count;
    if (jo_index_add_rows(t->builder, f->cx, rows, t->track->timescale) != APR_SUCCESS) {
        return jo_fail_in(f->cx, apr_psprintf(f->cx->pool, "track %u", t->id));
    }
    return APR_SUCCESS;
}

/* -- headers of a trak ----------------------------------------------------------------------------------- */

static void read_tkhd(jo_reader r, jo_track *t)
{
    uint32_t flags;
    uint8_t version = jo_box_version(&r, &flags);

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

static bool printable(const char *s)
{
    while (*s >= ' ' && *s <= '~') {
        s++;
    }
    return *s == '\0';
}

/* Extended language tag: 14496-12 8.4.6. What is no ASCII is none. */
static void read_elng(jo_ctx *cx, jo_reader mdia, jo_track *t)
{
    jo_reader r;

    if (jo_box_find(mdia, BOX("elng"), &r) && jo_reader_left(&r) > 5) {
        jo_read_skip(&r, 4);
        const char *tag = apr_pstrndup(cx->pool, (const char *)r.at, jo_reader_left(&r));
        t->lang = printable(tag) ? tag : t->lang;
    }
}

/* JO_META stands for whatever is no track of a package: timecode, hints, metadata. */
static jo_kind read_handler(jo_reader r)
{
    jo_read_skip(&r, 8);
    switch (jo_read_u32(&r)) {
    case JO_FOURCC('v', 'i', 'd', 'e'):
        return JO_VIDEO;
    case JO_FOURCC('s', 'o', 'u', 'n'):
        return JO_AUDIO;
    case JO_FOURCC('t', 'e', 'x', 't'):
    case JO_FOURCC('s', 'b', 't', 'l'):
    case JO_FOURCC('s', 'u', 'b', 't'):
    case JO_FOURCC('s', 'u', 'b', 'p'):
        return JO_TEXT;
    default:
        return JO_META;
    }
}

/* Roles and other purposes: 14496-12 8.10.4 */
static void read_kinds(jo_ctx *cx, jo_reader trak, jo_track *t)
{
    apr_array_header_t *kinds = apr_array_make(cx->pool, 2, sizeof(jo_role));
    jo_reader udta;
    jo_box box;

    if (!jo_box_find(trak, BOX("udta"), &udta)) {
        return;
    }
    while (kinds->nelts < MOST_KINDS && jo_box_next(&udta, &box)) {
        if (box.type != BOX("kind") || jo_reader_left(&box.body) < 6) {
            continue;
        }
        const char *s =
            apr_pstrmemdup(cx->pool, (const char *)box.body.at + 4, jo_reader_left(&box.body) - 4);
        size_t scheme = strlen(s), len = jo_reader_left(&box.body) - 4;
        if (scheme > 0 && scheme + 1 < len && printable(s) && printable(s + scheme + 1)) {
            APR_ARRAY_PUSH(kinds, jo_role) = (jo_role){s, s + scheme + 1};
        }
    }
    t->kinds = (const jo_role *)kinds->elts;
    t->nkinds = kinds->nelts;
}

/* -- edit list: 14496-12 8.6.6 ---------------------------------------------------------------------------- */

#define RATE_1 0x10000

typedef struct edit_reader {
    jo_reader r;
    uint8_t version;
    uint32_t left;
    bool odd_rate; /* some edit is to be played faster or slower */
    bool stills;   /* some is a picture that stands */
} edit_reader;

typedef struct edit {
    uint64_t duration;
    int64_t media_time;
    bool still; /* a picture stands while time passes, and more follows */
} edit;

static bool next_edit(edit_reader *e, edit *out)
{
    if (e->left == 0) {
        return false;
    }
    e->left--;
    out->duration = e->version == 1 ? jo_read_u64(&e->r) : jo_read_u32(&e->r);
    out->media_time = e->version == 1 ? jo_read_i64(&e->r) : jo_read_i32(&e->r);
    uint32_t rate = jo_read_u32(&e->r);
    out->still = out->media_time >= 0 && rate == 0 && e->left > 0;
    e->stills = e->stills || out->still;
    e->odd_rate = e->odd_rate || (out->media_time >= 0 && rate != RATE_1 && !out->still);
    return !e->r.failed;
}

#define FAR ((int64_t)1 << 59) /* no edit reaches further: keeps all later sums within 64 bits */

static int64_t bounded(int64_t v)
{
    return v > FAR ? FAR : v;
}

/* Movie ticks in ticks of the track. */
static int64_t edit_ticks(const jo_mp4_file *f, const jo_track *t, uint64_t duration)
{
    return duration > (uint64_t)FAR
               ? FAR
               : bounded(jo_ticks_round((int64_t)duration, f->timescale, t->timescale));
}

/* Where an edit ends in the media; open where it says nothing or is not to be trusted. */
static int64_t edit_end(const jo_mp4_file *f, const jo_track *t, int64_t start, uint64_t duration)
{
    if (duration == 0 || duration > (uint64_t)FAR) {
        return INT64_MAX;
    }
    return bounded(start) + edit_ticks(f, t, duration);
}

/* An edit goes on where the one before ended, as exactly as movie ticks can say. */
static bool continues(const jo_mp4_file *f, const jo_track *t, int64_t media_time)
{
    return t->edit.end != INT64_MAX &&
           bounded(media_time) >= t->edit.end - edit_ticks(f, t, 1) - 1 &&
           bounded(media_time) <= t->edit.end + edit_ticks(f, t, 1) + 1;
}

/* What of an edit list a package can say: silence, then one stretch of the media. False for more than that. */
static bool reduce_edits(const jo_mp4_file *f, jo_track *t, edit_reader *e)
{
    edit x;
    bool begun = false, paused = false;

    while (next_edit(e, &x)) {
        if (x.media_time < 0 || x.still) {
            t->edit.empty = bounded(t->edit.empty + (begun ? 0 : edit_ticks(f, t, x.duration)));
            paused = begun;
        } else if (!begun) {
            t->edit.media_time = bounded(x.media_time);
            t->edit.end = edit_end(f, t, x.media_time, x.duration);
            begun = true;
        } else if (!paused && continues(f, t, x.media_time)) {
            t->edit.end = edit_end(f, t, x.media_time, x.duration);
        } else {
            return false;
        }
    }
    return true;
}

static void read_edits(jo_mp4_file *f, jo_reader trak, jo_track *t)
{
    edit_reader e = {.odd_rate = false};
    jo_reader edts;
    uint32_t flags;

    t->edit = (jo_edit){0, 0, INT64_MAX};
    if (!jo_box_find(trak, BOX("edts"), &edts) || !jo_box_find(edts, BOX("elst"), &e.r)) {
        return;
    }
    e.version = jo_box_version(&e.r, &flags);
    e.left = jo_read_u32(&e.r);
    if (!reduce_edits(f, t, &e)) {
        jo_log_write(f->cx, JO_LOG_WARNING,
                     "%s: track %u has several edits; it is played through from the first",
                     f->source->name, t->id);
        t->edit.end = INT64_MAX;
    }
    if (e.stills) {
        jo_log_write(f->cx, JO_LOG_WARNING, "%s: track %u has still pictures; it starts after them",
                     f->source->name, t->id);
    }
    if (e.odd_rate) {
        jo_log_write(f->cx, JO_LOG_WARNING,
                     "%s: track %u has edits of another speed; it is played at its own",
                     f->source->name, t->id);
        t->edit.end = INT64_MAX;
    }
    if (f->fragmented) {
        t->edit.end = INT64_MAX; /* written before the fragments were */
    }
}

/* -- moov -------------------------------------------------------------------------------------------------- */

static apr_status_t read_media(jo_mp4_file *f, jo_reader mdia, jo_track *t)
{
    jo_reader r;

    if (!jo_box_find(mdia, BOX("mdhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no mdhd box", t->id);
    }
    if (read_mdhd(f->cx, r, t) != APR_SUCCESS) {
        return f->cx->code;
    }
    read_elng(f->cx, mdia, t);
    return APR_SUCCESS;
}

static apr_status_t read_trak(jo_mp4_file *f, jo_reader trak)
{
    jo_mp4_track *mt = &f->tracks[f->ntracks];
    jo_track *t = apr_pcalloc(f->cx->pool, sizeof(*t));
    jo_reader r, mdia, minf;

    if (!jo_box_find(trak, BOX("tkhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "trak %d: no tkhd box", f->ntracks + 1);
    }
    read_tkhd(r, t);
    t->sar_w = t->sar_h = 1;
    *mt = (jo_mp4_track){.id = t->id, .last_moof = -1};
    f->ntracks++;
    if (!jo_box_find(trak, BOX("mdia"), &mdia) || !jo_box_find(mdia, BOX("hdlr"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no mdia or hdlr box", t->id);
    }
    t->kind = read_handler(r);
    if (!jo_box_find(mdia, BOX("minf"), &minf) || !jo_box_find(minf, BOX("stbl"), &mt->stbl) ||
        (t->kind == JO_META && !jo_mp4_holds_events(mt->stbl))) {
        return APR_SUCCESS;
    }
    if (read_media(f, mdia, t) != APR_SUCCESS) {
        return f->cx->code;
    }
    read_edits(f, trak, t);
    read_kinds(f->cx, trak, t);
    mt->track = t;
    if (jo_mp4_read_entries(f, minf, mt) != APR_SUCCESS) {
        return f->cx->code;
    }
    if (t->kind == JO_META) {
        t->codec = &jo_mp4_event_codec; /* so that its samples are indexed */
    }
    return APR_SUCCESS;
}

/* Tracks that another names as its chapters (QuickTime's 'chap' reference) are no programme of their own. */
static void mark_chapters(jo_mp4_file *f, jo_reader trak)
{
    jo_reader tref, ids;

    if (!jo_box_find(trak, BOX("tref"), &tref) || !jo_box_find(tref, BOX("chap"), &ids)) {
        return;
    }
    for (uint32_t n = 0; n < f->cx->limits->tracks && jo_reader_left(&ids) >= 4; n++) {
        uint32_t id = jo_read_u32(&ids);
        for (int i = 0; i < f->ntracks; i++) {
            f->tracks[i].served = f->tracks[i].served || f->tracks[i].id == id;
        }
    }
}

static void mark_all_chapters(jo_mp4_file *f, jo_reader moov)
{
    jo_box box;

    while (jo_box_next(&moov, &box)) {
        if (box.type == BOX("trak")) {
            mark_chapters(f, box.body);
        }
    }
    for (int i = 0; i < f->ntracks; i++) {
        if (f->tracks[i].served) {
            f->tracks[i].track = NULL;
        }
    }
}

static apr_status_t read_tables(jo_mp4_file *f)
{
    for (int i = 0; i < f->ntracks; i++) {
        jo_mp4_track *mt = &f->tracks[i];
        if (mt->track == NULL) {
            continue;
        }
        mt->builder = jo_index_builder_make(f->cx);
        if (jo_mp4_read_table(f, mt) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    return APR_SUCCESS;
}

static void read_trex(jo_mp4_file *f, jo_reader mvex)
{
    jo_box box;
    uint32_t n = 0;

    while (n < f->cx->limits->tracks && jo_box_next(&mvex, &box)) {
        if (box.type != BOX("trex")) {
            continue;
        }
        n++;
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

static apr_status_t read_mvhd(jo_mp4_file *f, jo_reader moov)
{
    jo_reader r;
    uint32_t flags;

    if (!jo_box_find(moov, BOX("mvhd"), &r)) {
        return jo_fail(f->cx, JO_EMEDIA, "moov: no mvhd box");
    }
    jo_read_skip(&r, jo_box_version(&r, &flags) == 1 ? 16 : 8);
    f->timescale = jo_read_u32(&r);
    return f->timescale != 0 ? APR_SUCCESS : jo_fail(f->cx, JO_EMEDIA, "mvhd: no timescale");
}

static apr_status_t read_traks(jo_mp4_file *f, jo_reader moov)
{
    jo_box box;

    while (jo_box_next(&moov, &box)) {
        if (box.type != BOX("trak")) {
            continue;
        }
        if ((uint32_t)f->ntracks >= f->cx->limits->tracks) {
            return jo_fail(f->cx, JO_EMEDIA, "moov: more than %u tracks", f->cx->limits->tracks);
        }
        if (read_trak(f, box.body) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    return moov.failed ? jo_fail(f->cx, JO_EMEDIA, "moov: a box runs past its end") : APR_SUCCESS;
}

static apr_status_t read_moov(jo_mp4_file *f, jo_reader moov)
{
    jo_reader mvex;

    if (read_mvhd(f, moov) != APR_SUCCESS) {
        return f->cx->code;
    }
    f->fragmented = jo_box_find(moov, BOX("mvex"), &mvex);
    f->tracks = apr_pcalloc(f->scratch->pool, sizeof(*f->tracks) * (f->cx->limits->tracks + 1));
    if (read_traks(f, moov) != APR_SUCCESS) {
        return f->cx->code;
    }
    mark_all_chapters(f, moov);
    if (f->fragmented) {
        read_trex(f, mvex);
    }
    return read_tables(f);
}

/* -- fingerprint ------------------------------------------------------------------------------------------------ */

static bool is_table(uint32_t type)
{
    static const char *const types[] = {"stts", "ctts", "stsz", "stz2", "stsc",
                                        "stco", "co64", "stss", "stps"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (type == BOX(types[i])) {
            return true;
        }
    }
    return false;
}

#define WORTH_SKIPPING 32 /* bytes: bounds the pieces that a moov is hashed in */

/* Adds what lies from *from up to each sample table in r, which is moved behind it. */
static void hash_around(jo_sha256 *h, jo_reader r, int depth, const uint8_t **from)
{
    static const char *const path[] = {"trak", "mdia", "minf", "stbl"};
    jo_box box;

    while (jo_box_next(&r, &box)) {
        if (depth < 4 && box.type == BOX(path[depth])) {
            hash_around(h, box.body, depth + 1, from);
        } else if (depth == 4 && is_table(box.type) && jo_reader_left(&box.body) > WORTH_SKIPPING) {
            jo_sha256_add(h, *from, (size_t)(box.body.at - *from));
            *from = box.body.end;
        }
    }
}

/* All but the sample tables, most of a moov: what they say is in the indexes, a sixth of their size. */
static void hash_moov(jo_sha256 *h, jo_reader moov)
{
    const uint8_t *from = moov.at;

    hash_around(h, moov, 0, &from);
    jo_sha256_add(h, from, (size_t)(moov.end - from));
}

static void hash_word(jo_sha256 *h, const char *s)
{
    jo_sha256_add_str(h, s != NULL ? s : "");
}

/* What a probe found is part of what the packages are made from: a configuration, or where the codec has none (MPEG audio,
 * DTS in mp4a, MPEG-H without mhaC, TTML) what it says of the sound or text. */
static void hash_variant(jo_sha256 *h, const jo_track *t)
{
    jo_sha256_add_int(h, (int64_t)t->config_len);
    jo_sha256_add(h, t->config, t->config_len);
    hash_word(h, t->rfc6381);
    jo_sha256_add_int(h, t->sample_rate);
    jo_sha256_add_int(h, t->channels);
    hash_word(h, t->channel_scheme);
    hash_word(h, t->channel_value);
}

static void hash_track(jo_sha256 *h, const jo_track *t)
{
    jo_index_hash(t->index, h);
    for (int i = 0; i < t->nruns; i++) {
        jo_sha256_add_int(h, t->runs[i].sample);
        jo_sha256_add_int(h, t->runs[i].variant);
        jo_sha256_add_int(h, t->runs[i].source);
    }
    for (int i = 0; i < t->nvariants; i++) {
        hash_variant(h, t->variants[i]);
    }
}

/* -- the file --------------------------------------------------------------------------------------------------- */

/* Takes an error that was made with the scratch context over into the caller's. */
static apr_status_t take_error(jo_mp4_file *f)
{
    return jo_fail(f->cx, f->scratch->code, "%s", f->scratch->message);
}

static apr_status_t load_box(jo_mp4_file *f, const jo_top_box *box, jo_reader *payload)
{
    return jo_top_box_load(f->scratch, f->source, box, payload) == APR_SUCCESS ? APR_SUCCESS
                                                                               : take_error(f);
}

static apr_status_t load_moof(jo_mp4_file *f, const jo_top_box *box, apr_pool_t *pool)
{
    apr_pool_t *outer = f->scratch->pool;
    jo_top_box next;
    jo_reader moof;
    int64_t end = box->offset + box->size, mdat_end = 0;

    f->fragmented = true;
    apr_pool_clear(pool);
    f->scratch->pool = pool;
    apr_status_t rv = load_box(f, box, &moof); /* an error of which says where */
    if (rv == APR_SUCCESS) {
        if (jo_top_box_read(f->scratch, f->source, end, &next) == APR_SUCCESS &&
            next.type == BOX("mdat")) {
            mdat_end = end + next.size;
        }
        rv = jo_mp4_read_moof(f, moof, box->offset, mdat_end);
        if (rv != APR_SUCCESS) {
            jo_fail_in(f->cx,
                       apr_psprintf(f->cx->pool, "moof at byte %" APR_INT64_T_FMT, box->offset));
        }
    }
    f->scratch->pool = outer;
    return rv;
}

/* The box at *at, and *at moved behind it; APR_EOF at the end. A box that is cut is the last: samples that are
 * missing are found out by their places. Errors are left in f->scratch. */
static apr_status_t next_top(jo_mp4_file *f, int64_t *at, jo_top_box *box)
{
    apr_status_t rv = jo_top_box_read(f->scratch, f->source, *at, box);

    if (rv == APR_SUCCESS && ++f->boxes > f->cx->limits->boxes) {
        return jo_fail(f->scratch, JO_EMEDIA, "more than %u boxes", f->cx->limits->boxes);
    }
    if (rv == APR_SUCCESS) {
        *at = box->cut ? f->source->id.size : box->offset + box->size;
    }
    return rv;
}

/* Reads the first moov. *resume: where moofs may begin. */
static apr_status_t find_moov(jo_mp4_file *f, jo_sha256 *h, int64_t *resume)
{
    jo_top_box box;
    jo_reader moov;
    int64_t at = 0, first_moof = -1;
    apr_status_t rv;

    while ((rv = next_top(f, &at, &box)) == APR_SUCCESS && box.type != BOX("moov")) {
        if (first_moof < 0 && (box.type == BOX("moof") || box.type == BOX("emsg"))) {
            first_moof = box.offset;
        }
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? jo_fail(f->cx, JO_EMEDIA, "no moov box") : take_error(f);
    }
    *resume = first_moof < 0 ? at : first_moof;
    if (load_box(f, &box, &moov) != APR_SUCCESS) {
        return f->cx->code;
    }
    hash_moov(h, moov);
    return read_moov(f, moov);
}

static apr_status_t walk(jo_mp4_file *f, jo_sha256 *h)
{
    apr_pool_t *moof_pool;
    jo_top_box box;
    int64_t at;
    apr_status_t rv = find_moov(f, h, &at);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&moof_pool, f->scratch->pool);
    while ((rv = next_top(f, &at, &box)) == APR_SUCCESS) {
        if (box.type == BOX("moof") && load_moof(f, &box, moof_pool) != APR_SUCCESS) {
            return f->cx->code;
        }
        if (box.type == BOX("emsg") && jo_mp4_read_emsg(f, &box) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    if (rv == JO_EMEDIA && !f->fragmented) { /* all that counts was before it */
        jo_log_write(f->cx, JO_LOG_WARNING, "%s: %s", f->source->name, f->scratch->message);
        return APR_SUCCESS;
    }
    return rv == APR_EOF ? APR_SUCCESS : take_error(f);
}

static apr_status_t finish(jo_mp4_file *f, jo_sha256 *h, jo_demuxed *out)
{
    out->tracks = apr_pcalloc(f->cx->pool, sizeof(*out->tracks) * (size_t)(f->ntracks + 1));
    out->ntracks = 0;
    for (int i = 0; i < f->ntracks; i++) {
        jo_mp4_track *mt = &f->tracks[i];
        jo_track *t = mt->track;
        if (t == NULL) {
            continue;
        }
        if (jo_index_finish(mt->builder, f->cx, &t->index) != APR_SUCCESS) {
            return f->cx->code;
        }
        if (t->kind == JO_META) {
            if (jo_mp4_read_event_track(f, mt) != APR_SUCCESS) {
                return f->cx->code;
            }
            continue;
        }
        if (t->index->count == 0 && mt->declared == 0 && (t->codec != NULL || !f->fragmented)) {
            jo_log_write(f->cx, JO_LOG_INFO, "%s: track %u has no samples", f->source->name, t->id);
            continue;
        }
        if (jo_mp4_finish_entries(f, mt) != APR_SUCCESS) {
            return f->cx->code;
        }
        hash_track(h, mt->track);
        out->tracks[out->ntracks++] = mt->track;
    }
    return APR_SUCCESS;
}

/* The files that samples lie in, of which those by reference are known by their sizes. */
static void list_files(jo_mp4_file *f, jo_sha256 *h, jo_demuxed *out)
{
    out->files = apr_pcalloc(f->cx->pool, sizeof(*out->files) * (size_t)f->nfiles);
    out->nfiles = f->nfiles;
    for (int i = 0; i < f->nfiles; i++) {
        const jo_source *src = f->files[i];
        out->files[i].path = apr_pstrdup(f->cx->pool, src->path);
        out->files[i].id = src->id;
        jo_sha256_add_int(h, src->id.size);
    }
}

static apr_status_t read_file(jo_ctx *cx, jo_source *src, jo_demuxed *out)
{
    jo_ctx scratch = *cx;
    jo_mp4_file f = {.cx = cx, .scratch = &scratch};
    jo_sha256 *h;

    apr_pool_create(&scratch.pool, cx->pool);
    f.source = jo_source_ahead(scratch.pool, src);
    f.files_pool = scratch.pool;
    f.files = apr_pcalloc(scratch.pool, sizeof(*f.files) * (cx->limits->tracks + 1));
    f.files[0] = src;
    f.bytes = (uint64_t)src->id.size;
    f.nfiles = 1;
    f.events = jo_events_builder_make(cx, src->name);
    h = jo_sha256_make(scratch.pool);
    apr_status_t rv = walk(&f, h);
    if (rv == APR_SUCCESS) {
        rv = finish(&f, h, out);
    }
    out->events = jo_events_finish(f.events, false);
    jo_events_hash(out->events, h);
    list_files(&f, h, out);
    jo_sha256_finish(h, out->fingerprint);
    apr_pool_destroy(scratch.pool);
    return rv;
}

const jo_demuxer jo_demuxer_mp4 = {"mp4", probe, read_file};
