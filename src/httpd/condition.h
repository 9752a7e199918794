/* If-None-Match where httpd compresses on the way: mod_deflate sends "x" as "x-gzip" and mod_brotli as "x-br", and
 * neither they nor mod_cache know it again when a client sends it back. */
#ifndef JO_CONDITION_H
#define JO_CONDITION_H

#include <httpd.h>
#include <stdbool.h>

/* quick_handler, before mod_cache: remembers which conditions are the client's. */
int jo_condition_quick(request_rec *r, int lookup);

/* fixups, after the claim: lets such tags match what they were made of, here and in mod_cache; drops If-Modified-Since
 * beside If-None-Match (RFC 9110 13.1.3), which httpd would let overrule it. */
int jo_condition_fixup(request_rec *r);

/* False: mod_cache has put conditions of its own in place of the client's, to ask whether what it has is still good. They
 * are to be answered with the whole: from a 304 mod_cache_socache makes an entry without a body, and sends that to
 * everybody (httpd 2.4.71). */
bool jo_condition_of_client(const request_rec *r);

/* insert_filter and insert_error_filter, both last: a 304 to such a request gets the ETag and Vary that its 200 has
 * (RFC 9110 15.4.5), from us and from mod_cache. */
void jo_condition_insert_filter(request_rec *r);
void jo_condition_insert_error_filter(request_rec *r);

/* The filter for that, once when the module is loaded. */
void jo_condition_register(void);

#endif
