#include "webvtt.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../media/codec.h"
#include "ts_unit.h"

#include <apr_tables.h>
#include <ctype.h>
#include <string.h>

#define MAP_LINE "X-TIMESTAMP-MAP"
#define MOST     (16 << 20) /* bytes of the samples of one file: a cue takes several times its bytes */
#define LIVE_MAX 32         /* cues on screen at once that may go on in the next sample */

typedef struct text_bytes {
    const char *s;
    size_t len;
} text_bytes;

/* A cue, or what stood between cues. Times in ticks from the presentation's time zero. */
typedef struct cue {
    text_bytes note; /* vtta; then nothing else is set */
    text_bytes id, settings, text;
    int64_t start, end;
    int64_t moved; /* ms that times within the text are off */
    bool has_source;
    uint32_t source; /* vsid */
} cue;

typedef struct work {
    jo_ctx *cx;
    const jo_track *track;
    apr_array_header_t *cues;
    int live[LIVE_MAX], nlive; /* cues of the sample before: into cues */
    int next[LIVE_MAX], nnext; /* of this one */
} work;

/* -- text that can't break the file --------------------------------------------------------------------------- */

static bool starts_with(text_bytes b, const char *word)
{
    size_t n = strlen(word);
    return b.len >= n && !memcmp(b.s, word, n);
}

/* The next line, without its end (LF, CR or both); false past the last. */
static bool next_line(text_bytes *rest, text_bytes *line)
{
    size_t n = 0;

    if (rest->len == 0) {
        return false;
    }
    while (n < rest->len && rest->s[n] != '\n' && rest->s[n] != '\r') {
        n++;
    }
    *line = (text_bytes){rest->s, n};
    n += n + 1 < rest->len && rest->s[n] == '\r' && rest->s[n + 1] == '\n';
    n += n < rest->len;
    rest->s += n;
    rest->len -= n;
    return true;
}

static bool read_digits(text_bytes *b, unsigned min, unsigned max, int64_t *out)
{
    unsigned n = 0;

    for (*out = 0; n < max && n < b->len && isdigit((unsigned char)b->s[n]); n++) {
        *out = *out * 10 + (b->s[n] - '0');
    }
    b->s += n;
    b->len -= n;
    return n >= min;
}

static bool skip_char(text_bytes *b, char c)
{
    if (b->len == 0 || *b->s != c) {
        return false;
    }
    b->s++;
    b->len--;
    return true;
}

/* [h…:]mm:ss.mmm in front of b, which then starts behind it. */
static bool read_time(text_bytes *b, int64_t *ms)
{
    int64_t h = 0, m, s, f;

    if (!read_digits(b, 2, 6, &m) || !skip_char(b, ':') || !read_digits(b, 2, 2, &s)) {
        return false;
    }
    if (skip_char(b, ':')) {
        h = m;
        m = s;
        if (!read_digits(b, 2, 2, &s)) {
            return false;
        }
    }
    *ms = ((h * 60 + m) * 60 + s) * 1000;
    if (!skip_char(b, '.') || !read_digits(b, 3, 3, &f)) {
        return false;
    }
    *ms += f;
    return true;
}

static void add_time(jo_text *out, int64_t ms)
{
    jo_text_addf(out, "%02lld:%02d:%02d.%03d", (long long)(ms / 3600000), (int)(ms / 60000 % 60),
                 (int)(ms / 1000 % 60), (int)(ms % 1000));
}

/* A time within a cue's text, "<00:00:01.000>": moved with the cue. 0: none here. */
static size_t add_moved(jo_text *out, text_bytes b, int64_t moved)
{
    text_bytes rest = b;
    int64_t ms;

    if (!skip_char(&rest, '<') || !read_time(&rest, &ms) || !skip_char(&rest, '>')) {
        return 0;
    }
    ms = jo_ticks_add(ms, moved);
    jo_text_add(out, "<");
    add_time(out, ms > 0 ? ms : 0);
    jo_text_add(out, ">");
    return b.len - rest.len;
}

