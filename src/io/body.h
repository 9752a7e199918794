/* A response as ordered parts: memory, ranges of a source, what a producer says when it is asked, or what a maker writes. Its length is known
 * when it is built; nothing is read until it is sent. */
#ifndef JO_BODY_H
#define JO_BODY_H

#include "source.h"

typedef struct jo_body jo_body;
typedef struct jo_producer jo_producer;

/* Stands for more ranges than are worth keeping: those of any piece are found when that is read. */
struct jo_producer {
    /* Adds the bytes [from, from+len) to out, in out->pool, as memory and ranges. */
    apr_status_t (*add)(jo_ctx *cx, const jo_producer *self, int64_t from, int64_t len,
                        jo_body *out);
};

/* Bytes that are made all at once, where they are wanted. */
typedef struct jo_maker jo_maker;
struct jo_maker {
    /* Writes all bytes of its part. */
    apr_status_t (*make)(jo_ctx *cx, const jo_maker *self, void *buf);
    jo_source *const *sources; /* that it reads, up to a NULL */
};

typedef struct jo_part {
    const void *data;            /* memory part, or NULL */
    jo_source *source;           /* range part: length bytes at offset, or NULL */
    const jo_producer *producer; /* produced part: length bytes from its offset, or NULL */
    const jo_maker *maker;       /* made part, the only one of its body, or NULL */
    int64_t offset;
    int64_t length;
} jo_part;

struct jo_body {
    jo_part *parts;
    int count;
    int cap;
    int64_t length; /* bytes of all parts */
    bool produced;  /* some part is */
    bool made;      /* its part is: to be read whole */
    apr_pool_t *pool;
};

void jo_body_init(jo_body *b, apr_pool_t *pool);
/* data must live as long as the request's pool. Empty parts are dropped. */
void jo_body_add_memory(jo_body *b, const void *data, size_t len);
/* A range that continues the part before it is merged into it. */
void jo_body_add_range(jo_body *b, jo_source *src, int64_t off, int64_t len);
/* The producer must live as long as the request's pool. */
void jo_body_add_produced(jo_body *b, const jo_producer *p, int64_t len);
/* The maker must live as long as the request's pool. */
void jo_body_add_made(jo_body *b, const jo_maker *m, int64_t len);
/* Adds bytes [from, from+len) of b, which is not made, to out as memory and ranges alone. */
apr_status_t jo_body_slice(jo_ctx *cx, const jo_body *b, int64_t from, int64_t len, jo_body *out);
/* Copies bytes [from, from+len) of the body into buf. Neighbouring ranges of one source that lie at most 64 KiB apart
 * (in file order) are fetched by one read and compacted in place where that is possible within buf. A made body is made again for every piece that is
 * not all of it. */
apr_status_t jo_body_read(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf);

#endif
