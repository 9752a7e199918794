/* Sample descriptions, data references and kind boxes of MP4 files: src/input/mp4_entry.c. */
#include "../../src/base/log.h"
#include "../../src/base/status.h"
#include "../../src/input/demux.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define CHUNK 80 /* bytes: two samples of 40, the first of an SPS and a PPS */

static apr_pool_t *pool;
static jo_ctx cx;
static jo_opener *mem;
static jo_demuxed got;

/* A movie of one track in which each chunk of two samples names its own sample entry. */
typedef struct film {
    const char *entries; /* one letter each: see write_entry() */
    const char *chunks;  /* entry of each chunk, '1' and up */
    const char *refs;    /* data reference of each entry, '1' and up; NULL: all 1 */
    const char *const
        *files; /* of the data references, NULL at the end: "" the file itself, "alis", "urn " */
    const char *key;   /* '1' for each chunk that begins with a sync sample; NULL: all */
    const char *kinds; /* payload of kind boxes, one string of scheme\0value\0 each */
    size_t kinds_len;
    const char *lang; /* of an elng box; NULL: none */
    uint32_t claim;   /* entries that stsd says it has, beyond those it has */
    bool sound, fragmented;
} film;

/* 'v' and 'V' AVC of two sizes, 'p' and 'P' likewise without parameter sets, 'e' encrypted, 'z' of an unknown codec,
 * 'a' and 'A' AAC of two rates, 'd' AC-3, 's' of no more than its header. */
static void write_entry(jo_writer *w, char kind, unsigned reference)
{
    size_t start = w->len, at;

    switch (kind) {
    case 'a':
    case 'A':
        at = open_sound(w, "mp4a", 2, kind == 'a' ? 48000 : 24000);
        write_esds(w, 0x40, kind == 'a' ? "\x11\x90" : "\x13\x10", 2);
        break;
    case 'd':
        at = open_sound(w, "ac-3", 2, 48000);
        jo_write_bytes(w,
                       "\0\0\0\x0b"
                       "dac3\x10\x3d\xc0",
                       11);
        break;
    case 's':
        at = open_box(w, "avc1");
        jo_write_zeros(w, 8);
        break;
    default:
        at = open_visual(w,
                         strchr("vV", kind)   ? "avc1"
                         : strchr("pP", kind) ? "avc3"
                         : kind == 'e'        ? "encv"
                                              : "zzzz",
                         strchr("VP", kind) ? 640 : 320, 180);
        write_avcc(w, strchr("vVez", kind) != NULL);
        break;
    }
    w->data[start + 15] = (uint8_t)reference;
    close_box(w, at);
}

static void write_dinf(jo_writer *w, const film *m)
{
    size_t dinf = open_box(w, "dinf"), dref = open_full(w, "dref", 0, 0);
    uint32_t n = 0;

    while (m->files[n] != NULL)
        n++;
    jo_write_u32(w, n);
    for (uint32_t i = 0; i < n; i++) {
        const char *s = m->files[i];
        bool other = !strcmp(s, "alis") || !strcmp(s, "urn ");
        size_t at = open_full(w, other ? s : "url ", 0, *s ? 0 : 1);
        jo_write_bytes(w, s, *s ? strlen(s) + 1 : 0);
        close_box(w, at);
    }
    close_box(w, dref);
    close_box(w, dinf);
}

static bool in_itself(const film *m, char chunk)
{
    size_t entry = (size_t)(chunk - '1'), reference, n = 0;

    if (m->files == NULL || entry >= strlen(m->entries))
        return true;
    while (m->files[n] != NULL)
        n++;
    reference = (size_t)(m->refs ? m->refs[entry] - '1' : 0);
    return reference >= n || *m->files[reference] == '\0';
}

static uint32_t place(const film *m, size_t i, uint32_t mdat)
{
    return (in_itself(m, m->chunks[i]) ? mdat : 0) + (uint32_t)i * CHUNK;
}

