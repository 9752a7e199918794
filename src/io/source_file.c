#include "source.h"

#include "../base/status.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel */

typedef struct file_opener {
    jo_opener opener; /* first: jo_opener * is cast to it */
    const char *const *roots;
    int nroots;
    apr_int32_t flags;
} file_opener;

typedef struct file_source {
    jo_source source; /* first */
    apr_file_t *file;
    int fd;
} file_source;

/* Takes n bytes that were read off the front of the pieces; returns how many pieces are full. */
static int advance(struct iovec *v, int count, size_t n)
{
    int i = 0;

    for (; i < count && n >= v[i].iov_len; i++)
        n -= v[i].iov_len;
    if (i < count) {
        v[i].iov_base = (char *)v[i].iov_base + n;
        v[i].iov_len -= n;
    }
    return i;
}

static apr_status_t file_scatter(jo_ctx *cx, jo_source *src, int64_t off, struct iovec *v, int n)
{
    while (n > 0) {
        ssize_t got = preadv(((file_source *)src)->fd, v, n, off);
        if (got == 0)
            return jo_fail(cx, JO_EMEDIA, "%s: truncated at %lld", src->name, (long long)off);
        if (got < 0 && errno != EINTR)
            return jo_fail(cx, JO_EREMOTE, "%s: read at %lld: %s", src->name, (long long)off,
                           strerror(errno));
        if (got > 0) {
            int full = advance(v, n, (size_t)got);
            off += got;
            v += full;
            n -= full;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t file_read(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf)
{
    struct iovec v = {buf, len};

    return file_scatter(cx, src, off, &v, 1);
}

static apr_file_t *file_file(jo_source *src)
{
    return ((file_source *)src)->file;
}

static const jo_source_ops file_ops = {"file", NULL, file_read, file_scatter, file_file};

/* ---- finding the file below a root. All of these give a file descriptor that names the file but can't
 * read it (O_PATH: neither blocks on a FIFO nor touches a device), or -1 and errno. */

static int open_path(const char *path)
{
    return open(path, O_PATH | O_CLOEXEC);
}

/* A relative path below root whose links stay below it; EXDEV for one that does not. */
static int walk_link(const char *link, char *rest)
{
    char target[PATH_MAX], tail[PATH_MAX];
    ssize_t n = readlink(link, target, sizeof target - 1);

    if (n < 0)
        return errno == EINVAL ? 0 : -1; /* not a link */
    target[n] = '\0';
    if (target[0] == '/') {
        errno = EXDEV;
        return -1;
    }
    strcpy(tail, rest);
    if (snprintf(rest, PATH_MAX, "%s/%s", target, tail) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 1;
}

/* One name of the walk: `at` holds the path so far, whose first root_len bytes may not be left. */
static int walk_step(char *at, size_t root_len, const char *name, size_t n, char *rest)
{
    size_t len = strlen(at);
    int link;

    if (n == 0 || (n == 1 && name[0] == '.'))
        return 0;
    if (n == 2 && memcmp(name, "..", 2) == 0) {
        if (len <= root_len) {
            errno = EXDEV;
            return -1;
        }
        *strrchr(at, '/') = '\0';
        return 0;
    }
    if (len + 1 + n >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    at[len] = '/';
    memcpy(at + len + 1, name, n);
    at[len + 1 + n] = '\0';
    link = walk_link(at, rest);
    if (link > 0)
        at[len] = '\0';
    return link;
}

/* Without openat2: every link is read and followed by hand. Somebody who may rename folders below the root
 * while this runs could win a race; that is why openat2 is preferred. */
static int open_by_walk(const char *root, const char *rel)
{
    char at[PATH_MAX], rest[PATH_MAX], name[PATH_MAX];
    size_t root_len = strlen(root);
    int links = 0;

    if (root_len >= PATH_MAX || strlen(rel) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(at, strcmp(root, "/") == 0 ? "" : root);
    root_len = strlen(at);
    strcpy(rest, rel);
    while (*rest) {
        size_t n = strcspn(rest, "/");
        memcpy(name, rest, n);
        memmove(rest, rest + n + (rest[n] == '/'), strlen(rest + n + (rest[n] == '/')) + 1);
        int followed = walk_step(at, root_len, name, n, rest);
        if (followed < 0)
            return -1;
        links += followed;
        if (links > LINKS_MAX) {
            errno = ELOOP;
            return -1;
        }
    }
    return open(at, O_PATH | O_CLOEXEC | O_NOFOLLOW);
}

static int open_beneath(const char *root, const char *rel)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd, error;

    if (dir < 0)
        return -1;
    do {
        fd = (int)syscall(SYS_openat2, dir, rel, &how, sizeof how);
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* a rename ran past ".." */
    error = errno;
    close(dir);
    errno = error;
    /* EPERM: a seccomp filter older than the call. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return open_by_walk(root, rel);
    return fd;
}

/* What follows root in path, without a leading slash, or NULL if path is not below it. */
static const char *below(const char *root, const char *path)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/')
        n--;
    if (strncmp(root, path, n) != 0 || path[n] != '/')
        return NULL;
    path += n;
    while (*path == '/')
        path++;
    return *path ? path : NULL;
}

static int open_in_roots(const file_opener *o, const char *path)
{
    const char *root = NULL, *rel = NULL;

    if (o->nroots == 0)
        return open_path(path);
    for (int i = 0; i < o->nroots; i++) {
        const char *rest = below(o->roots[i], path);
        if (rest && (!rel || rest > rel)) {
            root = o->roots[i];
            rel = rest;
        }
    }
    if (!rel) {
        errno = EXDEV;
        return -1;
    }
    return open_beneath(root, rel);
}

/* ---- opening */

static apr_status_t fail_open(jo_ctx *cx, const char *name, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return jo_fail(cx, JO_ENOTFOUND, "%s: not found", name);
    case EXDEV:
    case ELOOP:
        return jo_fail(cx, JO_EFORBIDDEN, "%s: outside the allowed folders", name);
    case EACCES:
    case EPERM:
        return jo_fail(cx, JO_EFORBIDDEN, "%s: not readable", name);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return jo_fail(cx, JO_EBUSY, "%s: %s", name, strerror(error));
    default:
        return jo_fail(cx, JO_EREMOTE, "%s: %s", name, strerror(error));
    }
}

static jo_identity identity_of(const struct stat *st)
{
    jo_identity id = {0};

    id.device = st->st_dev;
    id.inode = st->st_ino;
    id.size = st->st_size;
    id.mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    id.ctime = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
    return id;
}

/* sendfile() and the page cache don't go together everywhere (httpd's EnableSendfile warns of the same). */
static bool on_network(int fd)
{
    static const unsigned long kinds[] = {
        0x6969 /* nfs */,      0x517b /* smb */,    0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */,
        0x65735546 /* fuse */, 0x01021997 /* 9p */, 0x5346414f /* afs */,  0x00c36400 /* ceph */};
    struct statfs fs;

    if (fstatfs(fd, &fs) != 0)
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (((unsigned long)fs.f_type & 0xffffffffUL) == kinds[i])
            return true;
    return false;
}

/* Opens path for reading if it is still the file that `found` describes; *same tells. The apr_file_t has
 * APR's own cleanup, which apr_os_file_put would not give it: buckets may be set aside. */
static apr_status_t open_found(const file_opener *o, jo_ctx *cx, const char *path,
                               const struct stat *found, file_source *f, bool *same)
{
    apr_status_t rv = apr_file_open(&f->file, path, o->flags, APR_OS_DEFAULT, cx->pool);
    struct stat st;

    if (rv != APR_SUCCESS)
        return fail_open(cx, f->source.name, APR_TO_OS_ERROR(rv));
    apr_os_file_get(&f->fd, f->file);
    if (fstat(f->fd, &st) != 0)
        return fail_open(cx, f->source.name, errno);
    *same = st.st_dev == found->st_dev && st.st_ino == found->st_ino;
    if (!*same)
        apr_file_close(f->file);
    f->source.id = identity_of(&st);
    f->source.id.network = *same && on_network(f->fd);
    return APR_SUCCESS;
}

static file_source *make_source(jo_ctx *cx, const char *path)
{
    const char *slash = strrchr(path, '/');
    file_source *f = apr_pcalloc(cx->pool, sizeof *f);

    f->source.ops = &file_ops;
    f->source.name = apr_pstrdup(cx->pool, slash ? slash + 1 : path);
    return f;
}

static apr_status_t file_open(const jo_opener *self, jo_ctx *cx, const char *path, jo_source **out)
{
    const file_opener *o = (const file_opener *)self;
    file_source *f = make_source(cx, path);
    bool same = false;

    for (int tries = 0; !same && tries < 5;
         tries++) { /* the file may be replaced between the two opens */
        struct stat st;
        int fd = open_in_roots(o, path);
        if (fd < 0)
            return fail_open(cx, f->source.name, errno);
        int failed = fstat(fd, &st);
        close(fd);
        if (failed || !S_ISREG(st.st_mode))
            return jo_fail(cx, JO_EFORBIDDEN, "%s: not a regular file", f->source.name);
        apr_status_t rv = open_found(o, cx, path, &st, f, &same);
        if (rv != APR_SUCCESS)
            return rv;
    }
    if (!same)
        return jo_fail(cx, JO_EBUSY, "%s: being replaced", f->source.name);
    *out = &f->source;
    return APR_SUCCESS;
}

static bool is_known(const struct stat *st, const jo_identity *known)
{
    jo_identity id = identity_of(st);
    return jo_identity_same(&id, known);
}

/* Looks before it opens: what has taken the file's place may be a FIFO or a device. */
static bool file_again(const jo_opener *self, jo_ctx *cx, const char *path,
                       const jo_identity *known, jo_source **out)
{
    const file_opener *o = (const file_opener *)self;
    struct stat st;

    if (stat(path, &st) != 0 || !is_known(&st, known))
        return false;
    if (!out)
        return true;
    file_source *f = make_source(cx, path);
    if (apr_file_open(&f->file, path, o->flags, APR_OS_DEFAULT, cx->pool) != APR_SUCCESS)
        return false;
    apr_os_file_get(&f->fd, f->file);
    if (fstat(f->fd, &st) != 0 || !is_known(&st, known)) {
        apr_file_close(f->file);
        return false;
    }
    f->source.id = *known;
    *out = &f->source;
    return true;
}

jo_opener *jo_source_file_opener(apr_pool_t *pool, const char *const *roots, int nroots,
                                 bool sendfile)
{
    file_opener *o = apr_pcalloc(pool, sizeof *o);

    o->opener.open = file_open;
    o->opener.again = file_again;
    o->roots = roots;
    o->nroots = nroots;
    o->flags = APR_FOPEN_READ | APR_FOPEN_BINARY | (sendfile ? APR_FOPEN_SENDFILE_ENABLED : 0);
    return &o->opener;
}
