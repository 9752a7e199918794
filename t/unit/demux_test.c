#include "demux_make.h"

/* -- progressive ------------------------------------------------------------------------------------- */

/* What a movie of one video track differs in from the plainest. */
typedef struct movie {
    char kind; /* of write_stsd() */
    uint32_t timescale;
    bool wide; /* co64 and a 64-bit mdat */
    bool moov_last;
    bool no_stss;
    unsigned stz2;     /* bits, 0: stsz */
    unsigned edits;    /* which of write_edits() */
    uint32_t first_at; /* chunk offset, 0: where the mdat is */
    uint32_t claim;    /* added to the count of stsz */
    bool stray;        /* four zero bytes at the end of moov */
    uint32_t description;
    const char *lang;
} movie;

static void write_edit(jo_writer *w, unsigned version, uint64_t duration, int64_t media_time)
{
    if (version == 1) {
        jo_write_u64(w, duration);
        jo_write_u64(w, (uint64_t)media_time);
    } else {
        jo_write_u32(w, (uint32_t)duration);
        jo_write_u32(w, (uint32_t)media_time);
    }
    jo_write_u32(w, 0x10000);
}

/* The movie ticks at 1000, the track at 25. */
static void write_edits(jo_writer *w, unsigned which)
{
    static const struct {
        unsigned version, n;
        uint64_t duration[3];
        int64_t media_time[3];
    } lists[] = {{0, 0, {0}, {0}},
                 {0, 1, {160}, {1}},
                 {1, 2, {400, 160}, {-1, 1}},
                 {0, 2, {80, 80}, {1, 3}},
                 {0, 2, {40, 40}, {1, 5}},
                 {0, 3, {40, 40, 40}, {0, -1, 1}},
                 {1, 1, {UINT64_MAX}, {INT64_MAX}},
                 {0, 2, {160, 100}, {2, -1}},
                 {0, 1, {0}, {3}}};
    size_t edts = open_box(w, "edts"), elst = open_full(w, "elst", lists[which].version, 0);

    jo_write_u32(w, lists[which].n);
    for (unsigned i = 0; i < lists[which].n; i++)
        write_edit(w, lists[which].version, lists[which].duration[i], lists[which].media_time[i]);
    close_box(w, elst);
    close_box(w, edts);
}

static void write_sizes(jo_writer *w, const movie *m)
{
    static const uint8_t sizes[] = {10, 3, 4, 11, 5, 6};
    size_t at = open_full(w, m->stz2 ? "stz2" : "stsz", 0, 0);

    jo_write_u32(w, m->stz2);
    jo_write_u32(w, 6 + m->claim);
    for (int i = 0; i < 6; i++) {
        if (m->stz2 == 4 && i % 2 == 0)
            jo_write_u8(w, (unsigned)(sizes[i] << 4 | sizes[i + 1]));
        else if (m->stz2 == 8)
            jo_write_u8(w, sizes[i]);
        else if (m->stz2 == 16)
            jo_write_u16(w, sizes[i]);
        else if (m->stz2 == 0)
            jo_write_u32(w, sizes[i]);
    }
    close_box(w, at);
}

/* Six samples in two chunks of four and two; IBBPBB with a DTS step of 1, 1, 1, 1, 2, 2. */
static void write_stbl(jo_writer *w, const movie *m, uint32_t mdat)
{
    uint32_t first = m->first_at ? m->first_at : mdat;

    write_stsd(w, m->kind);
    TABLE(w, "stts", 2, 4, 1, 2, 2);
    TABLE(w, "ctts", 2, 1, 1, 1, 3, 2, 0xffffffff, 2, 0);
    if (!m->no_stss)
        TABLE(w, "stss", 1, 1, 4);
    TABLE(w, "stsc", 3, 1, 4, m->description, 2, 2, 1);
    write_sizes(w, m);
    if (m->wide) {
        size_t at = open_full(w, "co64", 0, 0);
        jo_write_u32(w, 2);
        jo_write_u64(w, first);
        jo_write_u64(w, mdat + 50);
        close_box(w, at);
    } else {
        TABLE(w, "stco", 1, first, mdat + 50);
    }
}

static void write_moov(jo_writer *w, const movie *m, uint32_t mdat)
{
    size_t moov = open_box(w, "moov"), media[3];

    write_mvhd(w, 1000);
    size_t trak = open_box(w, "trak");
    write_tkhd(w, 7);
    if (m->edits)
        write_edits(w, m->edits);
    unsigned lang =
        (unsigned)((m->lang[0] - 96) << 10 | (m->lang[1] - 96) << 5 | (m->lang[2] - 96));
    open_media(w, m->timescale, "vide", lang, media);
    write_stbl(w, m, mdat);
    close_media(w, media);
    close_box(w, trak);
    if (m->stray)
        jo_write_u32(w, 0);
    close_box(w, moov);
}

