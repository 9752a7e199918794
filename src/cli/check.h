/* `check`: what is wrong with a descriptor and its media, and how to mend it. cmd_check.c runs the checks and prints;
 * check_words.c looks at the descriptor's words, check_sources.c at its files, check_title.c at the whole. */
#ifndef JO_CHECK_H
#define JO_CHECK_H

#include "../input/demux.h"
#include "../input/ism.h"
#include "../origin.h"

#include <apr_tables.h>

typedef enum {
    JO_ERROR,   /* does not play, or not as meant */
    JO_WARNING, /* plays, but worse than it could, or not everywhere */
    JO_NOTE     /* good to know */
} jo_severity;

typedef struct jo_finding {
    jo_severity severity;
    const char *code;  /* "missing-source": stable, for programs */
    unsigned line;     /* in the descriptor, 0: of none */
    const char *about; /* track, source or word; NULL */
    const char *text;
    const char *mend; /* what to do; NULL: nothing need be done */
} jo_finding;

/* A source, read once. */
typedef struct jo_checked_file {
    const char *path;
    jo_demuxed media;
    bool good;
    bool side; /* text that is no MP4 */
} jo_checked_file;

typedef struct jo_check {
    jo_ctx *cx;
    const char *path; /* of the descriptor, absolute */
    const char *root; /* --root, absolute; NULL */
    const jo_ism *ism;
    apr_array_header_t *files;    /* of jo_checked_file */
    apr_array_header_t *findings; /* of jo_finding */
    const jo_title *title;
} jo_check;

/* mend may be NULL; both are in c->cx->pool or constant. */
void jo_check_add(jo_check *c, jo_severity severity, const char *code, unsigned line,
                  const char *about, const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));
/* "12.48 s" */
const char *jo_check_seconds(apr_pool_t *pool, int64_t ticks, int64_t timescale);
/* The descriptor's line that brought a track into the title; 0 if it can't be told. */
unsigned jo_check_line(const jo_check *c, const jo_track *t);

void jo_check_words(jo_check *c, const void *data, size_t len);
void jo_check_sources(jo_check *c);
void jo_check_title(jo_check *c);

#endif