static void write_tables(jo_writer *w, const film *m, uint32_t mdat)
{
    uint32_t stsc[64 * 3], stco[64], stss[64], n = (uint32_t)strlen(m->chunks), syncs = 0;

    for (uint32_t i = 0; i < n; i++) {
        memcpy(stsc + (size_t)i * 3, (uint32_t[]){i + 1, 2, (uint32_t)(m->chunks[i] - '0')}, 12);
        stco[i] = place(m, i, mdat);
        if (!m->key || m->key[i] == '1')
            stss[syncs++] = 2 * i + 1;
    }
    n = m->fragmented ? 0 : n;
    TABLE(w, "stts", 2, n * 2, 40);
    write_table(w, "stsc", 3, stsc, (size_t)n * 3);
    write_table(w, "stco", 1, stco, n);
    size_t at = open_full(w, "stsz", 0, 0);
    jo_write_u32(w, CHUNK / 2);
    jo_write_u32(w, n * 2);
    close_box(w, at);
    if (!m->sound)
        write_table(w, "stss", 1, stss, m->fragmented ? 0 : syncs);
}

static void write_kinds(jo_writer *w, const film *m)
{
    size_t udta = open_box(w, "udta"), at = 0;

    while (at < m->kinds_len) {
        size_t len = strlen(m->kinds + at) + 1;
        len += strlen(m->kinds + at + len) + 1;
        size_t kind = open_full(w, "kind", 0, 0);
        jo_write_bytes(w, m->kinds + at, len);
        close_box(w, kind);
        at += len;
    }
    close_box(w, udta);
}

static void write_moov(jo_writer *w, const film *m, uint32_t mdat)
{
    size_t moov = open_box(w, "moov"), media[3];

    write_mvhd(w, 1000);
    size_t trak = open_box(w, "trak");
    write_tkhd(w, 1);
    if (m->kinds)
        write_kinds(w, m);
    open_media(w, 1000, m->sound ? "soun" : "vide", 0x55c4, media);
    size_t stsd = open_full(w, "stsd", 0, 0);
    jo_write_u32(w, (uint32_t)strlen(m->entries) + m->claim);
    for (size_t i = 0; m->entries[i]; i++)
        write_entry(w, m->entries[i], m->refs ? (unsigned)(m->refs[i] - '0') : 1);
    close_box(w, stsd);
    write_tables(w, m, mdat);
    close_box(w, media[2]);
    if (m->files)
        write_dinf(w, m);
    close_box(w, media[1]);
    if (m->lang) {
        size_t elng = open_full(w, "elng", 0, 0);
        jo_write_bytes(w, m->lang, strlen(m->lang) + 1);
        close_box(w, elng);
    }
    close_box(w, media[0]);
    close_box(w, trak);
    if (m->fragmented) {
        size_t mvex = open_box(w, "mvex");
        TABLE(w, "trex", 1, 1, 40, CHUNK / 2, 0x10000);
        jo_put_u32(w->data + w->len - 20, 1); /* track_ID where the table has its count; */
        close_box(w, mvex);
    }
    close_box(w, moov);
}

static void write_moof(jo_writer *w, const film *m, size_t i, uint32_t mdat)
{
    size_t moof = open_box(w, "moof"), traf = open_box(w, "traf");
    size_t at = open_full(w, "tfhd", 0, m->chunks[i] == '1' ? 1 : 3);

    jo_write_u32(w, 1);
    jo_write_u64(w, 0);
    if (m->chunks[i] != '1')
        jo_write_u32(w, (uint32_t)(m->chunks[i] - '0'));
    close_box(w, at);
    at = open_full(w, "trun", 0, 5);
    jo_write_u32(w, 2);
    jo_write_u32(w, place(m, i, mdat));
    jo_write_u32(w, m->key && m->key[i] != '1' ? 0x10000 : 0);
    close_box(w, at);
    close_box(w, traf);
    close_box(w, moof);
}