/* mdat of 100 bytes whose first sample holds an SPS and a PPS; the place of its payload. */
static uint32_t write_mdat(jo_writer *w, const movie *m)
{
    size_t box = w->len;

    jo_write_u32(w, m->wide ? 1 : 108);
    jo_write_bytes(w, "mdat", 4);
    if (m->wide)
        jo_write_u64(w, 116);
    uint32_t at = (uint32_t)w->len;
    jo_write_zeros(w, 100);
    (void)box;
    return at;
}

static jo_writer make(movie m)
{
    jo_writer w, probe;

    m.kind = m.kind ? m.kind : 'v';
    m.timescale = m.timescale ? m.timescale : 25;
    m.description = m.description ? m.description : 1;
    m.lang = m.lang ? m.lang : "deu";
    jo_writer_init(&w, pool, 2048);
    write_ftyp(&w);
    if (m.moov_last) {
        uint32_t at = write_mdat(&w, &m);
        write_moov(&w, &m, at);
        return w;
    }
    jo_writer_init(&probe, pool, 2048);
    write_moov(&probe, &m, 0);
    write_moov(&w, &m, (uint32_t)(w.len + probe.len + (m.wide ? 16 : 8)));
    write_mdat(&w, &m);
    return w;
}

/* The six samples, from the place where their bytes begin. */
static bool six_samples(int64_t at, bool all_sync)
{
    return is_sample(0, 0, 0, 1, 1, at, 10, true) &&
           is_sample(0, 1, 1, 3, 1, at + 10, 3, all_sync) &&
           is_sample(0, 2, 2, -1, 1, at + 13, 4, all_sync) &&
           is_sample(0, 3, 3, -1, 1, at + 17, 11, true) &&
           is_sample(0, 4, 4, 0, 2, at + 50, 5, all_sync) &&
           is_sample(0, 5, 6, 0, 2, at + 55, 6, all_sync);
}

static bool plays(movie m, size_t from_end)
{
    jo_writer w = make(m);

    return demux(&w) == APR_SUCCESS && got.ntracks == 1 && got.tracks[0]->codec &&
           got.tracks[0]->index->count == 6 && six_samples((int64_t)(w.len - from_end), m.no_stss);
}

static void test_progressive(void)
{
    jo_writer w;

    ok(plays((movie){0}, 100), "moov first");
    ok(got.tracks[0]->id == 7 && got.tracks[0]->timescale == 25, "track header");
    is_str(got.tracks[0]->lang, "deu", "language");
    ok(got.tracks[0]->index->nraps == 2 && !got.tracks[0]->index->fragments,
       "two random access points");
    w = make((movie){.moov_last = true});
    ok(demux(&w) == APR_SUCCESS && six_samples(28, false), "moov last");
    ok(plays((movie){.wide = true}, 100), "co64 and a 64-bit mdat");
    ok(plays((movie){.no_stss = true}, 100), "no stss: all are sync samples");
    ok(plays((movie){.stz2 = 4}, 100), "stz2 of 4 bits");
    ok(plays((movie){.stz2 = 8}, 100), "stz2 of 8 bits");
    ok(plays((movie){.stz2 = 16}, 100), "stz2 of 16 bits");
    ok(plays((movie){.stray = true}, 100), "four stray zero bytes in moov");
    w = make((movie){0});
    jo_put_u32(w.data + w.len - 108, 500);
    ok(demux(&w) == APR_SUCCESS && got.ntracks == 1, "an mdat that claims more than the file has");
    jo_put_u32(w.data + w.len - 108, 0);
    ok(demux(&w) == APR_SUCCESS && got.ntracks == 1, "an mdat that runs to the end");
    w = make((movie){0});
    jo_write_bytes(&w, "\0\0\0\3junk", 8);
    ok(demux(&w) == APR_SUCCESS && warnings == 1, "junk behind everything is warned of");
}

static bool edit_is(unsigned which, int64_t empty, int64_t media_time, int64_t end, int warned)
{
    jo_writer w = make((movie){.edits = which});

    if (demux(&w) != APR_SUCCESS)
        return false;
    jo_edit e = got.tracks[0]->edit;
    if (e.empty == empty && e.media_time == media_time && e.end == end && warnings == warned)
        return true;
    printf("# empty %lld, media %lld to %lld, %d warnings\n", (long long)e.empty,
           (long long)e.media_time, (long long)e.end, warnings);
    return false;
}

