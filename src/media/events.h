/* What happens at moments of a title: event messages (`emsg`, 23009-1 5.10.3.3), of which timed ID3 is one scheme. Few and
 * small: kept in memory, sorted by time. */
#ifndef JO_EVENTS_H
#define JO_EVENTS_H

#include "../base/crypto.h"

/* The payload is an ID3v2 tag: AOM "Carriage of ID3 Timed Metadata in CMAF", 2 */
#define JO_ID3_SCHEME "https://aomedia.org/emsg/ID3"

/* What a client subscribes to. */
typedef struct jo_event_stream {
    const char *scheme;
    const char *value; /* "" if none */
} jo_event_stream;

typedef struct jo_event {
    int64_t time; /* ns; on the wire once it is the presentation's (P included, as track times) */
    int64_t duration; /* ns; -1: not known */
    uint32_t id;      /* unique in its stream once it is the presentation's */
    uint32_t stream;  /* into jo_events.streams */
    uint32_t len;
    const uint8_t *payload; /* ID3: the whole tag */
} jo_event;

typedef struct jo_event_list {
    const jo_event *at; /* rising in time */
    uint32_t count;
} jo_event_list;

typedef struct jo_events {
    jo_event_list all;
    jo_event_list id3; /* those of them with an ID3 tag */
    const jo_event_stream *streams;
    uint32_t nstreams;
} jo_events;

/* Time of an event in ticks, nearest. */
int64_t jo_event_ticks(const jo_event *e, uint32_t timescale);

/* Events of [from, until), ticks: how many, and the first of them. Every event is in just one of several ranges that
 * follow on. */
uint32_t jo_events_in(const jo_event_list *l, int64_t from, int64_t until, uint32_t timescale,
                      const jo_event **first);

/* -- collecting -------------------------------------------------------------------------------------------- */

typedef struct jo_events_builder jo_events_builder;

/* An event as it was met; nothing of it is kept by reference. */
typedef struct jo_event_found {
    int64_t time; /* ns */
    int64_t duration;
    uint32_t id;
    const char *scheme, *value;
    const uint8_t *payload;
    size_t len;
} jo_event_found;

/* Results go into cx->pool. `name`: of what is read, for the log. */
jo_events_builder *jo_events_builder_make(jo_ctx *cx, const char *name);
/* A repetition (all the same, time within a tenth of a second) is left out, and so is, with one line in the log, what exceeds
 * limits->events_size. */
void jo_events_add(jo_events_builder *b, const jo_event_found *e);
/* One that was not even read counts as left out. */
void jo_events_leave_out(jo_events_builder *b);
/* Event i of another collection, at another time. */
void jo_events_add_from(jo_events_builder *b, const jo_events *e, uint32_t i, int64_t time);
/* NULL if there are none. unique: where different events of a stream share an id, all of it are numbered anew, by time. */
const jo_events *jo_events_finish(jo_events_builder *b, bool unique);

/* Adds all that they say to a hash; nothing if e is NULL. */
void jo_events_hash(const jo_events *e, jo_sha256 *h);

/* Bytes of memory that they take; 0 if e is NULL. */
size_t jo_events_memory(const jo_events *e);

#endif
