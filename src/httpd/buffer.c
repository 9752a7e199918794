#include "buffer.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    SMALLEST_BITS = 13, /* 8 KiB */
    LARGEST_BITS = 24,  /* 16 MiB; above, nothing is kept */
    STEPS = 4,          /* sizes per power of two */
    BINS = (LARGEST_BITS - SMALLEST_BITS) * STEPS + 1,
    KEPT = 64 << 20 /* bytes kept per process */
};

/* In front of the data. */
typedef struct header {
    union {
        struct header *next; /* while it is kept */
        max_align_t align;
    } u;
    int bin; /* BINS: too large to be kept */
} header;

static struct {
    pthread_mutex_t lock;
    header *bins[BINS];
    size_t kept;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t size_of_bin(int bin)
{
    return ((size_t)1 << (SMALLEST_BITS + bin / STEPS)) / STEPS * (size_t)(STEPS + bin % STEPS);
}

static int bin_for(size_t len)
{
    int bin = 0;
    while (bin < BINS && size_of_bin(bin) < len)
        bin++;
    return bin;
}

static header *take(int bin)
{
    header *h = NULL;
    if (bin == BINS)
        return NULL;
    pthread_mutex_lock(&pool.lock);
    h = pool.bins[bin];
    if (h) {
        pool.bins[bin] = h->u.next;
        pool.kept -= size_of_bin(bin);
    }
    pthread_mutex_unlock(&pool.lock);
    return h;
}

void *jo_buffer_make(size_t len)
{
    int bin = bin_for(len);
    header *h = take(bin);
    if (!h) {
        size_t size = bin == BINS ? len : size_of_bin(bin);
        if (size > SIZE_MAX - sizeof *h || !(h = malloc(sizeof *h + size)))
            return NULL;
        h->bin = bin;
    }
    return h + 1;
}

void jo_buffer_free(void *data)
{
    header *h = (header *)data - 1;
    if (h->bin < BINS) {
        size_t size = size_of_bin(h->bin);
        pthread_mutex_lock(&pool.lock);
        if (pool.kept + size <= KEPT) {
            h->u.next = pool.bins[h->bin];
            pool.bins[h->bin] = h;
            pool.kept += size;
            h = NULL;
        }
        pthread_mutex_unlock(&pool.lock);
    }
    free(h);
}
