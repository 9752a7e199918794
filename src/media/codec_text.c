/* Text in MP4: TTML as stpp, WebVTT as wvtt. 14496-12 12.6 (XMLSubtitleSampleEntry, MIMEBox), 14496-30 (both);
 * profile names: W3C "TTML Media Type Definition and Profile Registry". */
#include "codec.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

/* -- stpp ---------------------------------------------------------------------------------------------------- */

#define TTML_NAMESPACE "http://www.w3.org/ns/ttml"
#define ENTRY_HEADER   16 /* box header and the fields of every sample entry */
#define PROBE_BYTES    65536

/* What an XMLSubtitleSampleEntry says. The strings are in place; "" where the entry ends before them. */
typedef struct xml_entry {
    const char *ns;
    const char *schema;
    const char *mime_types; /* of what comes beside the document: "image/png" */
    jo_reader children;
} xml_entry;

static const char *read_string(jo_reader *r)
{
    size_t left = jo_reader_left(r);
    const char *s = (const char *)r->at;

    if (left == 0 || memchr(s, 0, left) == NULL) {
        return NULL;
    }
    jo_read_skip(r, strlen(s) + 1);
    return s;
}

/* Early writers left out the last of the three strings: then a box follows at once. */
static bool at_box(jo_reader r)
{
    size_t left = jo_reader_left(&r);
    uint32_t size = jo_read_u32(&r), type = jo_read_u32(&r);

    return size >= 8 && size <= left && type >= JO_FOURCC(' ', ' ', ' ', ' ');
}

static const char *read_optional(jo_reader *r)
{
    const char *s = at_box(*r) ? NULL : read_string(r);
    return s != NULL ? s : "";
}

static bool read_xml_entry(const jo_track *t, xml_entry *e)
{
    jo_reader r;

    jo_reader_init(&r, t->entry, t->entry_len);
    jo_read_skip(&r, ENTRY_HEADER);
    e->ns = read_string(&r);
    if (e->ns == NULL) {
        return false;
    }
    e->schema = read_optional(&r);
    e->mime_types = read_optional(&r);
    e->children = r;
    return true;
}

static bool is_profile(const char *s, size_t len)
{
    return len >= 4 && len <= 64 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789|+&") >= len; /* registry's operators */
}

/* The value of `codecs` in a media type: "application/ttml+xml;codecs=im1t". */
static bool codecs_parameter(const char *type, const char **value, size_t *len)
{
    for (const char *p = strchr(type, ';'); p != NULL; p = strchr(p + 1, ';')) {
        const char *name = p + 1 + strspn(p + 1, " \t");
        if (!strncmp(name, "codecs=", 7)) {
            const char *s = name + 7 + (name[7] == '"');
            size_t n = strcspn(s, "\"; \t,");
            if (is_profile(s, n)) {
                *value = s;
                *len = n;
                return true;
            }
        }
    }
    return false;
}

/* MIMEBox, 14496-12 12.3.3.2: the profile that it names. */
static bool read_mime(jo_reader children, const char **value, size_t *len)
{
    jo_reader body;

    for (uint32_t type; jo_entry_next(&children, &type, &body);) {
        if (type == JO_FOURCC('m', 'i', 'm', 'e')) {
            jo_read_skip(&body, 4);
            const char *s = read_string(&body);
            return s != NULL && codecs_parameter(s, value, len);
        }
    }
    return false;
}

static void set_profile(apr_pool_t *pool, jo_track *t, const char *profile, size_t len)
{
    t->config = (const uint8_t *)apr_pstrndup(pool, profile, len);
    t->config_len = len;
    t->rfc6381 = apr_pstrcat(pool, "stpp.ttml.", t->config, NULL);
}

/* Names without a namespace of TTML are other XML: SVG, say. */
static apr_status_t parse_stpp(jo_ctx *cx, jo_track *t)
{
    xml_entry e;

    if (!read_xml_entry(t, &e)) {
        return jo_entry_refuse(t, "stpp sample entry without a namespace");
    }
    if (*e.ns != '\0' && strstr(e.ns, TTML_NAMESPACE) == NULL) {
        return jo_entry_refuse(t, "stpp of another namespace than TTML is not supported");
    }
    if (strstr(e.mime_types, "image/") != NULL) { /* they need `subs` boxes: 14496-30 5.6 */
        return jo_entry_refuse(t, "TTML with pictures beside it is not supported");
    }
    const char *profile = "im1t";
    size_t len = strlen(profile);
    read_mime(e.children, &profile, &len);
    set_profile(cx->pool, t, profile, len);
    return APR_SUCCESS;
}

static bool wants_probe_stpp(const jo_track *t)
{
    const char *value;
    size_t len;
    xml_entry e;

    return read_xml_entry(t, &e) && !read_mime(e.children, &value, &len);
}

