#include "facts.h"

#include "../base/ticks.h"
#include "../media/codec.h"
#include "../output/packager.h"

#include <apr_strings.h>

static void add_gap(jo_key_facts *k, int64_t ticks, bool tail)
{
    if (!tail && (k->shortest == 0 || ticks < k->shortest))
        k->shortest = ticks;
    k->longest = ticks > k->longest ? ticks : k->longest;
}

void jo_facts_keys(const jo_track *t, jo_key_facts *k)
{
    const jo_index *ix = t->index;

    *k = (jo_key_facts){0};
    if (!ix->raps) {
        k->count = ix->count;
        k->shortest = k->longest = k->average =
            ix->count ? (ix->end_dts - ix->first_dts) / ix->count : 0;
        return;
    }
    k->count = ix->nraps;
    for (uint32_t i = 1; i < ix->nraps; i++)
        add_gap(k, ix->raps[i].ept - ix->raps[i - 1].ept, false);
    if (ix->nraps)
        add_gap(k, ix->end_pts - ix->raps[ix->nraps - 1].ept, true);
    if (ix->nraps > 1)
        k->average = (ix->raps[ix->nraps - 1].ept - ix->raps[0].ept) / (ix->nraps - 1);
    else
        k->shortest = k->average = k->longest;
}

static int64_t rate(int64_t bytes, int64_t ticks, uint32_t timescale)
{
    __int128 bits = (__int128)bytes * 8 * timescale;
    return ticks <= 0 ? 0 : (int64_t)((bits + ticks / 2) / ticks);
}

int64_t jo_facts_average(const jo_track *t)
{
    return rate(t->index->bytes, t->index->end_pts - t->index->first_pts, t->timescale);
}

int64_t jo_facts_peak(const jo_track *t)
{
    const jo_index *ix = t->index;
    int64_t bytes = 0, most = 0;
    jo_cursor first, last;
    jo_sample a, b;

    if (ix->end_dts - ix->first_dts <= t->timescale)
        return jo_facts_average(t);
    jo_cursor_init(&first, ix, 0);
    jo_cursor_init(&last, ix, 0);
    if (!jo_cursor_next(&first, &a))
        return 0;
    while (jo_cursor_next(&last, &b)) {
        while (b.dts - a.dts >= t->timescale && a.dts < b.dts) {
            bytes -= a.size;
            if (!jo_cursor_next(&first, &a))
                break;
        }
        bytes += b.size;
        most = bytes > most ? bytes : most;
    }
    most = rate(most, 1, 1);
    return most > jo_facts_average(t) ? most : jo_facts_average(t);
}

const char *jo_facts_kind(jo_kind kind)
{
    static const char *const words[JO_KINDS] = {"video", "audio", "text", "meta"};
    return words[kind];
}

const char *jo_facts_formats(apr_pool_t *pool, const jo_track *t)
{
    const char *all = "";

    for (int i = 0; t->codec && i < JO_STREAMING; i++)
        if (t->formats & jo_packagers[i]->format)
            all = apr_pstrcat(pool, all, *all ? ", " : "", jo_packagers[i]->name, NULL);
    return all;
}

const char *jo_facts_codec(apr_pool_t *pool, const jo_track *t)
{
    return t->codec ? t->codec->rfc6381(pool, t, JO_ENTRY_PLAIN) : NULL;
}
