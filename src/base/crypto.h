/* The only user of OpenSSL. */
#ifndef JO_CRYPTO_H
#define JO_CRYPTO_H

#include "jo.h"

#define JO_SHA256_SIZE 32

typedef struct jo_sha256 jo_sha256;

jo_sha256 *jo_sha256_make(apr_pool_t *pool); /* freed with the pool */
void jo_sha256_add(jo_sha256 *h, const void *data, size_t len);
void jo_sha256_add_int(jo_sha256 *h, int64_t v); /* 8 bytes, big-endian */
void jo_sha256_add_str(jo_sha256 *h,
                       const char *s); /* with its NUL, so that parts can't run together */
void jo_sha256_finish(jo_sha256 *h, uint8_t out[JO_SHA256_SIZE]);
/* Lower-case hex of n bytes, in pool. */
const char *jo_hex(apr_pool_t *pool, const uint8_t *data, size_t n);

#endif
