/* Tracks, time lines and plans from recipes, for tests of what is planned. */
#ifndef TRACK_MAKE_H
#define TRACK_MAKE_H

#include "../../src/media/presentation.h"
#include "../../src/plan/segment.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

/* The program sets it up. */
static jo_ctx cx;

/* count samples of `duration` ticks; every gop-th is sync (0: all); with B-frames each second sample is shown
 * one frame late and the rest two. First DTS and edit as given. */
typedef struct recipe {
    jo_kind kind;
    uint32_t timescale, duration, gop, count;
    bool reorder;
    int64_t first_dts;
    jo_edit edit;
    uint32_t fragment; /* samples per source fragment, 0: progressive */
    uint32_t size;     /* bytes of a sample, 0: 100 */
} recipe;

__attribute__((unused)) static jo_track *make_track(const char *token, recipe r)
{
    jo_track *t = apr_pcalloc(cx.pool, sizeof(*t));
    jo_index_builder *b = jo_index_builder_make(&cx);

    for (uint32_t i = 0; i < r.count; i++) {
        bool sync = r.gop == 0 || i % r.gop == 0;
        jo_sample s = {.dts = r.first_dts + (int64_t)i * r.duration,
                       .offset = (int64_t)i * 100,
                       .size = r.size ? r.size : 100,
                       .duration = r.duration,
                       .sync = sync};
        if (r.reorder) { /* I P B P B … P: a P before a B goes two frames ahead, the B comes back */
            uint32_t at = i % r.gop;
            bool plain = at == 0 || at == r.gop - 1;
            s.cts = (int32_t)(plain ? r.duration : at % 2 ? 2 * r.duration : 0);
        }
        if (r.fragment != 0 && i % r.fragment == 0) {
            jo_index_begin_fragment(b);
        }
        if (jo_index_add(b, &cx, &s, r.timescale) != APR_SUCCESS) {
            printf("Bail out! index: %s\n", cx.message);
            exit(1);
        }
    }
    if (jo_index_finish(b, &cx, &t->index) != APR_SUCCESS) {
        printf("Bail out! index: %s\n", cx.message);
        exit(1);
    }
    t->token = token;
    t->kind = r.kind;
    t->timescale = r.timescale;
    t->edit = r.edit;
    if (t->edit.end == 0) {
        t->edit.end = INT64_MAX;
    }
    return t;
}

__attribute__((unused)) static jo_presentation *align(int n, jo_track **tracks)
{
    jo_presentation *p = apr_pcalloc(cx.pool, sizeof(*p));

    p->nperiods = 1;
    p->periods = apr_pcalloc(cx.pool, sizeof(*p->periods));
    p->periods[0].tracks = tracks;
    p->periods[0].ntracks = n;
    jo_presentation_align(&cx, p);
    return p;
}

__attribute__((unused)) static const jo_plan *plan(const jo_presentation *p, int64_t num,
                                                   int64_t den)
{
    jo_plan *out = NULL;

    if (jo_plan_make(&cx, &p->periods[0], (jo_fraction){num, den}, &out) != APR_SUCCESS) {
        printf("Bail out! plan: %s\n", cx.message);
        exit(1);
    }
    return out;
}

__attribute__((unused)) static recipe video_25(uint32_t gop, uint32_t count)
{
    return (recipe){
        .kind = JO_VIDEO, .timescale = 25000, .duration = 1000, .gop = gop, .count = count};
}

__attribute__((unused)) static recipe aac_48k(uint32_t count)
{
    return (recipe){.kind = JO_AUDIO, .timescale = 48000, .duration = 1024, .count = count};
}

#endif
