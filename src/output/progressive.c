/* A title, or what is chosen of it, as one MP4 to be downloaded: moov first, samples as in the sources, interleaved by
 * segments. 14496-12. */
#include "mp4_trak.h"
#include "packager.h"

#include "../base/log.h"
#include "../base/status.h"

#include <apr_strings.h>

#define HEAD_BYTES 2048 /* of a trak without its tables and configuration, about */

/* Samples that lie together in the file: those of one segment of one track. */
typedef struct chunk {
    int64_t at; /* into the mdat's payload */
    int track;  /* into the file's */
    int segment;
} chunk;

/* Entries of a track's tables. */
typedef struct counts {
    uint32_t times;   /* stts */
    uint32_t offsets; /* ctts, 0: left out */
    uint32_t syncs;   /* stss */
    bool all_sync;    /* and no stss */
    uint32_t chunks;
    uint32_t runs; /* stsc */
    uint32_t size; /* of every sample, 0: they differ */
} counts;

typedef struct file_track {
    const jo_track *t;
    const jo_track_plan *tp;
    jo_trak trak;
    uint32_t first, last; /* samples [first, last) */
    counts n;
    /* Wire times, ticks. */
    int64_t origin; /* of media time 0: DTS of the first sample */
    int64_t start;  /* of the first picture or sound that is presented */
    int64_t end;
    int64_t late;  /* how long after the file's start it starts, ticks */
    int64_t shift; /* added to all composition offsets */
    int32_t least; /* composition offset, shift left out */
    int64_t bytes;
    size_t times_at, ctts_at, syncs_at, sizes_at, offsets_at; /* of its tables, in the writer */
} file_track;

typedef struct movie {
    jo_producer producer; /* first: of the mdat's payload */
    const jo_resource *rs;
    file_track *tracks;
    int ntracks;
    chunk *chunks;
    int nchunks;
    uint32_t timescale;
    int64_t bytes;
    bool wide; /* co64 */
} movie;

/* -- first pass: what goes in, and how long the tables are ------------------------------------------------------ */

/* What the walk over a track's samples remembers of the one before. */
typedef struct walk {
    int64_t pts_least, pts_end; /* media time of the source */
    int64_t dts_end;
    uint32_t duration;
    int32_t cts;
    uint32_t size;
    bool same; /* sizes */
} walk;

static void count_sample(file_track *f, walk *k, const jo_sample *s, bool first)
{
    int64_t pts = s->dts + s->cts;

    f->n.times += first || s->duration != k->duration;
    f->n.offsets += first || s->cts != k->cts;
    f->n.syncs += s->sync;
    k->same = first || (k->same && s->size == k->size);
    k->pts_least = first || pts < k->pts_least ? pts : k->pts_least;
    k->pts_end = first || pts + s->duration > k->pts_end ? pts + s->duration : k->pts_end;
    k->dts_end = s->dts + s->duration;
    f->least = first || s->cts < f->least ? s->cts : f->least;
    k->duration = s->duration;
    k->cts = s->cts;
    k->size = s->size;
}

static walk count_samples(file_track *f)
{
    walk k = {.pts_least = 0};
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, f->t->index, f->first);
    for (bool first = true; c.next < f->last && jo_cursor_next(&c, &s); first = false) {
        if (first) {
            f->origin = s.dts + f->t->span.shift;
        }
        count_sample(f, &k, &s, first);
    }
    f->n.size = k.same ? k.size : 0;
    f->n.all_sync = f->n.syncs == f->last - f->first;
    return k;
}

/* Media time begins with the first sample's DTS. Nothing can be presented before that; and a TTML document counts from the
 * media's time 0 as the source has it, so that its samples' offsets say how much of that was cut away. */
