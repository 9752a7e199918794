#include "demux_make.h"

static size_t moof_at;

static void write_init(jo_writer *w)
{
    jo_writer_init(w, pool, 4096);
    write_ftyp(w);
    size_t moov = open_box(w, "moov"), trak, media[3];
    write_mvhd(w, 1000);
    for (uint32_t id = 1; id <= 2; id++) {
        trak = open_box(w, "trak");
        write_tkhd(w, id);
        open_media(w, 25, id == 1 ? "vide" : "soun", 0x55c4, media);
        write_stsd(w, id == 1 ? 'p' : 'a');
        close_media(w, media);
        close_box(w, trak);
    }
    size_t mvex = open_box(w, "mvex");
    for (uint32_t id = 1; id <= 2; id++) {
        size_t trex = open_full(w, "trex", 0, 0);
        jo_write_u32(w, id);
        jo_write_u32(w, 1);
        jo_write_u32(w, 3);  /* duration */
        jo_write_u32(w, 20); /* size */
        jo_write_u32(w, id == 1 ? 0x10000 : 0);
        close_box(w, trex);
    }
    close_box(w, mvex);
    close_box(w, moov);
}

static size_t open_moof(jo_writer *w)
{
    moof_at = w->len;
    return open_box(w, "moof");
}

static size_t open_traf(jo_writer *w, uint32_t id, uint32_t flags)
{
    size_t traf = open_box(w, "traf"), tfhd = open_full(w, "tfhd", 0, flags);

    jo_write_u32(w, id);
    if (flags & 1)
        jo_write_u64(w, moof_at + 10);
    if (flags & 8)
        jo_write_u32(w, 5);
    if (flags & 16)
        jo_write_u32(w, 30);
    if (flags & 32)
        jo_write_u32(w, 0);
    close_box(w, tfhd);
    return traf;
}

static void write_tfdt(jo_writer *w, unsigned version, uint64_t time)
{
    size_t at = open_full(w, "tfdt", version, 0);

    if (version)
        jo_write_u64(w, time);
    else
        jo_write_u32(w, (uint32_t)time);
    close_box(w, at);
}

/* A run of n samples that say no more than `flags` and the arguments. */
static void write_trun(jo_writer *w, unsigned version, uint32_t flags, uint32_t n, int32_t offset)
{
    size_t at = open_full(w, "trun", version, flags);

    jo_write_u32(w, n);
    if (flags & 1)
        jo_write_u32(w, (uint32_t)offset);
    if (flags & 4)
        jo_write_u32(w, 0x2000000);
    for (uint32_t i = 0; i < n; i++) {
        if (flags & 0x100)
            jo_write_u32(w, i + 1);
        if (flags & 0x200)
            jo_write_u32(w, 10 + i);
        if (flags & 0x400)
            jo_write_u32(w, i ? 0x10000 : 0);
        if (flags & 0x800)
            jo_write_u32(w, i == 1 ? 0xfffffffe : 2);
    }
    close_box(w, at);
}

static void write_data(jo_writer *w, size_t len)
{
    size_t at = open_box(w, "mdat");

    jo_write_u32(w, sizeof(make_sps));
    jo_write_bytes(w, make_sps, sizeof(make_sps));
    jo_write_u32(w, sizeof(make_pps));
    jo_write_bytes(w, make_pps, sizeof(make_pps));
    jo_write_zeros(w, len - 8 - sizeof(make_sps) - sizeof(make_pps));
    close_box(w, at);
}

/* Two fragments: tfdt, defaults of trex and tfhd, all fields of a trun, runs that go on. */
static void test_fragments(void)
{
    jo_writer w;

    write_init(&w);
    size_t moof = open_moof(&w), traf = open_traf(&w, 1, 0x20000 | 8 | 16);
    write_tfdt(&w, 1, 1ULL << 40);
    write_trun(&w, 0, 5, 2, 300);
    write_trun(&w, 0, 0, 1, 0);
    write_trun(&w, 1, 0xf01, 2, 400);
    close_box(&w, traf);
    close_box(&w, moof);
    write_data(&w, 1000);
    int64_t first = (int64_t)moof_at;
    moof = open_moof(&w);
    traf = open_traf(&w, 1, 0x20000);
    write_trun(&w, 0, 1, 1, 100);
    close_box(&w, traf);
    close_box(&w, moof);
    write_data(&w, 500);
    int64_t t = 1LL << 40;
    if (!ok(demux(&w) == APR_SUCCESS && got.ntracks == 1,
            "fragments of one track; the empty one is left out"))
        return;
    ok(is_sample(0, 0, t, 0, 5, first + 300, 30, true),
       "first-sample-flags, tfhd defaults, 64-bit tfdt");
    ok(is_sample(0, 1, t + 5, 0, 5, first + 330, 30, false), "trex flags for the next");
    ok(is_sample(0, 2, t + 10, 0, 5, first + 360, 30, false), "a run without data offset goes on");
    ok(is_sample(0, 3, t + 15, 2, 1, first + 400, 10, true), "a run that says everything");
    ok(is_sample(0, 4, t + 16, -2, 2, first + 410, 11, false), "a negative offset");
    ok(is_sample(0, 5, t + 18, 0, 3, (int64_t)moof_at + 100, 20, false),
       "no tfdt: goes on; trex defaults all through");
    const jo_index *ix = got.tracks[0]->index;
    ok(ix->nfragments == 2 && ix->fragments[0] == 0 && ix->fragments[1] == 5 &&
           ix->raps[0].fragment,
       "where fragments begin");
    is_int(ix->end_dts, t + 21, "end");
}

