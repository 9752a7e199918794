/* `audit`: the questions of a cache review, asked of a running origin or of what stands before it. cmd_audit.c walks and
 * prints; audit_cache.c asks what a cache keeps apart, audit_headers.c what answers say of themselves, audit_answers.c
 * whether they do as HTTP says. */
#ifndef JO_AUDIT_H
#define JO_AUDIT_H

#include "http.h"
#include "walk.h"

typedef enum {
    JO_ASK_ANSWERS, /* in the order of printing */
    JO_ASK_WALK,
    JO_ASK_HIT,
    JO_ASK_SESSION,
    JO_ASK_ORDER,
    JO_ASK_AGENT,
    JO_ASK_ENCODING,
    JO_ASK_STORABLE,
    JO_ASK_LIFETIME,
    JO_ASK_EXPIRES,
    JO_ASK_VERSIONED,
    JO_ASK_VARY,
    JO_ASK_CORS,
    JO_ASK_ETAG,
    JO_ASK_MODIFIED,
    JO_ASK_GZIP,
    JO_ASK_HEAD,
    JO_ASK_RANGES,
    JO_ASK_ERRORS,
    JO_QUESTIONS
} jo_question;

typedef enum { JO_OK, JO_WARN, JO_FAIL, JO_VERDICTS } jo_verdict;

/* Answers that are wrong in the same way, together. */
typedef struct jo_fault {
    jo_question question;
    jo_verdict verdict;
    const char *text;
    const char *mend;
    apr_array_header_t *urls; /* const char * */
} jo_fault;

typedef struct jo_audit {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* replies; cleared after each resource */
    jo_http *http;
    apr_array_header_t *faults; /* of jo_fault */
    int good[JO_QUESTIONS];     /* answers that were right */
    const char *session;        /* a parameter's value that nobody has asked with */
    jo_walk walk;
} jo_audit;

/* Whether a cache had the answer. */
typedef enum { JO_HIT, JO_MISS, JO_HIT_UNKNOWN } jo_hit;

/* What is asked about: a resource and its first answer. */
typedef struct jo_subject {
    const char *url;
    jo_walk_class class;
    bool first; /* segment: first of its track */
    bool live;
    jo_http_reply reply; /* to a GET without Accept-Encoding */
} jo_subject;

void jo_audit_good(jo_audit *a, jo_question q);
/* mend is constant. Faults of equal text and verdict are one, with several URLs. */
void jo_audit_fault(jo_audit *a, jo_question q, jo_verdict v, const char *url, const char *mend,
                    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* GET, or what rq says (its headers are not read); header: one more, or NULL. False if nothing came: that is a fault. */
bool jo_audit_ask(jo_audit *a, const char *url, jo_http_request rq, const char *header,
                  jo_http_reply *out);
/* A header's value; "" if there is none. */
const char *jo_audit_header(const jo_http_reply *r, const char *name);
/* Is it one of a list's words: "max-age" of "public, max-age=5"? *seconds: its number, -1 without one. */
bool jo_audit_says(const char *list, const char *word, int64_t *seconds);
jo_hit jo_audit_hit(const jo_http_reply *r);
bool jo_audit_same_body(const jo_http_reply *a, const jo_http_reply *b);

void jo_audit_cache(jo_audit *a, const jo_subject *s);
void jo_audit_headers(jo_audit *a, const jo_subject *s);
void jo_audit_answers(jo_audit *a, const jo_subject *s);

#endif