static void place(file_track *f, const walk *k, bool exact)
{
    const jo_track *t = f->t;
    int64_t before = f->origin - (k->pts_least + t->span.shift);

    f->shift = jo_trak_is_xml(t) ? f->origin - t->span.shift : 0;
    f->shift = before > f->shift ? before : f->shift;
    if (f->least == 0 && f->n.offsets == 1 && f->shift == 0) {
        f->n.offsets = 0;
    }
    f->start = k->pts_least + t->span.shift;
    f->start = f->start > t->preroll ? f->start : t->preroll;
    f->late = f->start - t->preroll;
    f->end = (k->pts_end < t->edit.end ? k->pts_end : t->edit.end) + t->span.shift;
    f->end = exact && t->end < f->end ? t->end : f->end;
    f->trak.media = (uint64_t)(k->dts_end + t->span.shift - f->origin);
}

static int variant_of(const jo_track *t, uint32_t sample)
{
    return t->nvariants > 1 ? t->runs[jo_track_run(t, sample)].variant : 0;
}

static uint32_t chunk_samples(const jo_track_plan *tp, int segment)
{
    return tp->cuts[segment + 1].sample - tp->cuts[segment].sample;
}

/* Chunks and runs of chunks with as many samples described alike. */
static void count_chunks(file_track *f)
{
    const jo_track_plan *tp = f->tp;
    uint32_t before = 0;
    int variant = -1;

    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        f->n.runs +=
            chunk_samples(tp, i) != before || variant_of(f->t, tp->cuts[i].sample) != variant;
        f->n.chunks++;
        before = chunk_samples(tp, i);
        variant = variant_of(f->t, tp->cuts[i].sample);
    }
}

/* False if nothing of the track is seen or heard in what was chosen. */
static bool take(jo_ctx *cx, const jo_track *t, const jo_plan *plan, const jo_track_plan *tp,
                 file_track *f)
{
    *f = (file_track){.t = t, .tp = tp};
    if (tp->first >= tp->last) {
        return false;
    }
    f->first = tp->cuts[tp->first].sample;
    f->last = tp->cuts[tp->last].sample;
    walk k = count_samples(f);
    place(f, &k, plan->exact);
    count_chunks(f);
    f->bytes = tp->cuts[tp->last].bytes - tp->cuts[tp->first].bytes;
    if (f->shift > UINT32_MAX - (int64_t)INT32_MAX) {
        jo_log_write(cx, JO_LOG_WARNING, "track %s: left out of the file: begins too late for TTML",
                     t->token);
        return false;
    }
    return f->end > f->start;
}

static void take_tracks(jo_ctx *cx, const jo_period *period, const jo_plan *plan, movie *m)
{
    m->tracks = apr_palloc(cx->pool, sizeof(*m->tracks) * (size_t)m->rs->ntracks);
    for (jo_kind kind = JO_VIDEO; kind < JO_KINDS; kind++) {
        for (int i = 0; i < m->rs->ntracks; i++) {
            int n = m->rs->tracks[i];
            if (period->tracks[n]->kind == kind &&
                take(cx, period->tracks[n], plan, &plan->tracks[n], &m->tracks[m->ntracks])) {
                m->bytes += m->tracks[m->ntracks++].bytes;
            }
        }
    }
}

/* -- the movie's time line ---------------------------------------------------------------------------------------- */

#define FINE_TIMESCALE 1000000

/* One that both timescales go into, if there is one up to `most`. */
static uint32_t common_timescale(uint32_t a, uint32_t b, uint32_t most)
{
    uint64_t both = a / (uint64_t)jo_gcd(a, b) * b;
    return both <= most ? (uint32_t)both : a;
}

/* Says exactly when late tracks start, as far as players' 31 bits go; ends are exact if that costs no more than microseconds
 * would. */
static uint32_t movie_timescale(const movie *m)
{
    uint32_t ts = 1;

    for (int late = 1; late >= 0; late--) {
        for (int i = 0; i < m->ntracks; i++) {
            if ((m->tracks[i].late > 0) == late) {
                ts = common_timescale(ts, m->tracks[i].t->timescale,
                                      late ? INT32_MAX : FINE_TIMESCALE);
            }
        }
    }
    return ts < 1000 ? FINE_TIMESCALE / ts * ts : ts;
}

