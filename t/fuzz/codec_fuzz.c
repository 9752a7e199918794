/* Codec records: a sample entry and a first sample. Two bytes say how long the entry is. What is accepted must be
 * written as an entry that is accepted again and says the same. */
#include "../../src/media/codec.h"
#include "../../src/media/sample_entry.h"
#include "fuzz.h"

#include <apr_general.h>
#include <string.h>

unsigned long fuzz_successes;

static jo_kind kind_of(uint32_t fourcc)
{
    for (int i = 0; jo_codec_row_at(i) != NULL; i++)
        if (jo_codec_row_at(i)->fourcc == fourcc)
            return jo_codec_row_at(i)->codec->kind;
    return JO_AUDIO;
}

/* As the demuxer does; false if the codec refuses. */
static bool parse(jo_ctx *cx, jo_track *t, const uint8_t *entry, size_t len, const uint8_t *probe,
                  size_t probe_len)
{
    *t = (jo_track){.entry = entry, .entry_len = len, .timescale = 1000, .sar_w = 1, .sar_h = 1};
    t->fourcc = jo_get_u32(entry + 4);
    t->kind = kind_of(t->fourcc);
    FUZZ_CHECK(jo_codec_parse(cx, t) == APR_SUCCESS && cx->code == APR_SUCCESS);
    if (t->codec != NULL && t->codec->wants_probe != NULL && t->codec->wants_probe(t)) {
        t->probe = probe;
        t->probe_len = probe_len;
        t->codec->probe(cx, t);
        t->probe = NULL;
        t->probe_len = 0;
    }
    FUZZ_CHECK(t->codec != NULL || (t->why != NULL && *t->why));
    return t->codec != NULL;
}

static void check_facts(jo_ctx *cx, const jo_track *t)
{
    jo_smooth smooth;

    FUZZ_CHECK(t->formats != 0);
    FUZZ_CHECK(t->kind != JO_VIDEO || (t->sar_w > 0 && t->sar_h > 0));
    FUZZ_CHECK(t->kind != JO_AUDIO || (t->channels > 0 && t->sample_rate > 0));
    FUZZ_CHECK(t->kind != JO_AUDIO || *t->codec->group(t));
    FUZZ_CHECK(t->kind != JO_VIDEO || t->supplemental == NULL || strchr(t->supplemental, '/'));
    if (t->formats & JO_SMOOTH && t->codec->smooth != NULL && t->codec->smooth(cx, t, &smooth))
        FUZZ_CHECK(strlen(smooth.fourcc) >= 4);
}

static void check_entry(jo_ctx *cx, const jo_track *t, jo_entry_style style, const uint8_t *probe,
                        size_t probe_len)
{
    const char *name = t->codec->rfc6381(cx->pool, t, style);
    jo_track again;
    jo_writer w;

    FUZZ_CHECK(strlen(name) >= 4 && strpbrk(name, "\", \n") == NULL);
    jo_writer_init(&w, cx->pool, 0);
    t->codec->write_entry(t, style, &w);
    FUZZ_CHECK(w.len >= 16 && jo_get_u32(w.data) == w.len);
    FUZZ_CHECK(parse(cx, &again, w.data, w.len, probe, probe_len));
    FUZZ_CHECK(again.codec == t->codec);
    FUZZ_CHECK(!strcmp(again.codec->rfc6381(cx->pool, &again, style), name));
}

static void run(apr_pool_t *pool, const uint8_t *entry, size_t len, const uint8_t *probe,
                size_t probe_len)
{
    jo_track t;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (!parse(&cx, &t, entry, len, probe, probe_len))
        return;
    check_facts(&cx, &t);
    check_entry(&cx, &t, JO_ENTRY_SOURCE, probe, probe_len);
    check_entry(&cx, &t, JO_ENTRY_PLAIN, probe, probe_len);
    fuzz_successes++;
}

/* A block of exactly this size, so that AddressSanitizer sees a read beyond it. */
static uint8_t *exact(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, len);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t n = len < 2 ? 0 : (size_t)(data[0] << 8 | data[1]);
    apr_pool_t *pool;

    if (n < 16 || n > len - 2 || len > 1 << 16)
        return 0;
    uint8_t *entry = exact(data + 2, n), *probe = exact(data + 2 + n, len - 2 - n);
    jo_put_u32(entry, (uint32_t)n); /* the demuxer cuts it so */
    apr_initialize();
    apr_pool_create(&pool, NULL);
    run(pool, entry, n, probe, len - 2 - n);
    apr_pool_destroy(pool);
    apr_terminate();
    free(entry);
    free(probe);
    return 0;
}