static void write_chunks(jo_writer *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        jo_write_u32(w, sizeof(make_sps));
        jo_write_bytes(w, make_sps, sizeof(make_sps));
        jo_write_u32(w, sizeof(make_pps));
        jo_write_bytes(w, make_pps, sizeof(make_pps));
        jo_write_zeros(w, CHUNK / 2);
    }
}

static jo_writer make(const film *m)
{
    jo_writer w, probe;

    jo_writer_init(&w, pool, 4096);
    jo_writer_init(&probe, pool, 4096);
    write_ftyp(&w);
    write_moov(&probe, m, 0);
    uint32_t mdat = (uint32_t)(w.len + probe.len + 8);
    write_moov(&w, m, mdat);
    size_t at = open_box(&w, "mdat");
    write_chunks(&w, strlen(m->chunks));
    close_box(&w, at);
    for (size_t i = 0; m->fragmented && m->chunks[i]; i++)
        write_moof(&w, m, i, mdat);
    return w;
}

static void add_file(const char *path, size_t chunks)
{
    jo_writer w;

    jo_writer_init(&w, pool, 1024);
    write_chunks(&w, chunks);
    jo_source_mem_add(mem, path, w.data, w.len);
}

/* Demuxes /m/f.mp4 in a block of just its size. */
static apr_status_t demux(const film *m)
{
    jo_writer w = make(m);
    void *copy = exact(w.data, w.len);
    jo_source *src;

    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    jo_source_mem_add(mem, "/m/f.mp4", copy, w.len);
    if (jo_source_open(&cx, "/m/f.mp4", &src) == APR_SUCCESS)
        jo_demux(&cx, src, &got);
    free(copy);
    mem = jo_source_mem_opener(pool);
    return cx.code;
}

static bool demuxed(const film *m)
{
    if (demux(m) == APR_SUCCESS && got.ntracks == 1 && got.tracks[0]->codec)
        return true;
    printf("# %s\n", cx.code != APR_SUCCESS ? cx.message : got.ntracks ? got.tracks[0]->why : "-");
    return false;
}

/* True if the track can't be packaged, for a reason with these words. */
static bool refused(const film *m, const char *why)
{
    if (demux(m) == APR_SUCCESS && got.ntracks == 1 && !got.tracks[0]->codec &&
        strstr(got.tracks[0]->why, why))
        return true;
    printf("# %s\n", cx.code != APR_SUCCESS ? cx.message : got.tracks[0]->why);
    return false;
}

static bool fails(const film *m, apr_status_t code, const char *message)
{
    apr_status_t rv = demux(m);

    if (rv == code && strstr(cx.message, message))
        return true;
    printf("# %d %s\n", rv, rv != APR_SUCCESS ? cx.message : "succeeds");
    return false;
}