/* Movie ticks; what is shown is rounded up, so that nothing of the last sample is lost. */
static int64_t empty_edit(const movie *m, const file_track *f)
{
    return jo_ticks_round(f->late, f->t->timescale, m->timescale);
}

static int64_t media_edit(const movie *m, const file_track *f)
{
    return jo_ticks_ceil(f->end - f->start, f->t->timescale, m->timescale);
}

/* One track of a kind is enabled: the one that is marked as default, else the first. Beside others, text is shown only if it
 * is marked. */
static int enabled_track(const movie *m, jo_kind kind)
{
    bool marked_only = kind == JO_TEXT && m->tracks[0].t->kind != JO_TEXT;
    int first = -1;

    for (int i = 0; i < m->ntracks; i++) {
        const jo_track *t = m->tracks[i].t;
        if (t->kind != kind) {
            continue;
        }
        if (t->labels.is_default > 0) {
            return i;
        }
        first = first < 0 && !marked_only ? i : first;
    }
    return first;
}

static void describe_tracks(movie *m)
{
    m->timescale = movie_timescale(m);
    for (int i = 0; i < m->ntracks; i++) {
        file_track *f = &m->tracks[i];
        f->trak.id = (uint32_t)i + 1;
        f->trak.group = (uint16_t)(f->t->kind + 1);
        f->trak.flags = JO_TRAK_IN_MOVIE;
        f->trak.duration = (uint64_t)(empty_edit(m, f) + media_edit(m, f));
    }
    for (jo_kind kind = JO_VIDEO; kind < JO_KINDS; kind++) {
        int n = enabled_track(m, kind);
        if (n >= 0) {
            m->tracks[n].trak.flags |= JO_TRAK_ENABLED;
        }
    }
}

/* -- chunks --------------------------------------------------------------------------------------------------------- */

static bool has_chunk(const file_track *f, int segment)
{
    return segment >= f->tp->first && segment < f->tp->last && !jo_plan_empty(f->tp, segment);
}

/* In the order of the file: segment by segment, of each all tracks. */
static void list_chunks(jo_ctx *cx, movie *m)
{
    int first = INT32_MAX, last = 0;
    size_t n = 0;
    int64_t at = 0;

    for (int i = 0; i < m->ntracks; i++) {
        const file_track *f = &m->tracks[i];
        first = f->tp->first < first ? f->tp->first : first;
        last = f->tp->last > last ? f->tp->last : last;
        n += f->n.chunks;
    }
    m->chunks = apr_palloc(cx->pool, sizeof(*m->chunks) * n);
    for (int segment = first; segment < last; segment++) {
        for (int i = 0; i < m->ntracks; i++) {
            if (has_chunk(&m->tracks[i], segment)) {
                const jo_cut *cut = &m->tracks[i].tp->cuts[segment];
                m->chunks[m->nchunks++] = (chunk){at, i, segment};
                at += cut[1].bytes - cut[0].bytes;
            }
        }
    }
}

