#include "cache.h"

#include "../base/log.h"
#include "../base/status.h"

#include <apr_allocator.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <httpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAILURE_SECONDS = 3,     /* how long a broken title's error is remembered */
    YOUNG_SECONDS = 1,       /* how long loads may hold all threads */
    ENTRY_OVERHEAD = 4096,   /* bytes: entry, key, pool and allocator */
    DESCRIPTOR_OVERHEAD = 4, /* bytes that a title may keep of each byte of its descriptor */
};

typedef enum { LOADING, READY, FAILED } state;

/* Under cache->lock, but what a READY entry points to never changes. Freed with its last reference; the
 * table holds one while the entry is in it. */
typedef struct entry {
    struct entry *newer, *older;
    state state;
    int references;
    bool listed; /* in table and list */
    size_t memory;
    jo_identity id; /* of the descriptor that was loaded, or failed to */
    apr_pool_t *pool;
    const jo_title *title;
    apr_status_t code; /* FAILED */
    char *message;
    apr_time_t expires;
    struct timespec young; /* how long all may wait for the load, CLOCK_MONOTONIC */
    size_t key_len;
    char key[];
} entry;

struct jo_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* some entry has left LOADING */
    apr_hash_t *table;
    entry *newest, *oldest;
    size_t memory;
    int loads, busy; /* entries LOADING; requests that load or wait */
    struct timespec
        young; /* how long all may wait for their turn to load, since a load has ended: CLOCK_MONOTONIC */
    jo_cache_limits limits;
};

typedef struct view {
    jo_title_store store;
    jo_cache *cache;
    const char *const *roots;
    int nroots;
} view;

/* A use of an entry, given back by a cleanup. */
typedef struct lease {
    jo_cache *cache;
    entry *entry;
} lease;

/* A request's wait for a title. */
typedef struct turn {
    struct timespec until; /* CLOCK_MONOTONIC */
    bool joined;           /* counted in cache->busy */
} turn;

static struct timespec seconds_from_now(int seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += seconds;
    return t;
}

jo_cache *jo_cache_make(const jo_cache_limits *limits)
{
    apr_pool_t *pool;
    pthread_condattr_t monotonic;
    jo_cache *c = ap_calloc(1, sizeof *c);
    if (apr_pool_create_unmanaged(&pool) != APR_SUCCESS)
        abort();
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->table = apr_hash_make(pool);
    c->limits = *limits;
    return c;
}

/* ---- entries */

static entry *entry_make(const char *key, size_t key_len, const jo_identity *id)
{
    entry *e = ap_calloc(1, sizeof *e + key_len);
    e->state = LOADING;
    e->memory = ENTRY_OVERHEAD;
    e->id = *id;
    e->key_len = key_len;
    memcpy(e->key, key, key_len);
    return e;
}

static void entry_free(entry *e)
{
    if (e->pool)
        apr_pool_destroy(e->pool);
    free(e->message);
    free(e);
}

/* A pool that gives memory back to the system when it is destroyed, and outlives pchild. */
static apr_pool_t *title_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    if (apr_allocator_create(&allocator) != APR_SUCCESS)
        abort();
    apr_allocator_max_free_set(allocator, 1);
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS)
        abort();
    apr_allocator_owner_set(allocator, pool);
    apr_pool_tag(pool, "jitorigin title");
    return pool;
}

/* ---- table and list; under the lock */

static void list_push(jo_cache *c, entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    if (c->newest)
        c->newest->newer = e;
    else
        c->oldest = e;
    c->newest = e;
}