static const char *find_text(const uint8_t *data, size_t len, const char *word)
{
    size_t n = strlen(word);

    for (; len >= n; data++, len--) {
        if (*data == *word && !memcmp(data, word, n)) {
            return (const char *)data;
        }
    }
    return NULL;
}

/* ttp:profile or ttp:contentProfiles of IMSC: "http://www.w3.org/ns/ttml/profile/imsc1.1/text". */
static const char *document_profile(const uint8_t *data, size_t len)
{
    static const struct {
        const char *uri, *name;
    } rows[] = {{"imsc1/text", "im1t"},    {"imsc1/image", "im1i"},  {"imsc1.1/text", "im2t"},
                {"imsc1.1/image", "im2i"}, {"imsc1.2/text", "im3t"}, {"imsc1.2/image", "im3i"}};
    static const char base[] = TTML_NAMESPACE "/profile/";
    const char *at = find_text(data, len, base);

    if (at == NULL) {
        return NULL;
    }
    at += sizeof(base) - 1;
    size_t left = len - (size_t)((const uint8_t *)at - data);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t n = strlen(rows[i].uri);
        if (left > n && !memcmp(at, rows[i].uri, n)) {
            return rows[i].name;
        }
    }
    return NULL;
}

static void probe_stpp(jo_ctx *cx, jo_track *t)
{
    size_t len = t->probe_len < PROBE_BYTES ? t->probe_len : PROBE_BYTES;
    const char *profile = document_profile(t->probe, len);

    if (profile != NULL) {
        set_profile(cx->pool, t, profile, strlen(profile));
    }
}

static void write_string(jo_writer *w, const char *s)
{
    jo_write_bytes(w, s, strlen(s) + 1);
}

static void write_stpp(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    static const char type[] = "application/ttml+xml;codecs=";
    size_t at = jo_entry_open_plain(w, "stpp");
    xml_entry e;

    (void)style;
    if (!read_xml_entry(t, &e) || *e.ns == '\0') {
        e.ns = TTML_NAMESPACE;
    }
    write_string(w, e.ns);
    write_string(w, e.schema);
    write_string(w, e.mime_types);
    size_t mime = w->len;
    jo_write_u32(w, 0);
    jo_write_bytes(w, "mime", 4);
    jo_write_u32(w, 0);
    jo_write_bytes(w, type, sizeof(type) - 1);
    jo_write_bytes(w, t->config, t->config_len);
    jo_write_u8(w, 0);
    jo_entry_close(w, mime);
    jo_entry_close(w, at);
}

static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    (void)pool;
    (void)style;
    return t->rfc6381;
}

static const char *group(const jo_track *t)
{
    return t->fourcc == JO_FOURCC('s', 't', 'p', 'p') ? "stpp" : "wvtt";
}

/* As IIS has it: the document says all. */
static bool smooth_stpp(jo_ctx *cx, const jo_track *t, jo_smooth *out)
{
    (void)cx;
    (void)t;
    *out = (jo_smooth){.fourcc = "TTML"};
    return true;
}

const jo_codec jo_codec_stpp = {.name = "TTML",
                                .kind = JO_TEXT,
                                .plain_units = true,
                                .group = group,
                                .parse = parse_stpp,
                                .wants_probe = wants_probe_stpp,
                                .probe = probe_stpp,
                                .write_entry = write_stpp,
                                .rfc6381 = rfc6381,
                                .smooth = smooth_stpp};

/* -- wvtt ----------------------------------------------------------------------------------------------------- */

#define VTT_MAGIC "WEBVTT"

/* 14496-30 7.5: vttC holds what stood before the first cue. */
static apr_status_t parse_wvtt(jo_ctx *cx, jo_track *t)
{
    jo_reader r;

    (void)cx;
    t->config = (const uint8_t *)VTT_MAGIC;
    t->config_len = sizeof(VTT_MAGIC) - 1;
    if (jo_entry_child(t, JO_FOURCC('v', 't', 't', 'C'), &r) &&
        jo_reader_left(&r) > t->config_len) {
        t->config = r.at;
        t->config_len = jo_reader_left(&r);
    }
    t->rfc6381 = "wvtt";
    return APR_SUCCESS;
}

static void write_wvtt(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    static const uint32_t label[] = {JO_FOURCC('v', 'l', 'a', 'b'), 0};
    size_t at = jo_entry_open_plain(w, "wvtt");

    (void)style;
    jo_entry_write_box(w, "vttC", t->config, t->config_len);
    jo_entry_copy_boxes(w, t, label);
    jo_entry_close(w, at);
}

const jo_codec jo_codec_wvtt = {.name = "WebVTT",
                                .kind = JO_TEXT,
                                .plain_units = true,
                                .group = group,
                                .parse = parse_wvtt,
                                .write_entry = write_wvtt,
                                .rfc6381 = rfc6381};
