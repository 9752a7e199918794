/* How long caches may keep a response: Cache-Control, Expires and Sunset of its class. */
#ifndef JO_LIFETIME_H
#define JO_LIFETIME_H

#include "config.h"

#include <apr_time.h>

typedef struct jo_lifetime {
    const char *cache_control;
    apr_time_t expires;
    apr_time_t sunset; /* RFC 8594; 0: none. Nothing is kept beyond it. */
} jo_lifetime;

/* As configured for the class, at the time of the request. */
jo_lifetime jo_lifetime_make(apr_pool_t *pool, const jo_dir_config *c, jo_class class,
                             apr_time_t now);

/* Whether a Cache-Control value has a directive of this name. */
bool jo_lifetime_says(const char *cache_control, const char *name);
/* The number that it gives, -1 if it has none. */
int64_t jo_lifetime_seconds(const char *cache_control, const char *name);

#endif