static void list_cut(jo_cache *c, entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void entry_list(jo_cache *c, entry *e)
{
    apr_hash_set(c->table, e->key, (apr_ssize_t)e->key_len, e);
    list_push(c, e);
    e->listed = true;
    e->references++;
    c->memory += e->memory;
}

/* Takes one reference away; what it returns is to be freed outside the lock. */
static entry *entry_drop(entry *e)
{
    return --e->references == 0 ? e : NULL;
}

static entry *entry_unlist(jo_cache *c, entry *e)
{
    if (!e->listed)
        return NULL;
    apr_hash_set(c->table, e->key, (apr_ssize_t)e->key_len, NULL);
    list_cut(c, e);
    e->listed = false;
    c->memory -= e->memory;
    return entry_drop(e);
}

/* Unlists old entries until the budget is met; those nobody uses are returned, linked by `older`. */
static entry *evict(jo_cache *c)
{
    entry *victims = NULL;
    entry *keep = c->limits.memory ? c->newest : NULL;
    for (entry *e = c->oldest, *newer; e && e != keep && c->memory > c->limits.memory; e = newer) {
        newer = e->newer;
        entry *dead = e->state == LOADING ? NULL : entry_unlist(c, e);
        if (dead) {
            dead->older = victims;
            victims = dead;
        }
    }
    return victims;
}

static void free_all(entry *victims)
{
    for (entry *next; victims; victims = next) {
        next = victims->older;
        entry_free(victims);
    }
}

/* ---- use by requests */

static apr_status_t lease_end(void *data)
{
    lease *l = data;
    pthread_mutex_lock(&l->cache->lock);
    entry *dead = entry_drop(l->entry);
    pthread_mutex_unlock(&l->cache->lock);
    if (dead)
        entry_free(dead);
    return APR_SUCCESS;
}

/* The caller has counted the reference that the lease holds. */
static void lease_start(jo_cache *c, jo_ctx *cx, entry *e)
{
    lease *l = apr_palloc(cx->pool, sizeof *l);
    l->cache = c;
    l->entry = e;
    apr_pool_cleanup_register(cx->pool, l, lease_end, apr_pool_cleanup_null);
}

/* Path, kind, limits and roots: all that decides what loading gives, but the files themselves. */
static const char *key_make(const view *v, jo_ctx *cx, const char *path, unsigned how, size_t *len)
{
    size_t size = strlen(path) + 1 + 1 + sizeof cx->limits;
    for (int i = 0; i < v->nroots; i++)
        size += strlen(v->roots[i]) + 1;
    char *key = apr_palloc(cx->pool, size), *p = key;
    p = apr_cpystrn(p, path, strlen(path) + 1) + 1;
    *p++ = (char)('0' + how);
    memcpy(p, &cx->limits, sizeof cx->limits); /* one set per virtual host, fixed for the process */
    p += sizeof cx->limits;
    for (int i = 0; i < v->nroots; i++)
        p = apr_cpystrn(p, v->roots[i], strlen(v->roots[i]) + 1) + 1;
    *len = size;
    return key;
}

/* Identity of the descriptor now on disk. */
static apr_status_t probe(jo_ctx *cx, const char *path, jo_identity *id)
{
    jo_ctx scratch = *cx;
    jo_source *src;
    apr_pool_create(&scratch.pool, cx->pool);
    apr_status_t rc = jo_source_open(&scratch, path, &src);
    if (rc == APR_SUCCESS)
        *id = src->id;
    else
        rc = jo_fail(cx, rc, "%s", scratch.message);
    apr_pool_destroy(scratch.pool);
    return rc;
}

/* Only what lies in the files is worth remembering: a busy or failing system may be well again at once. */
static bool is_lasting(apr_status_t code)
{
    return code == APR_SUCCESS || code == JO_EMEDIA || code == JO_EFORBIDDEN;
}

static size_t title_memory(const jo_title *t)
{
    size_t descriptor = t->how & JO_TITLE_DIRECT ? 0 : (size_t)t->id.size;
    return jo_title_memory(t) + DESCRIPTOR_OVERHEAD * descriptor;
}

/* Gives the outcome of loading e, in which pool, title, code, message and memory were prepared in `loaded`, to all. */
static void publish(jo_cache *c, entry *e, const entry *loaded)
{
    pthread_mutex_lock(&c->lock);
    e->state = loaded->title ? READY : FAILED;
    e->pool = loaded->pool;
    e->title = loaded->title;
    if (e->title)
        e->id = e->title->id;
    e->code = loaded->code;
    e->message = loaded->message;
    e->expires = apr_time_now() + apr_time_from_sec(FAILURE_SECONDS);
    if (e->listed)
        c->memory += loaded->memory - e->memory;
    e->memory = loaded->memory;
    if (!is_lasting(e->code))
        entry_unlist(c, e); /* never the last reference: one is the caller's */
    entry *victims = evict(c);
    c->loads--;
    c->busy--;
    c->young = seconds_from_now(YOUNG_SECONDS);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    free_all(victims);
}

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(ap_malloc(size), text, size);
}

