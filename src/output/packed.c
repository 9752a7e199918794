#include "packed.h"

#include "../base/status.h"
#include "../io/fetch.h"
#include "../media/codec_aac.h"
#include "ts_unit.h"

#include <string.h>

/* -- ADTS: 14496-3 1.A.2.2 -------------------------------------------------------------------------------- */

enum { OBJECT_TYPES = 4, CONFIGURATIONS = 7 };

static bool has_adts(const jo_aac_core *a)
{
    return a->object_type >= 1 && a->object_type <= OBJECT_TYPES && a->configuration >= 1 &&
           a->configuration <= CONFIGURATIONS && !a->short_frames && !a->layered;
}

bool jo_adts_carries(const jo_track *t)
{
    jo_aac_core a;

    return jo_aac_read_core(t, &a) && has_adts(&a);
}

void jo_adts_resize(uint8_t header[JO_ADTS_HEADER], uint32_t size)
{
    uint32_t all = size + JO_ADTS_HEADER;

    header[3] = (uint8_t)((header[3] & 0xfc) | all >> 11);
    header[4] = (uint8_t)(all >> 3);
    header[5] = (uint8_t)(all << 5 | (header[5] & 0x1f));
}

void jo_adts_write(const jo_track *t, uint32_t size, uint8_t out[JO_ADTS_HEADER])
{
    jo_aac_core a = {0};

    jo_aac_read_core(t, &a);
    out[0] = 0xff;
    out[1] = 0xf1; /* MPEG-4, no CRC */
    out[2] = (uint8_t)((a.object_type - 1) << 6 | a.frequency << 2 | a.configuration >> 2);
    out[3] = (uint8_t)(a.configuration << 6);
    out[5] = 0x1f; /* adts_buffer_fullness 0x7ff: variable rate */
    out[6] = 0xfc; /* one raw_data_block */
    jo_adts_resize(out, size);
}

/* -- what goes out packed --------------------------------------------------------------------------------- */

static bool is_aac(const jo_track *t)
{
    return t->codec == &jo_codec_aac;
}

static bool carries(const jo_track *t)
{
    return t->codec == &jo_codec_ac3 || t->codec == &jo_codec_eac3 ||
           t->codec == &jo_codec_mpeg_audio || jo_adts_carries(t);
}

bool jo_packed_carries(const jo_track *t)
{
    for (int i = 0; i < t->nvariants; i++) {
        if (t->variants[i]->codec != t->codec || !carries(t->variants[i])) {
            return false;
        }
    }
    return carries(t);
}

const char *jo_packed_extension(const jo_track *t)
{
    return is_aac(t)                    ? "aac"
           : t->codec == &jo_codec_ac3  ? "ac3"
           : t->codec == &jo_codec_eac3 ? "ec3"
                                        : "mp3";
}

/* -- segments --------------------------------------------------------------------------------------------- */

/* An ID3 tag (ID3v2.4.0 3.1) of one PRIV frame: RFC 8216bis 3.4. */
static const char owner[] = "com.apple.streaming.transportStreamTimestamp";
enum {
    PRIV_BODY = sizeof(owner) + 8, /* both sizes below 128: as in synchsafe integers */
    TAG_BODY = 10 + PRIV_BODY,
    TAG = 10 + TAG_BODY
};

int64_t jo_packed_segment_size(const jo_track *t, const jo_track_plan *tp, int i)
{
    const jo_cut *cut = &tp->cuts[i];
    int64_t headers = is_aac(t) ? (int64_t)(cut[1].sample - cut[0].sample) * JO_ADTS_HEADER : 0;

    return TAG + headers + cut[1].bytes - cut[0].bytes;
}

static void write_tag(const jo_track *t, const jo_sample *first, uint8_t out[TAG])
{
    int64_t wire = jo_ticks_add(first->dts + first->cts, t->span.shift);

    memcpy(out, "ID3\4\0\0\0\0\0", 9);
    out[9] = TAG_BODY;
    memcpy(out + 10, "PRIV\0\0\0", 7);
    out[17] = PRIV_BODY;
    out[18] = out[19] = 0; /* flags */
    memcpy(out + 20, owner, sizeof(owner));
    uint64_t time = (uint64_t)jo_ts_time(t, wire) & 0x1ffffffffU;
    jo_put_u32(out + TAG - 8, (uint32_t)(time >> 32));
    jo_put_u32(out + TAG - 4, (uint32_t)time);
}

/* All that making takes: the request's resource and plan may be gone by then. */
typedef struct segment {
    jo_maker maker;
    const jo_track *track;
    jo_resource rs;
    jo_cut cut[2]; /* this segment's, and the next one's */
    int64_t size;
    uint8_t tag[TAG];
} segment;