/* A line with no arrow and no NUL in it. */
static void add_line(jo_text *out, text_bytes line, int64_t moved)
{
    size_t from = 0;

    for (size_t i = 0; i < line.len; i++) {
        text_bytes rest = {line.s + i, line.len - i};
        const char *instead = *rest.s == '\0'            ? "\xef\xbf\xbd"
                              : starts_with(rest, "-->") ? "--&gt;"
                                                         : NULL;
        size_t gone = instead == NULL ? 0 : *rest.s == '\0' ? 1 : 3;
        if (gone > 0 || (moved != 0 && *rest.s == '<')) {
            jo_text_add_n(out, line.s + from, i - from);
            from = i;
        }
        if (gone > 0) {
            jo_text_add(out, instead);
        } else if (moved != 0 && *rest.s == '<') {
            gone = add_moved(out, rest, moved);
        }
        from += gone;
        i += gone > 0 ? gone - 1 : 0;
    }
    jo_text_add_n(out, line.s + from, line.len - from);
}

/* All lines but the blank ones, which would end the block. */
static void add_block(jo_text *out, text_bytes b, int64_t moved)
{
    text_bytes line;

    while (next_line(&b, &line)) {
        if (line.len > 0) {
            add_line(out, line, moved);
            jo_text_add(out, "\n");
        }
    }
}

/* For identifiers and settings, which have one line. */
static text_bytes first_line(text_bytes b)
{
    text_bytes line = {b.s, 0};

    while (next_line(&b, &line) && line.len == 0) {
    }
    return line;
}

static bool is_blank(text_bytes b)
{
    return first_line(b).len == 0;
}

/* -- samples → cues ---------------------------------------------------------------------------------------------- */

/* False at the end, and where no box fits: then *r is failed. */
static bool next_box(jo_reader *r, uint32_t *type, jo_reader *body)
{
    if (jo_reader_left(r) == 0) {
        return false;
    }
    uint32_t size = jo_read_u32(r);
    *type = jo_read_u32(r);
    if (size < 8) {
        r->failed = true;
        return false;
    }
    *body = jo_read_sub(r, size - 8);
    return !r->failed;
}

static text_bytes as_text(jo_reader r)
{
    return (text_bytes){(const char *)r.at, jo_reader_left(&r)};
}

/* VTTCueBox: 14496-30 7.4. False: damaged. */
static bool read_cue(const work *w, jo_reader r, cue *c)
{
    jo_reader body;

    for (uint32_t type; next_box(&r, &type, &body);) {
        text_bytes text = as_text(body);
        int64_t ms;
        if (type == JO_FOURCC('i', 'd', 'e', 'n')) {
            c->id = first_line(text);
        } else if (type == JO_FOURCC('s', 't', 't', 'g')) {
            c->settings = first_line(text);
        } else if (type == JO_FOURCC('p', 'a', 'y', 'l')) {
            c->text = text;
        } else if (type == JO_FOURCC('v', 's', 'i', 'd')) {
            c->has_source = true;
            c->source = jo_read_u32(&body);
            r.failed |= body.failed;
        } else if (type == JO_FOURCC('c', 't', 'i', 'm') && read_time(&text, &ms)) {
            c->moved = jo_ticks_sub(jo_ticks_round(c->start, w->track->timescale, 1000), ms);
        }
    }
    return !r.failed;
}

static bool same_text(text_bytes a, text_bytes b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.s, b.s, a.len));
}

static bool goes_on(const cue *a, const cue *b)
{
    return a->end == b->start && a->has_source == b->has_source && a->source == b->source &&
           same_text(a->text, b->text) && same_text(a->settings, b->settings) &&
           same_text(a->id, b->id);
}