static void test_edits(void)
{
    ok(edit_is(0, 0, 0, INT64_MAX, 0), "no edit");
    ok(edit_is(1, 0, 1, 5, 0), "one edit");
    ok(edit_is(2, 10, 1, 5, 0), "an empty edit before it, version 1");
    ok(edit_is(3, 0, 1, 5, 0), "edits that continue each other are one");
    ok(edit_is(4, 0, 1, INT64_MAX, 1), "others leave the end open, with a warning");
    ok(edit_is(5, 0, 0, INT64_MAX, 1), "so does a pause");
    ok(edit_is(7, 0, 2, 6, 0), "a pause at the end is none");
    ok(edit_is(8, 0, 3, INT64_MAX, 0), "an edit of no duration is open");
    jo_writer w = make((movie){.edits = 6});
    ok(demux(&w) == APR_SUCCESS && got.tracks[0]->edit.media_time > 0 &&
           got.tracks[0]->edit.media_time < INT64_MAX / 4,
       "absurd times are bounded");
}

static void test_damage(void)
{
    jo_writer w = make((movie){.first_at = 100000});

    ok(demux(&w) == JO_EMEDIA && message_has("truncated: sample 1 of track 7 ends at byte 100010"),
       "a sample past the end of the file");
    w = make((movie){.wide = true, .first_at = 0});
    w.data[w.len - 116 - 16] = 0x7f;
    ok(demux(&w) == JO_EMEDIA && message_has("truncated"), "far past it");
    w = make((movie){.claim = 1});
    ok(demux(&w) == JO_EMEDIA && message_has("sample size table"), "stsz larger than its box");
    w = make((movie){.claim = UINT32_MAX - 6});
    ok(demux(&w) == JO_EMEDIA, "by far");
    w = make((movie){.stz2 = 5});
    ok(demux(&w) == JO_EMEDIA, "stz2 of 5 bits");
    w = make((movie){.description = 2});
    ok(demux(&w) == APR_SUCCESS && !got.tracks[0]->codec &&
           strstr(got.tracks[0]->why, "sample description"),
       "a second sample description is not supported, and said so");
    ok(demux_bytes("", 0) == JO_EMEDIA && demux_bytes("GIF89a..........", 16) == JO_EMEDIA &&
           message_has(".mp4: "),
       "no MP4 at all");
    w = make((movie){0});
    w.len = 20;
    ok(demux(&w) == JO_EMEDIA && message_has("no moov box"), "a file that ends before moov");
}

/* mdhd's timescale of 0, in a file that is otherwise good. */
static void test_zero_timescale(void)
{
    jo_writer w = make((movie){0});

    for (size_t i = 0; i + 24 < w.len; i++) {
        if (!memcmp(w.data + i, "mdhd", 4))
            jo_put_u32(w.data + i + 16, 0);
    }
    ok(demux(&w) == JO_EMEDIA && message_has("timescale"), "timescale 0");
}

/* Cut at every byte: an error with a message, or what is left is right. */
static void test_cuts(void)
{
    jo_writer w = make((movie){.kind = 'p', .moov_last = true});
    bool good = true;

    for (size_t len = 0; len < w.len; len++)
        good = good && demux_bytes(w.data, len) == JO_EMEDIA && cx.message && *cx.message;
    ok(good, "moov last: every cut is an error");
    w = make((movie){.kind = 'p', .edits = 2});
    for (size_t len = 0; len + 61 < w.len; len++)
        good = good && demux_bytes(w.data, len) == JO_EMEDIA;
    ok(good, "moov first: every cut that takes samples away is one");
    for (size_t len = w.len - 39; len < w.len; len++)
        good = good && demux_bytes(w.data, len) == APR_SUCCESS && got.ntracks == 1;
    ok(good, "one behind the last sample is not");
}

static void test_limits(void)
{
    jo_limits small = jo_limits_default;
    jo_writer w = make((movie){0});
    jo_opener *mem = jo_source_mem_opener(pool);
    jo_source *src;

    jo_source_mem_add(mem, "/small.mp4", w.data, w.len);
    for (int i = 0; i < 4; i++) {
        small = jo_limits_default;
        jo_ctx_init(&cx, pool);
        cx.opener = mem;
        cx.limits = &small;
        if (i == 0)
            small.moov_size = 100;
        else if (i == 1)
            small.samples = 5;
        else if (i == 2)
            small.tracks = 0;
        else
            small.boxes = 1;
        jo_source_open(&cx, "/small.mp4", &src);
        ok(jo_demux(&cx, src, &got) == JO_EMEDIA && cx.message, "limit %d holds: %s", i,
           cx.message);
    }
}

/* -- tracks ------------------------------------------------------------------------------------------- */