/* The frames, one behind the other. */
static apr_status_t read_frames(jo_ctx *cx, const segment *s, uint8_t *to)
{
    jo_cursor c;
    jo_sample f;
    jo_fetch fetch;

    jo_fetch_init(cx, &fetch);
    jo_cursor_init(&c, s->track->index, s->cut[0].sample);
    for (uint32_t n = c.next; n < s->cut[1].sample && jo_cursor_next(&c, &f); n++, to += f.size) {
        if (jo_fetch_add(&fetch, jo_resource_source(&s->rs, s->track, n), f.offset, f.size, to) !=
            APR_SUCCESS) {
            return cx->code;
        }
    }
    return jo_fetch_done(&fetch);
}

/* Puts a header before each of the frames at `from`, where they begin: as much farther on as all headers take, so that
 * what is written never passes what is left to be moved. */
static void add_headers(const segment *s, const uint8_t *from, uint8_t *to)
{
    uint8_t header[JO_ADTS_HEADER];
    const jo_track *said = NULL;
    jo_cursor c;
    jo_sample f;

    jo_cursor_init(&c, s->track->index, s->cut[0].sample);
    for (uint32_t n = c.next; n < s->cut[1].sample && jo_cursor_next(&c, &f); n++) {
        const jo_track *as = jo_track_variant(s->track, n);
        if (as != said) {
            jo_adts_write(as, f.size, header);
            said = as;
        }
        jo_adts_resize(header, f.size);
        memcpy(to, header, sizeof(header));
        memmove(to + sizeof(header), from, f.size);
        to += sizeof(header) + f.size;
        from += f.size;
    }
}

/* AAC: the frames are read to the end of the buffer, and spread from there. */
static apr_status_t make(jo_ctx *cx, const jo_maker *self, void *buf)
{
    const segment *s = (const segment *)self;
    uint8_t *frames = (uint8_t *)buf + s->size - (s->cut[1].bytes - s->cut[0].bytes);
    jo_ctx scratch = *cx;

    apr_pool_create(&scratch.pool, cx->pool);
    apr_status_t rv = read_frames(&scratch, s, frames);
    if (rv == APR_SUCCESS) {
        memcpy(buf, s->tag, sizeof(s->tag));
        add_headers(s, frames, (uint8_t *)buf + sizeof(s->tag));
    } else {
        rv = jo_fail(cx, scratch.code, "%s", scratch.message);
    }
    apr_pool_destroy(scratch.pool);
    return rv;
}

/* The time of the first frame into the tag. AAC: can ADTS say how long each is? Else: their ranges. */
static apr_status_t add_frames(jo_ctx *cx, segment *s, jo_body *body)
{
    bool aac = is_aac(s->track);
    jo_cursor c;
    jo_sample f;

    jo_cursor_init(&c, s->track->index, s->cut[0].sample);
    for (uint32_t n = c.next; n < s->cut[1].sample && jo_cursor_next(&c, &f); n++) {
        if (n == s->cut[0].sample) {
            write_tag(s->track, &f, s->tag);
        }
        if (!aac) {
            jo_body_add_range(body, jo_resource_source(&s->rs, s->track, n), f.offset, f.size);
        } else if (f.size > JO_ADTS_MAX) {
            return jo_fail(cx, JO_EMEDIA, "frame %u of %s has %u bytes, more than ADTS can say",
                           n + 1, s->track->token, f.size);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t add_segment(jo_ctx *cx, const jo_presentation *p, segment *s, jo_body *body)
{
    if (is_aac(s->track)) {
        s->maker = (jo_maker){make, jo_resource_sources(cx, p, &s->rs)};
        jo_body_add_made(body, &s->maker, s->size);
    } else {
        jo_body_add_memory(body, s->tag, sizeof(s->tag));
    }
    return add_frames(cx, s, body);
}

apr_status_t jo_packed_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                      const jo_resource *rs, jo_body *body)
{
    const jo_track *t = p->periods[0].tracks[rs->track];
    segment *s = apr_palloc(cx->pool, sizeof(*s));

    s->track = t;
    s->rs = *rs;
    memcpy(s->cut, &plan->tracks[rs->track].cuts[rs->segment], sizeof(s->cut));
    s->size = jo_packed_segment_size(t, &plan->tracks[rs->track], rs->segment);
    if ((uint64_t)s->size > cx->limits->segment_size || s->size > INT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "segment %lld of %s has %lld bytes, more than allowed",
                       (long long)(plan->base_number + rs->segment), t->token, (long long)s->size);
    }
    return add_segment(cx, p, s, body);
}
