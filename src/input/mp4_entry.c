/* Sample descriptions (stsd), the files that data references name (dref), and where samples change from one to another:
 * 14496-12 8.5.2, 8.7.2. */
#include "../base/status.h"
#include "mp4_tracks.h"

#include <apr_strings.h>
#include <string.h>

#define BOX(s)         JO_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])
#define MOST_ENTRIES   64
#define MOST_RUNS      4096
#define SELF_CONTAINED 1 /* flag of a dref entry */

static void refuse(jo_mp4_track *mt, const char *why)
{
    mt->track->codec = NULL;
    mt->track->why = why;
}

/* -- reading ------------------------------------------------------------------------------------------ */

/* What data reference n, from 1, says. */
static void read_reference(jo_mp4_file *f, jo_reader minf, unsigned n, jo_mp4_entry *e)
{
    jo_reader dinf, dref;
    jo_box box;
    uint32_t flags;

    if (!jo_box_find(minf, BOX("dinf"), &dinf) || !jo_box_find(dinf, BOX("dref"), &dref)) {
        return; /* nothing said: this file */
    }
    jo_read_skip(&dref, 8);
    for (unsigned i = 1; jo_box_next(&dref, &box); i++) {
        if (i != n) {
            continue;
        }
        jo_box_version(&box.body, &flags);
        if (flags & SELF_CONTAINED) {
            return;
        }
        const char *type = jo_fourcc_text(f->cx->pool, box.type);
        size_t len = jo_reader_left(&box.body);
        const void *end = memchr(box.body.at, 0, len);
        if (box.type != BOX("url ") || len == 0 || *box.body.at == 0) {
            e->why = apr_psprintf(f->cx->pool, "external data reference of type '%s'", type);
            return;
        }
        len = end ? (size_t)((const uint8_t *)end - box.body.at) : len;
        e->location = apr_pstrmemdup(f->cx->pool, (const char *)box.body.at, len);
        return;
    }
}

static void read_entry(jo_mp4_file *f, jo_reader minf, jo_reader *stsd, jo_mp4_entry *e)
{
    size_t left = jo_reader_left(stsd);
    uint32_t size = left >= 16 ? jo_get_u32(stsd->at) : 0;

    *e = (jo_mp4_entry){.file = -1};
    if (size < 16 || size > left) {
        e->why = apr_psprintf(f->cx->pool, "sample entry of %u bytes in an stsd of %u", size,
                              (unsigned)left);
        jo_read_skip(stsd, left);
        return;
    }
    e->data = apr_pmemdup(f->cx->pool, jo_read_bytes(stsd, size), size);
    e->len = size;
    read_reference(f, minf, (unsigned)(e->data[14] << 8 | e->data[15]), e);
}

/* The track with nothing but what the demuxer knows, described by an entry. */
static apr_status_t describe_track(jo_ctx *cx, const jo_track *t, const jo_mp4_entry *e,
                                   jo_track *out)
{
    *out = (jo_track){.kind = t->kind,
                      .id = t->id,
                      .timescale = t->timescale,
                      .lang = t->lang,
                      .edit = t->edit,
                      .index = t->index,
                      .kinds = t->kinds,
                      .nkinds = t->nkinds,
                      .entries = t->entries,
                      .sar_w = 1,
                      .sar_h = 1};
    memcpy(out->matrix, t->matrix, sizeof(out->matrix));
    if (e->why != NULL) {
        out->why = e->why;
        return APR_SUCCESS;
    }
    out->entry = e->data;
    out->entry_len = e->len;
    out->fourcc = jo_get_u32(e->data + 4);
    return jo_codec_parse(cx, out);
}

