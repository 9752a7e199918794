#include "manifests.h"

#include <httpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 4096,
    LARGEST = 8, /* of so many parts of the memory: one manifest must not drive out all others */
};

/* Freed with its last reference; its slot holds one. */
typedef struct manifest {
    int references; /* under store->lock, as `used` */
    bool used;      /* since the hand passed by */
    size_t len;
    char etag[40];
    char text[];
} manifest;

/* A manifest has one slot, by its ETag. Where there is no room the hand goes around and takes what was not used since it
 * was there before (the clock algorithm). */
typedef struct store {
    jo_manifest_store store; /* first */
    pthread_mutex_t lock;
    size_t memory, limit;
    int hand;
    manifest *slots[SLOTS];
} store;

/* A use of a manifest, given back by a cleanup. */
typedef struct lease {
    store *store;
    manifest *manifest;
} lease;

/* FNV-1a: the ETag is a hash of hexadecimal digits already. */
static manifest **slot_of(store *s, const char *etag)
{
    uint32_t h = 2166136261U;
    for (; *etag; etag++)
        h = (h ^ (unsigned char)*etag) * 16777619U;
    return &s->slots[h % SLOTS];
}

static size_t size_of(const manifest *m)
{
    return sizeof *m + m->len;
}

/* Under the lock. */
static void drop(manifest *m)
{
    if (--m->references == 0)
        free(m);
}

static void clear(store *s, manifest **slot)
{
    if (!*slot)
        return;
    s->memory -= size_of(*slot);
    drop(*slot);
    *slot = NULL;
}

static void make_room(store *s, size_t size)
{
    for (int n = 0; n < 2 * SLOTS && s->memory + size > s->limit; n++) {
        manifest **slot = &s->slots[s->hand];
        s->hand = (s->hand + 1) % SLOTS;
        if (*slot && (*slot)->used)
            (*slot)->used = false;
        else
            clear(s, slot);
    }
}

static apr_status_t lease_end(void *data)
{
    lease *l = data;
    pthread_mutex_lock(&l->store->lock);
    drop(l->manifest);
    pthread_mutex_unlock(&l->store->lock);
    return APR_SUCCESS;
}

static bool get(const jo_manifest_store *self, jo_ctx *cx, const char *etag, jo_body *body)
{
    store *s = (store *)self;
    pthread_mutex_lock(&s->lock);
    manifest *m = *slot_of(s, etag);
    if (m && strcmp(m->etag, etag) != 0)
        m = NULL;
    if (m) {
        m->references++;
        m->used = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (!m)
        return false;
    lease *l = apr_palloc(cx->pool, sizeof *l);
    *l = (lease){s, m};
    apr_pool_cleanup_register(cx->pool, l, lease_end, apr_pool_cleanup_null);
    jo_body_add_memory(body, m->text, m->len);
    return true;
}

static void put(const jo_manifest_store *self, jo_ctx *cx, const char *etag, const jo_body *body)
{
    store *s = (store *)self;
    size_t len = (size_t)body->length;
    if (len > s->limit / LARGEST || strlen(etag) >= sizeof((manifest *)NULL)->etag)
        return;
    manifest *m = ap_malloc(sizeof *m + len);
    *m = (manifest){.references = 1, .len = len};
    memcpy(m->etag, etag, strlen(etag) + 1);
    if (jo_body_read(cx, body, 0, len, m->text) != APR_SUCCESS) {
        free(m);
        return;
    }
    pthread_mutex_lock(&s->lock);
    manifest **slot = slot_of(s, etag);
    clear(s, slot);
    make_room(s, size_of(m));
    *slot = m;
    s->memory += size_of(m);
    pthread_mutex_unlock(&s->lock);
}

const jo_manifest_store *jo_manifests_make(size_t memory)
{
    if (memory == 0)
        return NULL;
    store *s = ap_calloc(1, sizeof *s);
    s->store = (jo_manifest_store){get, put};
    s->limit = memory;
    pthread_mutex_init(&s->lock, NULL);
    return &s->store;
}
