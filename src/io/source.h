/* Where bytes come from. A source is one open file (later: a remote object) with a size and an
 * identity; readers announce with want() and fetch with read(). Sources belong to the request that
 * opened them and are never shared between requests. */
#ifndef JO_SOURCE_H
#define JO_SOURCE_H

#include "../base/jo.h"

#include <apr_file_io.h>
#include <sys/uio.h>

/* What tells two versions of a file apart; compared as a whole. */
typedef struct jo_identity {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t mtime; /* ns since the epoch */
    int64_t ctime; /* ns */
    bool network;  /* not compared: on a file system that sendfile() is not to be trusted with */
} jo_identity;

bool jo_identity_same(const jo_identity *a, const jo_identity *b);

typedef struct jo_source jo_source;

typedef struct jo_source_ops {
    const char *scheme; /* "file", "mem" */
    /* Hint that [off, off+len) will be read; starts a transfer where that takes time. May be NULL. */
    void (*want)(jo_source *src, int64_t off, size_t len);
    /* Exactly len bytes at off, or an error: JO_EMEDIA past the end (truncated). */
    apr_status_t (*read)(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf);
    /* As read(), into n pieces, which it may change. NULL: read() is called for each. */
    apr_status_t (*scatter)(jo_ctx *cx, jo_source *src, int64_t off, struct iovec *v, int n);
    /* The open local file, or NULL. Owned by the source. */
    apr_file_t *(*file)(jo_source *src);
} jo_source_ops;

struct jo_source {
    const jo_source_ops *ops;
    const char *name; /* for messages: base name, no server path */
    const char *path; /* as it was opened */
    jo_identity id;
};

/* Opens sources by absolute path. */
struct jo_opener {
    apr_status_t (*open)(const jo_opener *self, jo_ctx *cx, const char *path, jo_source **out);
    /* A shorter way to a file that was opened before, or NULL: whether path names that very file, which is opened unless
     * out is NULL. False: find out by open(). */
    bool (*again)(const jo_opener *self, jo_ctx *cx, const char *path, const jo_identity *known,
                  jo_source **out);
};

/* Opens path through cx->opener into cx->pool. JO_ENOTFOUND missing, JO_EFORBIDDEN outside the roots
 * or not readable or not a regular file. */
apr_status_t jo_source_open(jo_ctx *cx, const char *path, jo_source **out);
/* Whether path still names the file that was opened as `known`: by whatever way, since what was found below the roots
 * once is the same file. Leaves no error in cx. */
bool jo_source_unchanged(jo_ctx *cx, const char *path, const jo_identity *known);
/* Opens that file again; errors as of jo_source_open(), or APR_EMISMATCH without a message: another file by now. path
 * must live as long as cx->pool. */
apr_status_t jo_source_reopen(jo_ctx *cx, const char *path, const jo_identity *known,
                              jo_source **out);
void jo_source_want(jo_source *src, int64_t off, size_t len);
/* Bounds-checked against id.size before ops->read. */
apr_status_t jo_source_read(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf);
/* Consecutive bytes from off on into n pieces of memory, in their order; the array is used up. */
apr_status_t jo_source_scatter(jo_ctx *cx, jo_source *src, int64_t off, struct iovec *v, int n);
apr_file_t *jo_source_file(jo_source *src);

/* The same source, read a few KB at a time where less is asked for: for those who jump from header to header. Lives in
 * pool, and only as long as src. */
jo_source *jo_source_ahead(apr_pool_t *pool, jo_source *src);

/* path of `src` (as written in a descriptor: relative, "../", or absolute "/…") seen from the
 * descriptor at `base`: absolute, "." and ".." resolved lexically, percent-decoding not applied.
 * JO_EFORBIDDEN when ".." climbs above "/"; JO_EMEDIA for an empty src or one with a URL scheme. */
apr_status_t jo_source_resolve(jo_ctx *cx, const char *base, const char *src, const char **out);

/* Local files below any of nroots absolute directories (already canonical), opened with
 * openat2(RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS) from the longest root that is a prefix of path, or where
 * the kernel has none, by realpath and a prefix check. Absolute links and links that leave a root are refused in
 * both. sendfile: open with APR_SENDFILE_ENABLED. No roots (0): everything is allowed (the command). */
jo_opener *jo_source_file_opener(apr_pool_t *pool, const char *const *roots, int nroots,
                                 bool sendfile);

/* A set of named byte strings, for tests, fuzzers and benches. Reads give the bytes of `data` in
 * place, identity = size and address. */
jo_opener *jo_source_mem_opener(apr_pool_t *pool);
void jo_source_mem_add(jo_opener *mem, const char *path, const void *data, size_t len);

#endif