apr_status_t jo_mp4_read_entries(jo_mp4_file *f, jo_reader minf, jo_mp4_track *mt)
{
    jo_track *t = mt->track, first;
    jo_reader r;

    mt->runs = apr_array_make(f->cx->pool, 1, sizeof(jo_run));
    t->why = "has no sample description (stsd)";
    if (!jo_box_find(mt->stbl, BOX("stsd"), &r)) {
        return APR_SUCCESS;
    }
    jo_read_skip(&r, 4);
    t->entries = jo_read_u32(&r);
    if (t->entries == 0 || jo_reader_left(&r) < 16) {
        return APR_SUCCESS;
    }
    mt->nentries = t->entries < MOST_ENTRIES ? t->entries : MOST_ENTRIES;
    mt->entries = apr_pcalloc(f->cx->pool, sizeof(*mt->entries) * mt->nentries);
    for (uint32_t i = 0; i < mt->nentries; i++) {
        read_entry(f, minf, &r, &mt->entries[i]);
        if (describe_track(f->cx, t, &mt->entries[i], &first) != APR_SUCCESS) {
            return f->cx->code;
        }
        if (i == 0 || (t->codec == NULL && first.codec != NULL)) {
            *t = first;
        }
    }
    return APR_SUCCESS;
}

/* -- while samples are added --------------------------------------------------------------------------- */

static int find_file(const jo_mp4_file *f, const char *location)
{
    for (int i = 1; i < f->nfiles; i++) {
        if (!strcmp(f->files[i].location, location)) {
            return i;
        }
    }
    return -1;
}

/* Opens the file of an entry. A location that is no path refuses the track. */
static apr_status_t open_file(jo_mp4_file *f, jo_mp4_track *mt, jo_mp4_entry *e)
{
    jo_ctx try = *f->cx;
    const char *path;

    if (e->location == NULL) {
        e->file = 0;
        return APR_SUCCESS;
    }
    e->file = find_file(f, e->location);
    if (e->file >= 0) {
        return APR_SUCCESS;
    }
    if (jo_source_resolve(&try, f->source->path, e->location, &path) == JO_EMEDIA ||
        (uint32_t)f->nfiles >= f->cx->limits->tracks) {
        refuse(mt,
               apr_psprintf(f->cx->pool, "external data reference '%s' is refused", e->location));
        return APR_SUCCESS;
    }
    try.pool = f->files_pool;
    if (try.code == APR_SUCCESS) {
        jo_source_open(&try, path, &f->files[f->nfiles].source);
    }
    if (try.code != APR_SUCCESS) {
        return jo_fail(f->cx, try.code, "samples of track %u: %s", mt->id, try.message);
    }
    f->files[f->nfiles].location = e->location;
    e->file = f->nfiles++;
    return APR_SUCCESS;
}

static bool same_entry(const jo_mp4_entry *a, const jo_mp4_entry *b)
{
    return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* Entry n, from 0, or the earliest that says the same but for its data reference. */
static uint32_t first_same(const jo_mp4_track *mt, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (mt->entries[i].data != NULL && same_entry(&mt->entries[i], &mt->entries[n])) {
            return i;
        }
    }
    return n;
}

apr_status_t jo_mp4_describe(jo_mp4_file *f, jo_mp4_track *mt, uint32_t description, bool sync)
{
    if (description == 0 || description > mt->nentries) {
        refuse(mt, apr_psprintf(f->cx->pool, "uses sample description %u of %u", description,
                                mt->track->entries));
        return APR_SUCCESS;
    }
    jo_mp4_entry *e = &mt->entries[description - 1];
    if (e->why != NULL) {
        refuse(mt, e->why);
        return APR_SUCCESS;
    }
    if (e->file < 0 && (open_file(f, mt, e) != APR_SUCCESS || e->file < 0)) {
        return f->cx->code;
    }
    mt->description = description;
    jo_run run = {mt->added, (int)first_same(mt, description - 1), e->file};
    if (mt->runs->nelts > 0) {
        const jo_run *last = &APR_ARRAY_IDX(mt->runs, mt->runs->nelts - 1, jo_run);
        if (last->variant == run.variant && last->source == run.source) {
            return APR_SUCCESS;
        }
        if (last->variant != run.variant && !sync) {
            refuse(mt, "changes its sample description between key frames");
            return APR_SUCCESS;
        }
    }
    if (mt->runs->nelts >= MOST_RUNS) {
        refuse(mt, "changes its sample description too often");
        return APR_SUCCESS;
    }
    APR_ARRAY_PUSH(mt->runs, jo_run) = run;
    return APR_SUCCESS;
}

