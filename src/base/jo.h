/* What every file of the core shares: the request context, result codes and limits.
 *
 * A jo_ctx is made per request (or per load of a title) and handed down as the first parameter. It
 * owns nothing but remembers the first error. Fallible functions return apr_status_t: APR_SUCCESS,
 * or a JO_E… code after jo_fail() (status.h) has kept the message. */
#ifndef JO_H
#define JO_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct jo_ctx jo_ctx;
typedef struct jo_log jo_log;                       /* base/log.h */
typedef struct jo_opener jo_opener;                 /* io/source.h */
typedef struct jo_title_store jo_title_store;       /* title.h */
typedef struct jo_manifest_store jo_manifest_store; /* origin.h */

/* Result codes; jo_status_http() is the only place that maps them to HTTP. */
enum {
    JO_EREQUEST = APR_OS_START_USERERR + 0x4a00, /* malformed request: 400 */
    JO_EFORBIDDEN,                               /* outside the roots: 403 */
    JO_ENOTFOUND,                                /* no such title, track or segment: 404 */
    JO_EMEDIA,   /* media or descriptor damaged or unsupported: 415 */
    JO_EREMOTE,  /* remote source failed: 502 */
    JO_EBUSY,    /* overload: 503 */
    JO_ETIMEOUT, /* remote source too slow: 504 */
    JO_EBUG      /* our own fault: 500 */
};

/* Bounds on what untrusted input may make us do. Every one is a directive. */
typedef struct jo_limits {
    apr_size_t descriptor_size; /* bytes of an .ism */
    apr_size_t xml_depth;       /* nested elements */
    apr_size_t moov_size;       /* bytes of one moov, moof or sidx box */
    uint32_t samples;           /* samples of all tracks of one file that can be packaged */
    uint32_t tracks;            /* tracks of one title */
    uint32_t boxes;             /* top-level boxes walked in one file, and fragments indexed */
    uint32_t segments;          /* of all tracks of one title, for one segment length */
    apr_size_t segment_size;    /* bytes of one media segment */
    apr_size_t events_size;     /* bytes of event messages of one title */
} jo_limits;

extern const jo_limits jo_limits_default;

struct jo_ctx {
    apr_pool_t *pool;                   /* results live here */
    const jo_limits *limits;            /* never NULL */
    const jo_log *log;                  /* may be NULL: silent */
    const jo_opener *opener;            /* opens descriptors and sources */
    const jo_title_store *titles;       /* NULL: every request loads its title anew */
    const jo_manifest_store *manifests; /* NULL: every request renders its manifest anew */
    apr_time_t now;                     /* the injected clock */
    apr_status_t code;                  /* first error, APR_SUCCESS if none */
    const char *message; /* its text, in pool; names what and where, no server paths */
};

/* A context with default limits, no log, no opener, clock 0. */
void jo_ctx_init(jo_ctx *cx, apr_pool_t *pool);

#endif
