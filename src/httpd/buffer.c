#include "buffer.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum {
    SMALLEST_BITS = 13, /* 8 KiB */
    LARGEST_BITS = 24,  /* 16 MiB; above, nothing is kept */
    STEPS = 4,          /* sizes per power of two */
    BINS = (LARGEST_BITS - SMALLEST_BITS) * STEPS + 1,
    KEPT_PART = 4,     /* of the limit: one in so many bytes may be kept idle */
    QUIET = 10,        /* seconds after which a buffer that was not needed is given back */
    MAPPED = 64 << 10, /* these are pages of their own, which an allocator would not give back */
};

/* In front of the data. */
typedef struct header {
    union {
        struct header *next; /* while it is kept */
        max_align_t align;
    } u;
    size_t size; /* with the header */
    int bin;     /* BINS: too large to be kept */
} header;

static struct {
    pthread_mutex_t lock;
    header *bins[BINS];
    size_t limit;
    size_t waiting;
    size_t kept;
    size_t idle; /* the least that was kept at any time since… */
    time_t since;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- sizes */

static size_t size_of_bin(int bin)
{
    return ((size_t)1 << (SMALLEST_BITS + bin / STEPS)) / STEPS * (size_t)(STEPS + bin % STEPS);
}

/* The bin of a buffer for len bytes, BINS for none, and the bytes that it takes. */
static int bin_for(size_t len, size_t *size)
{
    int bin = 0;
    *size = len < SIZE_MAX - sizeof(header) ? len + sizeof(header) : SIZE_MAX;
    while (bin < BINS && size_of_bin(bin) < *size)
        bin++;
    if (bin < BINS)
        *size = size_of_bin(bin);
    return bin;
}

/* ---- what may wait */

typedef struct charge {
    size_t size;
} charge;

void jo_buffer_limit(size_t bytes)
{
    pool.limit = bytes;
}

static apr_status_t charge_end(void *data)
{
    const charge *c = data;
    pthread_mutex_lock(&pool.lock);
    pool.waiting -= c->size;
    pthread_mutex_unlock(&pool.lock);
    return APR_SUCCESS;
}

bool jo_buffer_charge(apr_pool_t *p, size_t len)
{
    size_t size;
    bin_for(len, &size);
    pthread_mutex_lock(&pool.lock);
    bool fits = pool.waiting == 0 || (size <= pool.limit && pool.waiting <= pool.limit - size);
    if (fits)
        pool.waiting += size;
    pthread_mutex_unlock(&pool.lock);
    if (!fits)
        return false;
    charge *c = apr_palloc(p, sizeof *c);
    c->size = size;
    apr_pool_cleanup_register(p, c, charge_end, apr_pool_cleanup_null);
    return true;
}

/* ---- memory */

#ifdef __SANITIZE_ADDRESS__
enum { MAY_MAP = false }; /* it watches the borders of what it allocates itself */
#else
enum { MAY_MAP = true };
#endif

static bool is_mapped(size_t size)
{
    return MAY_MAP && size >= MAPPED;
}

static header *memory_make(size_t size)
{
    if (!is_mapped(size))
        return malloc(size);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void memory_free(header *h)
{
    if (is_mapped(h->size))
        munmap(h, h->size);
    else
        free(h);
}

static void memory_free_all(header *h)
{
    while (h) {
        header *next = h->u.next;
        memory_free(h);
        h = next;
    }
}

/* ---- what is kept */

static header *bin_take(int bin)
{
    header *h = pool.bins[bin];
    if (h) {
        pool.bins[bin] = h->u.next;
        pool.kept -= h->size;
        pool.idle = pool.kept < pool.idle ? pool.kept : pool.idle;
    }
    return h;
}

static time_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* The buffers that nobody needed since the last time, largest first, as a list. */
static header *surplus_take(time_t now)
{
    header *list = NULL;
    size_t surplus = pool.idle;
    for (int bin = BINS - 1; bin >= 0; bin--) {
        while (pool.bins[bin] && pool.bins[bin]->size <= surplus) {
            header *h = bin_take(bin);
            surplus -= h->size;
            h->u.next = list;
            list = h;
        }
    }
    pool.since = now;
    pool.idle = pool.kept;
    return list;
}

void jo_buffer_trim(void)
{
    header *list = NULL;
    time_t now = seconds();
    pthread_mutex_lock(&pool.lock);
    if (now - pool.since >= QUIET)
        list = surplus_take(now);
    pthread_mutex_unlock(&pool.lock);
    memory_free_all(list);
}

void *jo_buffer_make(size_t len)
{
    header *h = NULL;
    size_t size;
    int bin = bin_for(len, &size);
    if (bin < BINS) {
        pthread_mutex_lock(&pool.lock);
        h = bin_take(bin);
        pthread_mutex_unlock(&pool.lock);
    }
    if (!h) {
        h = memory_make(size);
        if (!h)
            return NULL;
        h->size = size;
        h->bin = bin;
    }
    return h + 1;
}

void jo_buffer_free(void *data)
{
    header *h = (header *)data - 1;
    if (h->bin < BINS) {
        pthread_mutex_lock(&pool.lock);
        if (pool.kept + h->size <= pool.limit / KEPT_PART) {
            h->u.next = pool.bins[h->bin];
            pool.bins[h->bin] = h;
            pool.kept += h->size;
            h = NULL;
        }
        pthread_mutex_unlock(&pool.lock);
    }
    if (h)
        memory_free(h);
}