/* Loads into e without the lock, then publishes the outcome. The caller holds a reference. */
static void load(jo_cache *c, jo_ctx *cx, entry *e, const char *path, unsigned how)
{
    jo_ctx own;
    jo_title *title = NULL;
    entry loaded = {.pool = title_pool()};
    jo_ctx_init(&own, loaded.pool);
    own.limits = cx->limits;
    own.log = cx->log;
    own.opener = cx->opener;
    own.now = cx->now;

    loaded.code = jo_title_make(&own, path, how, &title);
    if (loaded.code == APR_SUCCESS) {
        loaded.title = title;
        loaded.memory = ENTRY_OVERHEAD + title_memory(title);
    } else {
        loaded.message = text_copy(own.message ? own.message : "can't be loaded");
        loaded.memory = ENTRY_OVERHEAD + strlen(loaded.message);
        apr_pool_destroy(loaded.pool);
        loaded.pool = NULL;
    }
    publish(c, e, &loaded);
    jo_log_write(cx, JO_LOG_DEBUG, "loaded %s: %s, %" APR_SIZE_T_FMT " bytes", path,
                 loaded.message ? loaded.message : "ok", loaded.memory);
}

/* Whether the entry answers for the descriptor that was probed. Who waited for a load shares its outcome. */
static bool is_current(const entry *e, const jo_identity *id, bool waited, apr_time_t now)
{
    return jo_identity_same(&e->id, id) && (e->state == READY || waited || now < e->expires);
}

/* Counts the request among those that load or wait; false if they are too many. */
static bool turn_join(jo_cache *c, turn *t)
{
    if (!t->joined && c->busy < c->limits.busy) {
        c->busy++;
        t->joined = true;
    }
    return t->joined;
}

/* Waits until something has changed; false if that takes too long, or too many wait and loads are slow. */
static bool turn_wait(jo_cache *c, turn *t, const struct timespec *young)
{
    const struct timespec *until = turn_join(c, t) ? &t->until : young;
    return pthread_cond_timedwait(&c->changed, &c->lock, until) == 0;
}

/* Takes an entry that is out of date from the table, and the caller's reference from it. */
static void discard(jo_cache *c, entry *e, entry **dead)
{
    entry_unlist(c, e); /* never the last reference: one is the caller's */
    if (entry_drop(e)) {
        e->older = *dead;
        *dead = e;
    }
}

/* Under the lock, with a reference for the caller: a current entry, waited for if another request is loading it, or
 * else `fresh` in the table, or NULL if that would take too long. */
static entry *find_or_list(jo_cache *c, turn *t, entry *fresh, const jo_identity *id,
                           apr_time_t now, entry **dead)
{
    for (;;) {
        entry *e = apr_hash_get(c->table, fresh->key, (apr_ssize_t)fresh->key_len);
        if (!e && c->loads < c->limits.loads && turn_join(c, t)) {
            fresh->young = seconds_from_now(YOUNG_SECONDS);
            if (c->loads++ == 0)
                c->young = fresh->young;
            fresh->references++;
            entry_list(c, fresh);
            return fresh;
        }
        if (!e) {
            if (!turn_wait(c, t, &c->young))
                return NULL;
            continue;
        }
        bool waited = e->state == LOADING;
        e->references++;
        while (e->state == LOADING)
            if (!turn_wait(c, t, &e->young) && e->state == LOADING) {
                entry_drop(e); /* never the last: one is the loader's */
                return NULL;
            }
        if (is_current(e, id, waited, now))
            return e;
        discard(c, e, dead);
    }
}