static unsigned width_of(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

/* Runs as text: sample:variant@file … */
static const char *runs(void)
{
    const jo_track *t = got.tracks[0];
    const char *s = "";

    for (int i = 0; i < t->nruns; i++)
        s = apr_psprintf(pool, "%s%s%u:%d@%d", s, i ? " " : "", t->runs[i].sample,
                         t->runs[i].variant, t->runs[i].source);
    return s;
}

static void test_entries(bool fragmented)
{
    const char *how = fragmented ? "fragments" : "a moov";
    film m = {.entries = "vV", .chunks = "1122", .fragmented = fragmented};

    printf("# in %s\n", how);
    if (ok(demuxed(&m), "two sample entries")) {
        const jo_track *t = got.tracks[0];
        is_str(runs(), "0:0@0 4:1@0", "two runs");
        ok(t->nvariants == 2 && t->variants[0] == t && t->index->count == 8, "two variants");
        ok(jo_track_variant(t, 3) == t && jo_track_variant(t, 4) == t->variants[1] &&
               jo_track_variant(t, 7) == t->variants[1],
           "which sample has which");
        ok(width_of(t->entry + 32) == 320 && width_of(t->variants[1]->entry + 32) == 640 &&
               t->variants[1]->index == t->index && t->variants[1]->timescale == t->timescale,
           "what differs and what does not");
        is_int(t->formats & JO_SMOOTH, 0, "Smooth has one CodecPrivateData");
        ok((t->formats & (JO_HLS | JO_DASH)) == (JO_HLS | JO_DASH), "HLS and DASH have it");
    }
    m.entries = "vv";
    ok(demuxed(&m) && got.tracks[0]->nvariants == 1 && got.tracks[0]->formats & JO_SMOOTH,
       "two that say the same are one");
    is_str(runs(), "0:0@0", "in one run");
    m.entries = "vV", m.chunks = "1212";
    ok(demuxed(&m) && got.tracks[0]->nvariants == 2, "to and fro");
    is_str(runs(), "0:0@0 2:1@0 4:0@0 6:1@0", "in four runs of two variants");
    m.chunks = "2222";
    ok(demuxed(&m) && got.tracks[0]->nvariants == 1 && width_of(got.tracks[0]->entry + 32) == 640,
       "only the second is used");
    m.entries = "zV";
    ok(demuxed(&m) && got.tracks[0]->formats & JO_SMOOTH, "the first is unknown but not used");
    m.entries = "eV";
    ok(demuxed(&m), "encrypted but not used");
    m.entries = "sV";
    ok(demuxed(&m), "too short to be one, but not used");
    m.entries = "Vz", m.chunks = "1122";
    ok(refused(&m, "'zzzz'"), "the second is used and unknown");
    m.entries = "Ve";
    ok(refused(&m, "encrypted"), "or encrypted");
    m.entries = "ve", m.chunks = "1111";
    ok(demuxed(&m), "or not used");
    m.entries = "vV", m.chunks = "1133";
    ok(refused(&m, "3 of 2"), "an entry that isn't there");
    m.claim = 200;
    ok(refused(&m, "sample entry of"), "or is only claimed");
    m.claim = 0, m.chunks = "1122", m.key = "1101";
    ok(refused(&m, "between key frames"), "a change at a sample that is no sync sample");
    m.entries = "vv";
    ok(demuxed(&m), "which is none where both say the same");
    m.key = NULL, m.entries = "ad", m.sound = true;
    ok(refused(&m, "changes its codec"), "another codec");
    m.entries = "aA";
    ok(demuxed(&m) && got.tracks[0]->sample_rate == 48000 &&
           got.tracks[0]->variants[1]->sample_rate == 24000,
       "sound of another rate");
    m.key = "0000";
    ok(demuxed(&m) && got.tracks[0]->index->all_sync,
       "AAC needs no sync samples, whatever is said");
}

static void test_probes(void)
{
    film m = {.entries = "pP", .chunks = "1122"};

    ok(demuxed(&m) && got.tracks[0]->nvariants == 2, "avc3 twice");
    for (int i = 0; i < 2; i++)
        ok(got.tracks[0]->variants[i]->config_len > 30 && got.tracks[0]->variants[i]->width == 318,
           "variant %d has its parameter sets of its own samples", i);
    m.entries = "vP";
    ok(demuxed(&m) && !got.tracks[0]->in_band && got.tracks[0]->variants[1]->in_band,
       "avc1, then avc3");
    m.chunks = "2211", m.key = "0010";
    ok(demuxed(&m) && got.tracks[0]->config_len < 30,
       "no sync sample in the first run: that of another's isn't taken");
}

static void test_many(void)
{
    char entries[131], chunks[] = "1a";
    film m = {.entries = entries, .chunks = chunks};

    memset(entries, 'v', 130);
    entries[130] = '\0';
    chunks[1] = '0' + 64;
    ok(demuxed(&m), "entry 64 of 130");
    chunks[1] = '0' + 65;
    ok(refused(&m, "65 of 64"), "more than that are not read");
}

static void test_references(bool fragmented)
{
    static const char *const one[] = {"d.mp4", NULL}, *const two[] = {"", "d.mp4", NULL},
                             *const three[] = {"d.mp4", "../x/e.mp4", "/m/./d.mp4", NULL};
    film m = {.entries = "v", .chunks = "1111", .files = one, .fragmented = fragmented};

    printf("# in %s\n", fragmented ? "fragments" : "a moov");
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m), "a relative name");
    is_str(runs(), "0:0@1", "all samples in the other file");
    ok(got.nfiles == 2 && !strcmp(got.files[1].path, "/m/d.mp4") && got.files[1].id.size == 320,
       "which is listed");
    add_file("/m/d.mp4", 3);
    ok(fails(&m, JO_EMEDIA, "truncated"), "samples must lie within it, not within the MP4");
    ok(fails(&m, JO_ENOTFOUND, "d.mp4: not found"), "a file that is missing");
    m.entries = "p";
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m) && got.tracks[0]->config_len > 30, "probed there");
    m.files = two, m.refs = "12", m.entries = "vv", m.chunks = "1212";
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m) && got.tracks[0]->nvariants == 1, "entries that differ in their file alone");
    is_str(runs(), "0:0@0 2:0@1 4:0@0 6:0@1", "are one variant in two files");
    m.key = "1010";
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m), "the file may change anywhere");
    m.entries = "vV", m.refs = "22", m.key = NULL;
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m) && got.nfiles == 2, "two entries, one file");
    m.files = three, m.refs = "123", m.entries = "vvv", m.chunks = "1233";
    add_file("/m/d.mp4", 4);
    add_file("/x/e.mp4", 4);
    ok(demuxed(&m) && got.nfiles == 3 && !strcmp(got.files[2].path, "/x/e.mp4"),
       "files elsewhere; one by two names is one");
    is_str(runs(), "0:0@1 2:0@2 4:0@1", "runs of them");
    m.chunks = "1111";
    add_file("/m/d.mp4", 4);
    ok(demuxed(&m) && got.nfiles == 2, "a file of no sample is not asked for");
}