/* A track of samples of four bytes from the first byte of the file on. */
static void test_tracks(void)
{
    jo_writer w;

    jo_writer_init(&w, pool, 4096);
    write_ftyp(&w);
    size_t moov = open_box(&w, "moov");
    write_mvhd(&w, 1000);
    write_track(&w, 1, "vide", 'v', 4, 1);
    write_track(&w, 2, "tmcd", 'v', 0, 1);
    write_track(&w, 3, "soun", 'a', 0, 1);
    write_track(&w, 4, "text", 'v', 0, 1); /* chapters of 1 */
    write_track(&w, 5, "hint", 'v', 0, 1);
    write_track(&w, 6, "sbtl", 'v', 0, 1);
    write_track(&w, 7, "soun", 'a', 0, 0); /* no samples */
    write_track(&w, 8, "soun", '-', 0, 1); /* no stsd */
    close_box(&w, moov);
    if (!ok(demux(&w) == APR_SUCCESS && got.ntracks == 4, "audio, video and text tracks"))
        return;
    ok(got.tracks[0]->id == 1 && got.tracks[0]->kind == JO_VIDEO && got.tracks[0]->codec, "video");
    ok(got.tracks[1]->id == 3 && got.tracks[1]->kind == JO_AUDIO && got.tracks[1]->codec, "audio");
    ok(got.tracks[2]->id == 6 && got.tracks[2]->kind == JO_TEXT && !got.tracks[2]->codec &&
           got.tracks[2]->why,
       "text, which has no codec yet");
    ok(got.tracks[3]->id == 8 && !got.tracks[3]->codec && strstr(got.tracks[3]->why, "stsd"),
       "one without sample description, which says so");
    is_str(got.tracks[0]->lang, "und", "language und");
    is_str(got.tracks[1]->lang, "und", "a Macintosh language code is und too");
    jo_writer_init(&w, pool, 4096);
    write_ftyp(&w);
    moov = open_box(&w, "moov");
    write_mvhd(&w, 1000);
    write_track(&w, 1, "vide", 'v', 102, 1);
    write_track(&w, 2, "soun", 'a', 0, 1);
    close_box(&w, moov);
    ok(demux(&w) == APR_SUCCESS && got.ntracks == 2,
       "references beyond as many as there may be tracks are not looked at");
}

/* A codec configuration that can't be read is the matter of its track. */
static void test_damaged_track(void)
{
    static const char *const gone[] = {"avcC", "esds"};

    for (size_t i = 0; i < 2; i++) {
        jo_writer w;
        jo_writer_init(&w, pool, 4096);
        write_ftyp(&w);
        size_t moov = open_box(&w, "moov");
        write_mvhd(&w, 1000);
        write_track(&w, 1, "vide", 'v', 0, 1);
        write_track(&w, 2, "soun", 'a', 0, 1);
        close_box(&w, moov);
        for (size_t at = 0; at + 4 <= w.len; at++) {
            if (!memcmp(w.data + at, gone[i], 4))
                memcpy(w.data + at, "free", 4);
        }
        bool good = demux(&w) == APR_SUCCESS && got.ntracks == 2;
        ok(good && !got.tracks[i]->codec && strstr(got.tracks[i]->why, gone[i]) &&
               got.tracks[1 - i]->codec,
           "without %s the other track plays", gone[i]);
    }
}

static void test_fingerprint(void)
{
    uint8_t before[JO_SHA256_SIZE];
    jo_writer w = make((movie){0});

    demux(&w);
    memcpy(before, got.fingerprint, sizeof before);
    w.data[w.len - 1] ^= 1;
    demux(&w);
    ok(!memcmp(before, got.fingerprint, sizeof before), "media bytes are not in the fingerprint");
    w = make((movie){.lang = "fra"});
    demux(&w);
    ok(memcmp(before, got.fingerprint, sizeof before), "the moov is");
    w = make((movie){0});
    for (size_t i = 0; i + 20 < w.len; i++)
        if (!memcmp(w.data + i, "stsz", 4))
            w.data[i + 4 + 12 + 3] ^= 1;
    is_int(demux(&w), APR_SUCCESS, "another size of the first sample");
    ok(memcmp(before, got.fingerprint, sizeof before), "as what its tables say");
    w = make((movie){0});
    jo_write_bytes(&w,
                   "\0\0\0\x8"
                   "free",
                   8);
    demux(&w);
    ok(memcmp(before, got.fingerprint, sizeof before), "and the file's size");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_progressive();
    test_edits();
    test_damage();
    test_zero_timescale();
    test_cuts();
    test_limits();
    test_tracks();
    test_damaged_track();
    test_fingerprint();
    apr_terminate();
    return tap_done();
}