/* The entry for the key, with a reference for the caller. If it is `fresh` the caller must load it. */
static apr_status_t acquire(jo_cache *c, jo_ctx *cx, entry *fresh, const jo_identity *id,
                            entry **out)
{
    entry *dead = NULL;
    turn t = {.until = seconds_from_now(c->limits.seconds)};
    pthread_mutex_lock(&c->lock);
    entry *e = *out = find_or_list(c, &t, fresh, id, cx->now, &dead);
    if (e && e != fresh && e->listed) {
        list_cut(c, e);
        list_push(c, e);
    }
    if (t.joined && e != fresh)
        c->busy--;
    pthread_mutex_unlock(&c->lock);
    free_all(dead);
    if (e)
        return APR_SUCCESS;
    return jo_fail(cx, JO_EBUSY, "%s",
                   t.joined ? "the title takes long to load"
                            : "too many requests wait for titles that are being loaded");
}

/* What is loaded already, with a reference for the caller; NULL if there is nothing. */
static entry *find_ready(jo_cache *c, const char *key, size_t key_len)
{
    pthread_mutex_lock(&c->lock);
    entry *e = apr_hash_get(c->table, key, (apr_ssize_t)key_len);
    if (e && e->state == READY) {
        e->references++;
        list_cut(c, e);
        list_push(c, e);
    } else {
        e = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

static apr_status_t cache_get(const jo_title_store *self, jo_ctx *cx, const char *path,
                              unsigned how, const jo_title **out)
{
    const view *v = (const view *)self;
    jo_identity id;
    size_t key_len;
    entry *e;

    const char *key = key_make(v, cx, path, how, &key_len);
    e = find_ready(v->cache, key, key_len);
    if (e) {
        lease_start(v->cache, cx, e);
        *out = e->title;
        if (jo_source_unchanged(cx, path, &e->id))
            return APR_SUCCESS;
    }
    apr_status_t rc = probe(cx, path, &id);
    if (rc != APR_SUCCESS)
        return rc;
    entry *fresh = entry_make(key, key_len, &id);
    rc = acquire(v->cache, cx, fresh, &id, &e);
    if (e != fresh)
        entry_free(fresh);
    if (rc != APR_SUCCESS)
        return rc;
    lease_start(v->cache, cx, e);
    if (e == fresh)
        load(v->cache, cx, e, path, how);
    if (e->state == FAILED)
        return jo_fail(cx, e->code, "%s", e->message);
    *out = e->title;
    return APR_SUCCESS;
}

static void cache_drop(const jo_title_store *self, jo_ctx *cx, const jo_title *title)
{
    const view *v = (const view *)self;
    jo_cache *c = v->cache;
    size_t key_len;
    const char *key = key_make(v, cx, title->path, title->how, &key_len);
    entry *dead = NULL;

    pthread_mutex_lock(&c->lock);
    entry *e = apr_hash_get(c->table, key, (apr_ssize_t)key_len);
    if (e && e->state == READY && e->title == title)
        dead = entry_unlist(c, e);
    pthread_mutex_unlock(&c->lock);
    if (dead)
        entry_free(dead);
}

const jo_title_store *jo_cache_view(jo_cache *cache, apr_pool_t *pool, const char *const *roots,
                                    int nroots)
{
    view *v = apr_palloc(pool, sizeof *v);
    *v = (view){{cache_get, cache_drop}, cache, roots, nroots};
    return &v->store;
}
