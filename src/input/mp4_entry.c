/* Sample descriptions (stsd), the files that data references name (dref), and where samples change from one to another:
 * 14496-12 8.5.2, 8.7.2. */
#include "../base/status.h"
#include "mp4_tracks.h"

#include <apr_strings.h>
#include <string.h>

#define BOX(s)         JO_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])
#define MOST_ENTRIES   64
#define MOST_RUNS      4096
#define MOST_LOCATION  4096 /* bytes of a path that could be opened */
#define SELF_CONTAINED 1    /* flag of a dref entry */
#define REFERENCE_END  16   /* bytes of a sample entry up to and with its data_reference_index */

static void refuse(jo_mp4_track *mt, const char *why)
{
    mt->track->codec = NULL;
    mt->track->why = why;
}

/* -- reading ------------------------------------------------------------------------------------------ */

/* What a dref entry says: nothing where the samples lie in the file itself. */
static void read_location(jo_mp4_file *f, const jo_box *box, jo_mp4_entry *e)
{
    jo_reader r = box->body;
    uint32_t flags;

    jo_box_version(&r, &flags);
    if (r.failed || flags & SELF_CONTAINED) {
        return;
    }
    if (box->type != BOX("url ")) {
        e->why = apr_psprintf(f->cx->pool, "external data reference of type '%s'",
                              jo_fourcc_text(f->cx->pool, box->type));
        return;
    }
    size_t len = strnlen((const char *)r.at, jo_reader_left(&r));
    if (len > MOST_LOCATION) {
        e->why = "external data reference of a name that is too long";
    } else if (len > 0) {
        e->location = apr_pstrmemdup(f->cx->pool, (const char *)r.at, len);
    }
}

/* What data reference n, from 1, says. One that isn't there says nothing. */
static void read_reference(jo_mp4_file *f, jo_reader minf, unsigned n, jo_mp4_entry *e)
{
    jo_reader dinf, dref;
    jo_box box;

    if (!jo_box_find(minf, BOX("dinf"), &dinf) || !jo_box_find(dinf, BOX("dref"), &dref)) {
        return;
    }
    jo_read_skip(&dref, 8);
    for (unsigned i = 1; i <= n && jo_box_next(&dref, &box); i++) {
        if (i == n) {
            read_location(f, &box, e);
        }
    }
}

static void read_entry(jo_mp4_file *f, jo_reader minf, jo_reader *stsd, jo_mp4_entry *e)
{
    size_t left = jo_reader_left(stsd);
    uint32_t size = left >= 16 ? jo_get_u32(stsd->at) : 0;

    *e = (jo_mp4_entry){.file = -1};
    if (size < REFERENCE_END || size > left) {
        e->why = apr_psprintf(f->cx->pool, "sample entry of %u bytes in an stsd of %u", size,
                              (unsigned)left);
        jo_read_skip(stsd, left);
        return;
    }
    e->data = apr_pmemdup(f->cx->pool, jo_read_bytes(stsd, size), size);
    e->len = size;
    read_reference(f, minf, (unsigned)(e->data[14] << 8 | e->data[15]), e);
}

/* The earliest entry that says the same as entry n, but for its data reference. */
static uint32_t find_same(const jo_mp4_entry *entries, uint32_t n)
{
    const jo_mp4_entry *e = &entries[n];

    for (uint32_t i = 0; i < n && e->why == NULL; i++) {
        const jo_mp4_entry *o = &entries[i];
        if (o->why == NULL && o->len == e->len && !memcmp(o->data, e->data, 8) &&
            !memcmp(o->data + REFERENCE_END, e->data + REFERENCE_END, e->len - REFERENCE_END)) {
            return i;
        }
    }
    return n;
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
        mt->entries[i].same = find_same(mt->entries, i);
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

/* A file by its path, of those that are open; -1 none. */
static int find_file(const jo_mp4_file *f, const char *path)
{
    for (int i = 0; i < f->nfiles; i++) {
        if (!strcmp(f->files[i]->path, path)) {
            return i;
        }
    }
    return -1;
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) & 15) : -1;
}

/* A location is a URL by the letter: its path without %XX. NULL if that is no other than the location. */
static const char *unescape(apr_pool_t *pool, const char *s)
{
    char *out = apr_palloc(pool, strlen(s) + 1), *p = out;
    bool escaped = false;

    while (*s) {
        int high = *s == '%' ? hex_value(s[1]) : -1, low = high < 0 ? -1 : hex_value(s[2]);
        if (high * 16 + low > 0 && low >= 0) {
            *p++ = (char)(high * 16 + low);
            s += 3;
            escaped = true;
        } else {
            *p++ = *s++;
        }
    }
    *p = '\0';
    return escaped ? out : NULL;
}