static void add_cue(work *w, const cue *c)
{
    int n = -1;

    for (int i = 0; i < w->nlive && n < 0; i++) {
        cue *before = &APR_ARRAY_IDX(w->cues, w->live[i], cue);
        if (goes_on(before, c)) {
            before->end = c->end;
            n = w->live[i];
        }
    }
    if (n < 0) {
        n = w->cues->nelts;
        APR_ARRAY_PUSH(w->cues, cue) = *c;
    }
    if (w->nnext < LIVE_MAX) {
        w->next[w->nnext++] = n;
    }
}

static bool read_sample(work *w, jo_reader r, int64_t start, int64_t end)
{
    int64_t media = w->track->span.shift - w->track->preroll;
    jo_reader body;

    w->nnext = 0;
    for (uint32_t type; next_box(&r, &type, &body);) {
        cue c = {.start = start, .end = end};
        c.moved = jo_ticks_round(media, w->track->timescale, 1000);
        if (type == JO_FOURCC('v', 't', 't', 'c')) {
            if (!read_cue(w, body, &c)) {
                return false;
            }
            if (!is_blank(c.text)) {
                add_cue(w, &c);
            }
        } else if (type == JO_FOURCC('v', 't', 't', 'a') && !is_blank(as_text(body))) {
            c.note = as_text(body);
            APR_ARRAY_PUSH(w->cues, cue) = c;
        }
    }
    memcpy(w->live, w->next, sizeof(w->live));
    w->nlive = w->nnext;
    return !r.failed;
}

static apr_status_t read_samples(work *w, uint32_t first, uint32_t last, const uint8_t *data)
{
    const jo_track *t = w->track;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, t->index, first);
    for (uint32_t n = first; n < last && jo_cursor_next(&c, &s); n++) {
        int64_t start = s.dts + s.cts + t->span.shift - t->preroll;
        jo_reader r;
        jo_reader_init(&r, data, s.size);
        data += s.size;
        if (!read_sample(w, r, start, start + s.duration)) {
            return jo_fail(w->cx, JO_EMEDIA, "sample %u of %s: damaged WebVTT boxes", n + 1,
                           t->token);
        }
    }
    return APR_SUCCESS;
}

/* All samples of [first, last), one after the other. */
static apr_status_t load(jo_ctx *cx, apr_pool_t *scratch, const jo_track *t, uint32_t first,
                         uint32_t last, const jo_resource *rs, const uint8_t **data)
{
    jo_body ranges;
    jo_cursor c;
    jo_sample s;

    jo_body_init(&ranges, scratch);
    jo_cursor_init(&c, t->index, first);
    for (uint32_t n = first; n < last && jo_cursor_next(&c, &s); n++) {
        jo_body_add_range(&ranges, jo_resource_source(rs, t, n), s.offset, s.size);
    }
    uint8_t *buf = apr_palloc(scratch, (apr_size_t)ranges.length + 1);
    *data = buf;
    return jo_body_read(cx, &ranges, 0, (size_t)ranges.length, buf);
}

/* -- cues → file --------------------------------------------------------------------------------------------------- */

/* The configuration with the map in its header, which ends at the first blank line. */
static void add_head(jo_text *out, const jo_track *t, int64_t map)
{
    text_bytes rest = {(const char *)t->config, t->config_len}, line = {"WEBVTT", 6};
    unsigned blank = 0;

    if (starts_with(rest, "\xef\xbb\xbf")) {
        rest = (text_bytes){rest.s + 3, rest.len - 3};
    }
    if (starts_with(rest, "WEBVTT")) {
        next_line(&rest, &line);
    }
    bool own = line.len > 6 && line.s[6] != ' ' && line.s[6] != '\t';
    add_line(out, own ? (text_bytes){"WEBVTT", 6} : line, 0);
    jo_text_addf(out, "\n" MAP_LINE "=MPEGTS:%" APR_INT64_T_FMT ",LOCAL:00:00:00.000\n", map);
    while (next_line(&rest, &line)) {
        if (line.len == 0) {
            blank++;
        } else if (!starts_with(line, MAP_LINE)) {
            jo_text_add(out, blank > 0 ? "\n" : "");
            add_line(out, line, 0);
            jo_text_add(out, "\n");
            blank = 0;
        }
    }
}

