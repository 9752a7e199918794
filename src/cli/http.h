/* The web client of `audit`: http and https by libcurl; bodies of at most 64 MB, at most 500 headers, three redirects. */
#ifndef JO_HTTP_H
#define JO_HTTP_H

#include "../base/jo.h"

#include <apr_tables.h>

typedef struct jo_http jo_http;

typedef struct jo_http_request {
    const char *method;         /* NULL: GET */
    const char *agent;          /* User-Agent; NULL: our own, "": none */
    bool gzip;                  /* asks for gzip; the body comes decoded */
    const char *const *headers; /* "Name: value", up to a NULL; NULL: none */
} jo_http_request;

typedef struct jo_http_reply {
    const char *error; /* why there is no answer, or not all of it; NULL: there is */
    int status;
    const char *url;      /* that answered, after redirects */
    apr_table_t *headers; /* several of one name are joined by ", " */
    char *body;           /* with a NUL behind it */
    size_t len;
} jo_http_reply;

/* NULL if libcurl has no memory; ended with the pool. seconds: for each request. */
jo_http *jo_http_make(apr_pool_t *pool, int64_t seconds);
/* The reply lives in `pool`. */
void jo_http_ask(jo_http *h, apr_pool_t *pool, const char *url, const jo_http_request *rq,
                 jo_http_reply *out);
/* How many requests were made. */
int jo_http_count(const jo_http *h);

/* The URL that a reference means where it stands (RFC 3986 5), without its fragment; NULL if it is none of http or https. */
const char *jo_http_resolve(apr_pool_t *pool, const char *base, const char *reference);

#endif