/* Opens a file, once, below the path of the one that names it. The error is left in `try`. */
static int open_location(jo_mp4_file *f, jo_ctx *try, const char *location)
{
    const char *path;

    try->code = APR_SUCCESS;
    if (jo_source_resolve(try, f->source->path, location, &path) != APR_SUCCESS) {
        /* no client needs to know where else it points */
        try->message = try->code == JO_EMEDIA ? "names no local file" : "leads out of all folders";
        return -1;
    }
    int found = find_file(f, path);
    if (found >= 0) {
        return found;
    }
    if ((uint32_t)f->nfiles > f->cx->limits->tracks) {
        jo_fail(try, JO_EMEDIA, "more than %u files", f->cx->limits->tracks);
        return -1;
    }
    if (jo_source_open(try, path, &f->files[f->nfiles]) != APR_SUCCESS) {
        return -1;
    }
    f->bytes += (uint64_t)f->files[f->nfiles]->id.size;
    return f->nfiles++;
}

/* Finds the file of an entry. A location that is no path refuses the track. */
static apr_status_t open_file(jo_mp4_file *f, jo_mp4_track *mt, jo_mp4_entry *e)
{
    const char *location = e->location, *plain;
    jo_ctx try = *f->cx;

    if (location == NULL) {
        e->file = 0;
        return APR_SUCCESS;
    }
    location += !strncmp(location, "file:///", 8) ? 7 : 0;
    try.pool = f->files_pool;
    e->file = open_location(f, &try, location);
    if (try.code == JO_ENOTFOUND && (plain = unescape(f->files_pool, location)) != NULL) {
        e->file = open_location(f, &try, plain);
    }
    if (try.code == JO_EMEDIA) {
        refuse(mt, apr_psprintf(f->cx->pool, "external data reference: %s", try.message));
        return APR_SUCCESS;
    }
    return try.code == APR_SUCCESS
               ? APR_SUCCESS
               : jo_fail(f->cx, try.code, "samples of track %u: %s", mt->id, try.message);
}

apr_status_t jo_mp4_describe(jo_mp4_file *f, jo_mp4_track *mt, uint32_t description)
{
    if (description > mt->nentries) {
        refuse(mt, apr_psprintf(f->cx->pool, "uses sample description %u of %u", description,
                                mt->nentries));
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
    jo_run run = {mt->added, (int)e->same, e->file};
    if (mt->runs->nelts > 0) {
        const jo_run *last = &APR_ARRAY_IDX(mt->runs, mt->runs->nelts - 1, jo_run);
        if (last->variant == run.variant && last->source == run.source) {
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

/* First sync sample of a run that ends before sample `end`, for codecs whose configuration record is silent. */
static apr_status_t probe(jo_mp4_file *f, jo_track *t, const jo_run *run, uint32_t end)
{
    jo_cursor c;
    jo_sample s = {.size = 0};
    bool found = false;

    if (t->codec == NULL || t->codec->wants_probe == NULL || !t->codec->wants_probe(t)) {
        return APR_SUCCESS;
    }
    jo_cursor_init(&c, t->index, run->sample);
    while (!found && c.next < end && jo_cursor_next(&c, &s)) {
        found = s.sync || t->index->nraps == 0;
    }
    if (!found || s.size > f->cx->limits->moov_size) {
        return APR_SUCCESS;
    }
    uint8_t *buf = apr_palloc(f->scratch->pool, s.size + 1);
    if (jo_source_read(f->cx, f->files[run->source], s.offset, s.size, buf) != APR_SUCCESS) {
        return f->cx->code;
    }
    t->probe = buf;
    t->probe_len = s.size;
    t->codec->probe(f->cx, t);
    t->probe = NULL;
    t->probe_len = 0;
    return APR_SUCCESS;
}

/* The track as run n describes it. */
static apr_status_t make_variant(jo_mp4_file *f, jo_mp4_track *mt, int n, jo_track **out)
{
    const jo_run *run = &APR_ARRAY_IDX(mt->runs, n, jo_run);
    uint32_t end = n + 1 < mt->runs->nelts ? run[1].sample : mt->added;

    *out = apr_palloc(f->cx->pool, sizeof(**out));
    if (describe_track(f->cx, mt->track, &mt->entries[run->variant], *out) != APR_SUCCESS ||
        probe(f, *out, run, end) != APR_SUCCESS) {
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
            if (make_variant(f, mt, i, &variants[*count]) != APR_SUCCESS) {
                return f->cx->code;
            }
            of_entry[entry] = ++*count;
        }
        runs[i].variant = of_entry[entry] - 1;
    }
    return APR_SUCCESS;
}

static bool is_random_access(const jo_index *ix, uint32_t sample)
{
    uint32_t lo = 0, hi = ix->nraps;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->raps[mid].sample < sample) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return ix->raps == NULL || (lo < ix->nraps && ix->raps[lo].sample == sample);
}

/* A package can begin anew with another sample entry only where a decoder can. */
static bool changes_well(const jo_mp4_track *mt)
{
    const jo_run *runs = (const jo_run *)mt->runs->elts;

    for (int i = 1; i < mt->runs->nelts; i++) {
        if (runs[i].variant != runs[i - 1].variant &&
            !is_random_access(mt->track->index, runs[i].sample)) {
            return false;
        }
    }
    return true;
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
    if (!changes_well(mt)) {
        refuse(mt, "changes its sample description between key frames");
        return APR_SUCCESS;
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