/* Base of the data: 14496-12 8.8.7, and files that mean the moof all the same. */
static void test_bases(void)
{
    for (int c = 0; c < 4; c++) {
        static const char *const what[] = {
            "base-data-offset", "neither: the moof, then the traf before",
            "neither, but the moof is meant", "default-base-is-moof"};
        jo_writer w;
        write_init(&w);
        size_t moof = open_moof(&w), traf = open_traf(&w, 1, c == 0 ? 1 : c == 3 ? 0x20000 : 0);
        write_tfdt(&w, 0, 0);
        write_trun(&w, 0, 0x201, 2, 300);
        close_box(&w, traf);
        traf = open_traf(&w, 2, c == 0 ? 1 : c == 3 ? 0x20000 : 0);
        write_tfdt(&w, 0, 0);
        write_trun(&w, 0, 0x201, 2, c == 1 ? 0 : c == 2 ? 321 : 400);
        close_box(&w, traf);
        close_box(&w, moof);
        size_t len = c == 2 ? 342 - (w.len - moof_at) - 8 : 600;
        write_data(&w, len);
        int64_t at = (int64_t)moof_at + (c == 0 ? 10 : 0);
        int64_t second = c == 1 || c == 2 ? at + 321 : at + 400;
        bool good = demux(&w) == APR_SUCCESS && got.ntracks == 2;
        ok(good && sample(0, 0).offset == at + 300 && sample(0, 1).offset == at + 310 &&
               sample(1, 0).offset == second,
           "%s", what[c]);
    }
}

static void test_smooth(void)
{
    static const uint8_t tfxd[] = {0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                   0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2};
    jo_writer w;

    write_init(&w);
    size_t moof = open_moof(&w), traf = open_traf(&w, 1, 0x20000);
    size_t uuid = open_box(&w, "uuid");
    jo_write_bytes(&w, tfxd, 16);
    jo_write_u32(&w, 1u << 24);
    jo_write_u64(&w, (uint64_t)-20);
    jo_write_u64(&w, 6);
    close_box(&w, uuid);
    write_trun(&w, 0, 5, 2, 200);
    close_box(&w, traf);
    close_box(&w, moof);
    write_data(&w, 400);
    ok(demux(&w) == APR_SUCCESS && sample(0, 0).dts == -20 && sample(0, 1).dts == -17,
       "the time of a Smooth fragment, negative even");
}

static void test_fragment_damage(void)
{
    jo_writer w;

    write_init(&w);
    size_t init = w.len;
    size_t moof = open_moof(&w), traf = open_traf(&w, 1, 0x20000);
    write_tfdt(&w, 0, 0);
    size_t trun = w.len;
    write_trun(&w, 0, 0x205, 3, 200);
    close_box(&w, traf);
    close_box(&w, moof);
    size_t mdat = w.len;
    write_data(&w, 300);
    is_int(demux(&w), APR_SUCCESS, "a good fragment");
    ok(demux_bytes(w.data, mdat + 20) == JO_EMEDIA && message_has("truncated: sample 1 of track 1"),
       "its mdat cut");
    ok(demux_bytes(w.data, mdat - 10) == JO_EMEDIA && message_has("mp4: moof at byte ") &&
           message_has("cut short") && !strstr(strstr(cx.message, "moof") + 4, "moof"),
       "its moof cut, which is said once");
    ok(demux_bytes(w.data, init) == APR_SUCCESS && got.ntracks == 0, "not there at all");
    size_t whole = w.len;
    jo_write_bytes(&w, "\0\0\1\0mfra....", 12);
    ok(demux(&w) == APR_SUCCESS && got.tracks[0]->index->count == 3,
       "a cut mfra behind it does no harm");
    w.len = whole;
    jo_put_u32(w.data + trun + 12, 1000000);
    ok(demux(&w) == JO_EMEDIA && message_has("trun"), "a trun that claims more than it holds");
    jo_put_u32(w.data + trun + 8, 1); /* no fields: claims cost nothing */
    jo_put_u32(w.data + trun + 12, UINT32_MAX);
    ok(demux(&w) == JO_EMEDIA, "or anything");
    jo_put_u32(w.data + trun + 12, 1);
    jo_put_u32(w.data + trun + 16, 0x80000000);
    ok(demux(&w) == JO_EMEDIA, "a place before the file");
}