static bool plays_from(const char *location, const char *path)
{
    const char *const files[] = {location, NULL};
    film m = {.entries = "v", .chunks = "11", .files = files};

    if (path)
        add_file(path, 2);
    return demuxed(&m);
}

static bool refuses(const char *location, const char *why)
{
    const char *const files[] = {location, NULL};
    film m = {.entries = "v", .chunks = "11", .files = files};

    return refused(&m, why) && !strstr(got.tracks[0]->why, "host");
}

static void test_locations(void)
{
    char *longest = apr_pcalloc(pool, 6000);

    ok(plays_from("/d/e.mp4", "/d/e.mp4"), "an absolute path");
    ok(plays_from("file:///d/e.mp4", "/d/e.mp4"), "a URL of a local file");
    ok(plays_from("my%20film.mp4", "/m/my film.mp4"), "an escaped name");
    ok(plays_from("100%25.mp4", "/m/100%25.mp4"), "a name that only looks escaped");
    ok(plays_from("a%2.mp4", "/m/a%2.mp4") && plays_from("a%zz", "/m/a%zz"), "or not even that");
    ok(plays_from("f.mp4", NULL) && got.nfiles == 1, "its own name");
    ok(refuses("http://host/d.mp4", "names no local file"), "another scheme");
    ok(refuses("file://host/d.mp4", "names no local file"), "another host");
    ok(refuses("urn ", "type 'urn '") && refuses("alis", "type 'alis'"),
       "other kinds of reference");
    memset(longest, 'x', 5000);
    ok(refuses(longest, "too long"), "a name that no file has");
    const char *const up[] = {"../../../d.mp4", NULL};
    film m = {.entries = "v", .chunks = "11", .files = up};
    ok(fails(&m, JO_EFORBIDDEN, "leads out of all folders"), "a path above the root");
    const char *const gone[] = {"a%20b.mp4", NULL};
    m.files = gone;
    ok(fails(&m, JO_ENOTFOUND, "a b.mp4: not found"), "missing by both readings");
    const char *const empty[] = {"", NULL};
    m.files = empty, m.refs = "9";
    ok(demuxed(&m), "a reference that isn't there says nothing");
}

