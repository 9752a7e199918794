#include "crypto.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct jo_sha256 {
    EVP_MD_CTX *md;
};

static apr_status_t sha256_free(void *data)
{
    EVP_MD_CTX_free(data);
    return APR_SUCCESS;
}

/* The digest can fail only for want of memory, where APR aborts too. */
static void must(int ok)
{
    if (!ok)
        abort();
}

jo_sha256 *jo_sha256_make(apr_pool_t *pool)
{
    jo_sha256 *h = apr_palloc(pool, sizeof *h);

    h->md = EVP_MD_CTX_new();
    must(h->md != NULL);
    apr_pool_cleanup_register(pool, h->md, sha256_free, apr_pool_cleanup_null);
    must(EVP_DigestInit_ex(h->md, EVP_sha256(), NULL));
    return h;
}

void jo_sha256_add(jo_sha256 *h, const void *data, size_t len)
{
    must(EVP_DigestUpdate(h->md, data, len));
}

void jo_sha256_add_int(jo_sha256 *h, int64_t v)
{
    uint8_t b[8];

    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
    jo_sha256_add(h, b, sizeof b);
}

void jo_sha256_add_str(jo_sha256 *h, const char *s)
{
    jo_sha256_add(h, s, strlen(s) + 1);
}

void jo_sha256_finish(jo_sha256 *h, uint8_t out[JO_SHA256_SIZE])
{
    unsigned len;

    must(EVP_DigestFinal_ex(h->md, out, &len));
}

const char *jo_hex(apr_pool_t *pool, const uint8_t *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *s = apr_palloc(pool, 2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        s[2 * i] = digits[data[i] >> 4];
        s[2 * i + 1] = digits[data[i] & 15];
    }
    s[2 * n] = '\0';
    return s;
}
