#include "clients.h"

#include "../media/codec.h"

#include <apr_strings.h>
#include <string.h>

#define NO   JO_PLAYS_NO
#define SOME JO_PLAYS_SOME
#define YES  JO_PLAYS_YES

typedef struct row {
    const char *fourcc;
    const char *rfc6381; /* what the RFC 6381 value starts with; NULL: any */
    jo_clients clients;
} row;

/* The first row that fits counts. Values: RFC 6381, of H.264 with its profile in hexadecimal. */
static const row rows[] = {
    {"avc1", "avc1.6E", {"H.264 High 10", NO, SOME, NO, NO, NO}},
    {"avc1", "avc1.7A", {"H.264 High 4:2:2", NO, SOME, NO, NO, NO}},
    {"avc1", "avc1.F4", {"H.264 High 4:4:4", NO, SOME, NO, NO, NO}},
    {"avc1", NULL, {"H.264", YES, YES, YES, YES, YES}},
    {"avc3", NULL, {"H.264", YES, YES, YES, YES, YES}},
    {"dvav", NULL, {"Dolby Vision (H.264)", NO, NO, NO, SOME, SOME}},
    {"dva1", NULL, {"Dolby Vision (H.264)", NO, NO, NO, SOME, SOME}},
    {"dvh1", NULL, {"Dolby Vision", SOME, SOME, NO, SOME, SOME}},
    {"dvhe", NULL, {"Dolby Vision", SOME, SOME, NO, SOME, SOME}},
    {"hvc1", NULL, {"H.265", YES, SOME, SOME, YES, YES}},
    {"hev1", NULL, {"H.265", YES, SOME, SOME, YES, YES}},
    {"av01", NULL, {"AV1", SOME, YES, YES, SOME, SOME}},
    {"dav1", NULL, {"Dolby Vision (AV1)", SOME, SOME, NO, SOME, SOME}},
    {"vp09", NULL, {"VP9", SOME, YES, YES, YES, SOME}},
    {"vp08", NULL, {"VP8", NO, YES, YES, YES, SOME}},
    {"vvc1", NULL, {"H.266", NO, NO, NO, NO, NO}},
    {"vvi1", NULL, {"H.266", NO, NO, NO, NO, NO}},
    {"mp4a", "mp4a.40.42", {"xHE-AAC", YES, SOME, NO, YES, SOME}},
    {"mp4a", "mp4a.40.34", {"MPEG audio", YES, YES, YES, YES, YES}},
    {"mp4a", "mp4a.40.23", {"AAC-LD", YES, NO, NO, SOME, NO}},
    {"mp4a", "mp4a.40.39", {"AAC-ELD", YES, NO, NO, YES, NO}},
    {"mp4a", "mp4a.40.1", {"AAC Main", SOME, SOME, SOME, SOME, SOME}},
    {"mp4a", "mp4a.6B", {"MPEG audio", YES, YES, YES, YES, YES}},
    {"mp4a", "mp4a.69", {"MPEG audio", YES, YES, YES, YES, YES}},
    {"mp4a", "mp4a.A5", {"AC-3", YES, SOME, NO, SOME, YES}},
    {"mp4a", "mp4a.A6", {"E-AC-3", YES, SOME, NO, SOME, YES}},
    {"mp4a", "mp4a.A9", {"DTS", NO, NO, NO, SOME, SOME}},
    {"mp4a", "mp4a.40", {"AAC", YES, YES, YES, YES, YES}},
    {"mp4a", "mp4a.67", {"AAC", YES, YES, YES, YES, YES}},
    {".mp3", NULL, {"MPEG audio", YES, YES, YES, YES, YES}},
    {"ac-3", NULL, {"AC-3", YES, SOME, NO, SOME, YES}},
    {"ec-3", NULL, {"E-AC-3", YES, SOME, NO, SOME, YES}},
    {"ac-4", NULL, {"AC-4", NO, SOME, NO, SOME, SOME}},
    {"dtsc", NULL, {"DTS", NO, NO, NO, SOME, SOME}},
    {"dtse", NULL, {"DTS", NO, NO, NO, SOME, SOME}},
    {"dtsh", NULL, {"DTS", NO, NO, NO, SOME, SOME}},
    {"dtsl", NULL, {"DTS", NO, NO, NO, SOME, SOME}},
    {"dtsx", NULL, {"DTS:X", NO, NO, NO, SOME, SOME}},
    {"Opus", NULL, {"Opus", SOME, YES, YES, YES, SOME}},
    {"fLaC", NULL, {"FLAC", YES, YES, YES, YES, SOME}},
    {"alac", NULL, {"Apple Lossless", YES, NO, NO, SOME, NO}},
    {"mha1", NULL, {"MPEG-H", NO, NO, NO, SOME, SOME}},
    {"mha2", NULL, {"MPEG-H", NO, NO, NO, SOME, SOME}},
    {"mhm1", NULL, {"MPEG-H", NO, NO, NO, SOME, SOME}},
    {"mhm2", NULL, {"MPEG-H", NO, NO, NO, SOME, SOME}},
    {"stpp", "stpp.ttml.im2i", {"TTML with pictures", NO, NO, NO, NO, SOME}},
    {"stpp", NULL, {"TTML", YES, YES, YES, YES, YES}},
    {"wvtt", NULL, {"WebVTT", YES, YES, YES, YES, YES}},
};

const jo_clients *jo_clients_find(apr_pool_t *pool, const jo_track *t)
{
    const char *value = t->codec ? t->codec->rfc6381(pool, t, JO_ENTRY_PLAIN) : NULL;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *f = rows[i].fourcc, *rfc = rows[i].rfc6381;
        if (t->fourcc == JO_FOURCC((uint8_t)f[0], (uint8_t)f[1], (uint8_t)f[2], (uint8_t)f[3]) &&
            (!rfc || (value && strncasecmp(value, rfc, strlen(rfc)) == 0)))
            return &rows[i].clients;
    }
    return NULL;
}

static const char *list(apr_pool_t *pool, const jo_clients *c, jo_plays from, jo_plays to)
{
    const struct {
        const char *name;
        jo_plays plays;
    } all[] = {{"Apple", c->apple},
               {"Chromium", c->chromium},
               {"Firefox", c->firefox},
               {"Android", c->android},
               {"TV sets", c->tv}};
    const char *names = "";

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].plays >= from && all[i].plays <= to)
            names = apr_pstrcat(pool, names, *names ? ", " : "", all[i].name, NULL);
    return names;
}

const char *jo_clients_names(apr_pool_t *pool, const jo_clients *c, jo_plays least)
{
    const char *names = list(pool, c, least, YES);
    return *names ? names : "nobody";
}

const char *jo_clients_missing(apr_pool_t *pool, const jo_clients *c)
{
    return list(pool, c, NO, NO);
}