static int find_chunk(const movie *m, int64_t at)
{
    int lo = 0, hi = m->nchunks - 1;

    while (lo < hi) {
        int mid = lo + (hi - lo + 1) / 2;
        if (m->chunks[mid].at <= at) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

/* The sample that byte `skip` of samples [from, to) lies in; *skip becomes where in it. */
static uint32_t find_sample(const jo_index *ix, uint32_t from, uint32_t to, int64_t *skip)
{
    uint32_t lo = from, hi = to - 1;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;
        if (jo_index_range_bytes(ix, from, mid) <= *skip) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    *skip -= jo_index_range_bytes(ix, from, lo);
    return lo;
}

/* Adds up to `len` bytes of a chunk from its byte `skip` on; gives how many. */
static int64_t add_chunk(const movie *m, const chunk *k, int64_t skip, int64_t len, jo_body *out)
{
    const file_track *f = &m->tracks[k->track];
    const jo_cut *cut = &f->tp->cuts[k->segment];
    uint32_t n = find_sample(f->t->index, cut[0].sample, cut[1].sample, &skip);
    int64_t added = 0;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, f->t->index, n);
    while (added < len && n < cut[1].sample && jo_cursor_next(&c, &s)) {
        int64_t size = s.size - skip < len - added ? s.size - skip : len - added;
        jo_body_add_range(out, jo_resource_source(m->rs, f->t, n), s.offset + skip, size);
        added += size;
        skip = 0;
        n++;
    }
    return added;
}

static apr_status_t add_samples(jo_ctx *cx, const jo_producer *self, int64_t from, int64_t len,
                                jo_body *out)
{
    const movie *m = (const movie *)self;

    (void)cx;
    for (int i = find_chunk(m, from); len > 0 && i < m->nchunks; i++) {
        int64_t n = add_chunk(m, &m->chunks[i], from - m->chunks[i].at, len, out);
        from += n;
        len -= n;
    }
    return APR_SUCCESS;
}

/* -- second pass: sample tables ------------------------------------------------------------------------------------- */

/* A table of `bytes` that fill_tables() fills; gives where. */
static size_t open_table(jo_writer *w, const char type[4], uint8_t version, uint32_t entries,
                         size_t bytes)
{
    size_t at = jo_full_box_open(w, type, version, 0);

    jo_write_u32(w, entries);
    size_t table = w->len;
    jo_write_reserve(w, bytes);
    jo_box_close(w, at);
    return table;
}

static void write_times(jo_writer *w, file_track *f)
{
    f->times_at = open_table(w, "stts", 0, f->n.times, 8 * (size_t)f->n.times);
    if (f->n.offsets > 0) {
        f->ctts_at =
            open_table(w, "ctts", f->least + f->shift < 0, f->n.offsets, 8 * (size_t)f->n.offsets);
    }
    if (!f->n.all_sync) {
        f->syncs_at = open_table(w, "stss", 0, f->n.syncs, 4 * (size_t)f->n.syncs);
    }
}

static void write_sizes(jo_writer *w, file_track *f)
{
    size_t at = jo_full_box_open(w, "stsz", 0, 0);

    jo_write_u32(w, f->n.size);
    jo_write_u32(w, f->last - f->first);
    f->sizes_at = w->len;
    jo_write_reserve(w, f->n.size > 0 ? 0 : 4 * (size_t)(f->last - f->first));
    jo_box_close(w, at);
}

/* A run of equal values that goes into the table when another one comes. */
typedef struct run {
    uint8_t *to;
    uint32_t count, value;
} run;

static void end_run(run *r)
{
    jo_put_u32(r->to, r->count);
    jo_put_u32(r->to + 4, r->value);
    r->to += 8;
    r->count = 0;
}

static void add_run(run *r, uint32_t value)
{
    if (r->count > 0 && r->value != value) {
        end_run(r);
    }
    r->value = value;
    r->count++;
}

/* All tables of samples in one walk. */
static void fill_tables(jo_writer *w, const file_track *f)
{
    run times = {.to = w->data + f->times_at}, offsets = {.to = w->data + f->ctts_at};
    uint8_t *sync = w->data + f->syncs_at, *size = w->data + f->sizes_at;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, f->t->index, f->first);
    while (c.next < f->last && jo_cursor_next(&c, &s)) {
        add_run(&times, s.duration);
        if (f->n.offsets > 0) {
            add_run(&offsets, (uint32_t)(s.cts + f->shift));
        }
        if (s.sync && !f->n.all_sync) {
            jo_put_u32(sync, c.next - f->first);
            sync += 4;
        }
        if (f->n.size == 0) {
            jo_put_u32(size, s.size);
            size += 4;
        }
    }
    end_run(&times);
    if (f->n.offsets > 0) {
        end_run(&offsets);
    }
}

static void write_chunk_sizes(jo_writer *w, const file_track *f)
{
    const jo_track_plan *tp = f->tp;
    size_t at = jo_full_box_open(w, "stsc", 0, 0);
    uint32_t before = 0, number = 0;
    int variant = -1;

    jo_write_u32(w, f->n.runs);
    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        number++;
        if (chunk_samples(tp, i) != before || variant_of(f->t, tp->cuts[i].sample) != variant) {
            before = chunk_samples(tp, i);
            variant = variant_of(f->t, tp->cuts[i].sample);
            jo_write_u32(w, number);
            jo_write_u32(w, before);
            jo_write_u32(w, (uint32_t)variant + 1);
        }
    }
    jo_box_close(w, at);
}