/* Counts that cost no bytes: of a track that plays they are bounded by the file, of others they cost no time. */
static void test_claims(void)
{
    for (uint32_t id = 1; id <= 3; id += 2) {
        jo_writer w;
        write_init(&w);
        for (int k = 0; k < 500; k++) {
            size_t moof = open_moof(&w), traf = open_traf(&w, id, 0x20000);
            write_trun(&w, 0, 0, 1, 0);
            jo_put_u32(w.data + w.len - 4, UINT32_MAX);
            close_box(&w, traf);
            close_box(&w, moof);
        }
        size_t moof = open_moof(&w), traf = open_traf(&w, 2, 0x20000);
        write_tfdt(&w, 0, 0);
        write_trun(&w, 0, 1, 4, 200);
        close_box(&w, traf);
        close_box(&w, moof);
        write_data(&w, 300);
        demux(&w);
        if (id == 1)
            ok(cx.code == JO_EMEDIA && message_has("more than 16000000 samples"),
               "of a track that plays");
        else
            ok(cx.code == APR_SUCCESS && got.ntracks == 1 && got.tracks[0]->index->count == 4,
               "of a track that the moov does not know");
    }
    jo_writer w;
    jo_writer_init(&w, pool, 4096);
    write_ftyp(&w);
    size_t moov = open_box(&w, "moov");
    write_mvhd(&w, 1000);
    write_track(&w, 1, "soun", 'a', 0, 100);
    write_track(&w, 2, "text", 'v', 0, UINT32_MAX);
    write_track(&w, 3, "soun", 'a', 0, 10000);
    close_box(&w, moov);
    ok(demux(&w) == JO_EMEDIA && message_has("track 3: more samples than the file has bytes"),
       "of a sample table");
}

/* tfdt at the ends of 64 bits, and a step back. */
static void test_fragment_times(void)
{
    static const uint64_t times[] = {INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX, 1ULL << 61};

    for (size_t i = 0; i < 4; i++) {
        jo_writer w;
        write_init(&w);
        for (int k = 0; k < 2; k++) {
            size_t moof = open_moof(&w), traf = open_traf(&w, 1, 0x20000);
            write_tfdt(&w, 1, times[i]);
            write_trun(&w, 0, 5, 2, 200);
            close_box(&w, traf);
            close_box(&w, moof);
            write_data(&w, 300);
        }
        demux(&w);
        ok(i == 2 ? cx.code == APR_SUCCESS : cx.code == JO_EMEDIA, "tfdt %zu: %s", i,
           cx.message ? cx.message : "plays");
    }
}

static void test_fingerprint(void)
{
    uint8_t before[JO_SHA256_SIZE] = {0};
    jo_writer w;

    for (int turned = 0; turned < 2; turned++) {
        write_init(&w);
        size_t moof = open_moof(&w), traf = open_traf(&w, 1, 0x20000 | 16);
        write_tfdt(&w, 0, 0);
        write_trun(&w, 0, 5, 3, (int32_t)(8 + 8 + 20 + 16 + 20 + 4 + 8));
        close_box(&w, traf);
        close_box(&w, moof);
        size_t sets = w.len + 8 + 4;
        write_data(&w, 200);
        jo_put_u32(w.data + moof + 8 + 8 + 16, 4 + sizeof(make_sps) + 4 + sizeof(make_pps));
        w.data[sets + sizeof(make_sps) - 1] ^= (uint8_t)turned;
        demux(&w);
        bool same = !memcmp(before, got.fingerprint, sizeof before);
        memcpy(before, got.fingerprint, sizeof before);
        ok(got.tracks[0]->config_len > 30 && !(turned && same),
           "parameter sets %d that only the first sample has", turned);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_fragments();
    test_bases();
    test_smooth();
    test_fragment_damage();
    test_fragment_times();
    test_claims();
    test_fingerprint();
    apr_terminate();
    return tap_done();
}