/* -- at the end ------------------------------------------------------------------------------------------- */

/* First sync sample from `first` on, for codecs whose configuration record is silent. */
static apr_status_t probe(jo_mp4_file *f, jo_track *t, const jo_run *run)
{
    jo_cursor c;
    jo_sample s;
    bool found = false;

    if (t->codec == NULL || t->codec->wants_probe == NULL || !t->codec->wants_probe(t)) {
        return APR_SUCCESS;
    }
    jo_cursor_init(&c, t->index, run->sample);
    while (!found && jo_cursor_next(&c, &s)) {
        found = s.sync || t->index->nraps == 0;
    }
    if (!found || s.size > f->cx->limits->moov_size) {
        return APR_SUCCESS;
    }
    uint8_t *buf = apr_palloc(f->scratch->pool, s.size + 1);
    if (jo_source_read(f->cx, f->files[run->source].source, s.offset, s.size, buf) != APR_SUCCESS) {
        return f->cx->code;
    }
    t->probe = buf;
    t->probe_len = s.size;
    t->codec->probe(f->cx, t);
    t->probe = NULL;
    t->probe_len = 0;
    return APR_SUCCESS;
}

static apr_status_t make_variant(jo_mp4_file *f, jo_mp4_track *mt, const jo_run *run,
                                 jo_track **out)
{
    *out = apr_palloc(f->cx->pool, sizeof(**out));
    if (describe_track(f->cx, mt->track, &mt->entries[run->variant], *out) != APR_SUCCESS ||
        probe(f, *out, run) != APR_SUCCESS) {
        return f->cx->code;
    }
    return APR_SUCCESS;
}

/* Makes the variants and renumbers the runs by them. */
static apr_status_t make_variants(jo_mp4_file *f, jo_mp4_track *mt, jo_track **variants, int *count)
{
    jo_run *runs = (jo_run *)mt->runs->elts;
    int *of_entry = apr_pcalloc(f->scratch->pool, sizeof(int) * mt->nentries); /* + 1 */

    for (int i = 0; i < mt->runs->nelts; i++) {
        int entry = runs[i].variant;
        if (of_entry[entry] == 0) {
            if (make_variant(f, mt, &runs[i], &variants[*count]) != APR_SUCCESS) {
                return f->cx->code;
            }
            of_entry[entry] = ++*count;
        }
        runs[i].variant = of_entry[entry] - 1;
    }
    return APR_SUCCESS;
}

apr_status_t jo_mp4_finish_entries(jo_mp4_file *f, jo_mp4_track *mt)
{
    jo_track **variants;
    int n = 0;

    if (mt->track->codec == NULL) {
        return APR_SUCCESS;
    }
    if (mt->runs->nelts == 0) {
        APR_ARRAY_PUSH(mt->runs, jo_run) = (jo_run){0, 0, 0}; /* a track without samples */
    }
    variants = apr_pcalloc(f->cx->pool, sizeof(*variants) * mt->nentries);
    if (make_variants(f, mt, variants, &n) != APR_SUCCESS) {
        return f->cx->code;
    }
    jo_track *t = mt->track = variants[0];
    for (int i = 1; i < n && t->codec != NULL; i++) {
        t->formats &= variants[i]->formats & ~(unsigned)JO_SMOOTH; /* one CodecPrivateData */
        if (variants[i]->codec != t->codec) {
            refuse(mt, variants[i]->why ? variants[i]->why : "changes its codec");
        }
    }
    t->runs = (const jo_run *)mt->runs->elts;
    t->nruns = mt->runs->nelts;
    t->variants = (const jo_track *const *)variants;
    t->nvariants = n;
    return APR_SUCCESS;
}