/* Room for the offsets, which are known once the moov is. */
static void write_chunk_offsets(jo_writer *w, const movie *m, file_track *f)
{
    size_t at = jo_full_box_open(w, m->wide ? "co64" : "stco", 0, 0);

    jo_write_u32(w, f->n.chunks);
    f->offsets_at = w->len;
    jo_write_zeros(w, (size_t)f->n.chunks * (m->wide ? 8 : 4));
    jo_box_close(w, at);
}

static void fill_chunk_offsets(jo_writer *w, movie *m, int64_t payload)
{
    for (int i = 0; i < m->nchunks; i++) {
        file_track *f = &m->tracks[m->chunks[i].track];
        uint64_t offset = (uint64_t)(payload + m->chunks[i].at);
        if (m->wide) {
            jo_write_patch_u32(w, f->offsets_at, (uint32_t)(offset >> 32));
            f->offsets_at += 4;
        }
        jo_write_patch_u32(w, f->offsets_at, (uint32_t)offset);
        f->offsets_at += 4;
    }
}

/* -- second pass: the rest of the moov --------------------------------------------------------------------------------- */

static void write_entries(jo_writer *w, const file_track *f, jo_entry_style style)
{
    int n = f->t->nvariants > 1 ? f->t->nvariants : 1;
    size_t at = jo_full_box_open(w, "stsd", 0, 0);

    jo_write_u32(w, (uint32_t)n);
    for (int i = 0; i < n; i++) {
        const jo_track *t = n > 1 ? f->t->variants[i] : f->t;
        t->codec->write_entry(t, style, w);
    }
    jo_box_close(w, at);
}

static void write_edit(jo_writer *w, bool wide, int64_t duration, int64_t media_time)
{
    if (wide) {
        jo_write_u64(w, (uint64_t)duration);
        jo_write_u64(w, (uint64_t)media_time);
    } else {
        jo_write_u32(w, (uint32_t)duration);
        jo_write_u32(w, (uint32_t)media_time);
    }
    jo_write_u32(w, 0x10000);
}

static void write_edits(jo_writer *w, const movie *m, const file_track *f)
{
    int64_t empty = empty_edit(m, f), shown = media_edit(m, f);
    int64_t from = f->start - f->origin + f->shift;
    bool wide = empty > UINT32_MAX || shown > UINT32_MAX || from > INT32_MAX;

    size_t edts = jo_box_open(w, "edts");
    size_t at = jo_full_box_open(w, "elst", wide, 0);
    jo_write_u32(w, empty > 0 ? 2 : 1);
    if (empty > 0) {
        write_edit(w, wide, empty, -1);
    }
    write_edit(w, wide, shown, from);
    jo_box_close(w, at);
    jo_box_close(w, edts);
}

static void write_trak(jo_writer *w, const movie *m, file_track *f, jo_entry_style style)
{
    size_t trak = jo_box_open(w, "trak");
    jo_trak_write_tkhd(w, f->t, &f->trak);
    write_edits(w, m, f);
    size_t mdia = jo_box_open(w, "mdia");
    jo_trak_write_media(w, f->t, &f->trak);
    size_t minf = jo_box_open(w, "minf");
    jo_trak_write_media_info(w, f->t);
    size_t stbl = jo_box_open(w, "stbl");
    write_entries(w, f, style);
    write_times(w, f);
    write_chunk_sizes(w, f);
    write_sizes(w, f);
    write_chunk_offsets(w, m, f);
    jo_box_close(w, stbl);
    jo_box_close(w, minf);
    jo_box_close(w, mdia);
    jo_box_close(w, trak);
}