static bool is_block_word(text_bytes b)
{
    return starts_with(b, "NOTE") || starts_with(b, "STYLE") || starts_with(b, "REGION");
}

/* Identifiers that players would take for another kind of block are left out. */
static void add_timed(jo_text *out, const cue *c, int64_t start, int64_t end)
{
    jo_text_add(out, "\n");
    if (c->id.len > 0 && !is_block_word(c->id)) {
        add_line(out, c->id, 0);
        jo_text_add(out, "\n");
    }
    add_time(out, start);
    jo_text_add(out, " --> ");
    add_time(out, end);
    if (c->settings.len > 0) {
        jo_text_add(out, " ");
        add_line(out, c->settings, 0);
    }
    jo_text_add(out, "\n");
    add_block(out, c->text, c->moved);
}

static void add_cues(jo_text *out, const work *w)
{
    for (int i = 0; i < w->cues->nelts; i++) {
        const cue *c = &APR_ARRAY_IDX(w->cues, i, cue);
        int64_t start = jo_ticks_round(c->start, w->track->timescale, 1000);
        int64_t end = jo_ticks_round(c->end, w->track->timescale, 1000);
        start = start > 0 ? start : 0;
        if (c->note.len > 0) {
            jo_text_add(out, is_block_word(first_line(c->note)) ? "\n" : "\nNOTE\n");
            add_block(out, c->note, 0);
        } else if (end > start) {
            add_timed(out, c, start, end);
        }
    }
}

apr_status_t jo_webvtt_write(jo_ctx *cx, const jo_track *t, uint32_t first, uint32_t last,
                             const uint8_t *data, int64_t map, jo_text *out)
{
    work w = {.cx = cx, .track = t};
    apr_pool_t *scratch;

    apr_pool_create(&scratch, cx->pool);
    w.cues = apr_array_make(scratch, 16, sizeof(cue));
    apr_status_t rv = read_samples(&w, first, last, data);
    if (rv == APR_SUCCESS) {
        add_head(out, t, map);
        add_cues(out, &w);
    }
    apr_pool_destroy(scratch);
    return rv;
}

static apr_status_t render(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                           const jo_resource *rs, int64_t map, jo_body *body)
{
    const jo_track *t = p->periods[0].tracks[rs->track];
    const jo_cut *cut = &plan->tracks[rs->track].cuts[rs->segment];
    apr_pool_t *scratch;
    const uint8_t *data;
    jo_text out;

    if (t->fourcc != JO_FOURCC('w', 'v', 't', 't')) {
        return jo_fail(cx, JO_ENOTFOUND, "%s is not WebVTT", t->token);
    }
    if ((uint64_t)(cut[1].bytes - cut[0].bytes) > cx->limits->segment_size ||
        cut[1].bytes - cut[0].bytes > MOST) {
        return jo_fail(cx, JO_EMEDIA, "a segment of %s has more bytes than allowed", t->token);
    }
    apr_pool_create(&scratch, cx->pool);
    jo_text_init(&out, cx->pool, 512);
    if (load(cx, scratch, t, cut[0].sample, cut[1].sample, rs, &data) == APR_SUCCESS &&
        jo_webvtt_write(cx, t, cut[0].sample, cut[1].sample, data, map, &out) == APR_SUCCESS) {
        jo_body_add_memory(body, out.s, out.len);
    }
    apr_pool_destroy(scratch);
    return cx->code;
}

apr_status_t jo_webvtt_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                      const jo_resource *rs, jo_body *body)
{
    return render(cx, p, plan, rs, jo_ticks_round(p->preroll_num, p->preroll_den, 90000), body);
}

apr_status_t jo_webvtt_render_ts_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                         const jo_resource *rs, jo_body *body)
{
    return render(cx, p, plan, rs,
                  JO_TS_START + jo_ticks_round(p->preroll_num, p->preroll_den, 90000), body);
}