/* Many samples must have bytes of some file: a few bytes of tables could claim any number of them. */
static void test_claims(void)
{
    const char *const files[] = {"d.mp4", NULL};
    film m = {.entries = "v", .chunks = "11", .files = files};
    jo_writer w = make(&m);
    jo_source *src;

    for (size_t i = 0; i + 4 < w.len; i++) {
        if (!memcmp(w.data + i, "stsz", 4)) {
            jo_put_u32(w.data + i + 8, 0); /* a size for each: all of them zero */
            jo_put_u32(w.data + i + 12, 4);
        }
    }
    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    jo_source_mem_add(mem, "/m/f.mp4", w.data, w.len);
    add_file("/m/d.mp4", 2);
    jo_source_open(&cx, "/m/f.mp4", &src);
    ok(jo_demux(&cx, src, &got) == JO_EMEDIA, "a table that is not there");
    mem = jo_source_mem_opener(pool);
}

static void test_fingerprint(void)
{
    const char *const files[] = {"d.mp4", NULL};
    film m = {.entries = "v", .chunks = "11", .files = files};
    uint8_t before[JO_SHA256_SIZE];

    add_file("/m/d.mp4", 2);
    demux(&m);
    memcpy(before, got.fingerprint, sizeof before);
    add_file("/m/d.mp4", 2);
    demux(&m);
    ok(!memcmp(before, got.fingerprint, sizeof before), "the same files, the same fingerprint");
    add_file("/m/d.mp4", 3);
    demux(&m);
    ok(memcmp(before, got.fingerprint, sizeof before), "the other file's size is in it");
}

static bool has_kinds(const char *bytes, size_t len, int n)
{
    film m = {.entries = "v", .chunks = "1", .kinds = bytes, .kinds_len = len};

    return demuxed(&m) && got.tracks[0]->nkinds == n;
}

static void test_kinds(void)
{
    static const char two[] = "urn:mpeg:dash:role:2011\0caption\0about:html-kind\0main-desc";
    char many[20 * 4];

    ok(has_kinds(two, sizeof two, 2), "two kind boxes");
    const jo_role *k = got.tracks[0]->kinds;
    is_str(k[0].scheme, JO_ROLE_SCHEME, "scheme");
    is_str(k[0].value, "caption", "value");
    is_str(k[1].value, "main-desc", "of the second");
    ok(has_kinds("\0x", 3, 0), "no scheme");
    ok(has_kinds("a\nb\0x", 6, 0), "bytes that are no text");
    for (size_t i = 0; i < 20; i++)
        memcpy(many + i * 4, "s\0v", 4);
    ok(has_kinds(many, sizeof many, 16), "no more than a bounded number");
}

static const char *language(const char *lang)
{
    film m = {.entries = "v", .chunks = "1", .lang = lang};

    return demuxed(&m) ? got.tracks[0]->lang : NULL;
}

static void test_language(void)
{
    is_str(language(NULL), "und", "mdhd's language");
    is_str(language("zh-Hans"), "zh-Hans", "elng's");
    is_str(language("en\x1b[2J"), "und", "but none that would write on a terminal");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    mem = jo_source_mem_opener(pool);
    test_entries(false);
    test_entries(true);
    test_probes();
    test_many();
    test_references(false);
    test_references(true);
    test_locations();
    test_claims();
    test_fingerprint();
    test_kinds();
    test_language();
    apr_terminate();
    return tap_done();
}