static void write_moov(jo_writer *w, movie *m)
{
    jo_entry_style style = m->rs->settings->keep_sample_entry ? JO_ENTRY_SOURCE : JO_ENTRY_PLAIN;
    uint64_t longest = 0;

    for (int i = 0; i < m->ntracks; i++) {
        longest = m->tracks[i].trak.duration > longest ? m->tracks[i].trak.duration : longest;
    }
    size_t moov = jo_box_open(w, "moov");
    jo_trak_write_mvhd(w, m->timescale, longest, (uint32_t)m->ntracks + 1);
    for (int i = 0; i < m->ntracks; i++) {
        write_trak(w, m, &m->tracks[i], style);
    }
    jo_box_close(w, moov);
}

static void write_ftyp(jo_writer *w)
{
    size_t at = jo_box_open(w, "ftyp");
    jo_write_bytes(w, "isom", 4);
    jo_write_u32(w, 0);
    jo_write_bytes(w, "isomiso6mp42", 12);
    jo_box_close(w, at);
}

static void write_mdat(jo_writer *w, int64_t bytes)
{
    bool wide = bytes > UINT32_MAX - 8;

    jo_write_u32(w, wide ? 1 : (uint32_t)bytes + 8);
    jo_write_bytes(w, "mdat", 4);
    if (wide) {
        jo_write_u64(w, (uint64_t)bytes + 16);
    }
}

/* -- the file ------------------------------------------------------------------------------------------------------------ */

/* Bytes of the tables that grow with the title, and room for the rest. */
static size_t moov_bytes(const movie *m)
{
    size_t n = 512;

    for (int i = 0; i < m->ntracks; i++) {
        const file_track *f = &m->tracks[i];
        size_t samples = f->n.size > 0 ? 0 : f->last - f->first;
        n += HEAD_BYTES + 8 * ((size_t)f->n.times + f->n.offsets + f->n.chunks) +
             4 * (f->n.syncs + samples) + 12 * (size_t)f->n.runs;
        for (int v = 0; v < f->t->nvariants; v++) {
            n += f->t->variants[v]->entry_len + f->t->variants[v]->config_len;
        }
    }
    return n;
}

static apr_status_t render(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                           const jo_resource *rs, jo_body *body)
{
    movie *m = apr_pcalloc(cx->pool, sizeof(*m));
    jo_writer w;

    m->producer.add = add_samples;
    m->rs = apr_pmemdup(cx->pool, rs, sizeof(*rs));
    take_tracks(cx, &p->periods[0], plan, m);
    if (m->ntracks == 0) {
        return jo_fail(cx, JO_ENOTFOUND, "nothing of the chosen tracks lies in the chosen minutes");
    }
    describe_tracks(m);
    list_chunks(cx, m);
    size_t expected = moov_bytes(m);
    m->wide = m->bytes + (int64_t)expected > UINT32_MAX;
    jo_writer_init(&w, cx->pool, expected);
    write_ftyp(&w);
    write_moov(&w, m);
    write_mdat(&w, m->bytes);
    for (int i = 0; i < m->ntracks; i++) {
        fill_tables(&w, &m->tracks[i]);
    }
    fill_chunk_offsets(&w, m, (int64_t)w.len);
    if (w.len > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "a moov of %zu bytes", w.len);
    }
    jo_body_add_memory(body, w.data, w.len);
    jo_body_add_produced(body, &m->producer, m->bytes);
    return APR_SUCCESS;
}

static bool enabled(const jo_settings *settings)
{
    return settings->progressive;
}

static const jo_route routes[] = {{.pattern = "$B.mp4",
                                   .address = JO_BY_NOTHING,
                                   .need = JO_NEED_ALL,
                                   .class = JO_CLASS_SEGMENT,
                                   .type = {"video/mp4", "audio/mp4", "application/mp4"},
                                   .render = render,
                                   .takes = JO_TAKES_TRACKS | JO_TAKES_CLIP,
                                   .enabled = enabled}};

/* Cut where HLS is cut, so that a clip is what HLS plays of it. */
const jo_packager jo_packager_progressive = {.name = "MP4",
                                             .format = JO_DASH,
                                             .routes = routes,
                                             .nroutes = sizeof(routes) / sizeof(routes[0])};
