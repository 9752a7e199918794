#include "../../src/base/status.h"
#include "../../src/io/source.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static apr_pool_t *pool;
static jo_ctx cx;
static const char *top; /* a folder of our own */

static const char *in_top(const char *name)
{
    return apr_pstrcat(pool, top, "/", name, NULL);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

static void make_tree(void)
{
    char *name = apr_pstrdup(pool, "/tmp/jo-source-XXXXXX");

    top = mkdtemp(name);
    if (!top || mkdir(in_top("root"), 0700) || mkdir(in_top("root/sub"), 0700) ||
        mkdir(in_top("root/sub/in"), 0700) || mkdir(in_top("root-2"), 0700))
        abort();
    write_file(in_top("root/kite.mp4"), "0123456789");
    write_file(in_top("root/sub/in/deep.mp4"), "deep");
    write_file(in_top("secret"), "secret");
    write_file(in_top("root-2/other"), "other");
    if (symlink("../kite.mp4", in_top("root/sub/inside")) ||
        symlink("../../secret", in_top("root/sub/outside")) ||
        symlink(in_top("root/kite.mp4"), in_top("root/absolute")) ||
        symlink("sub/in", in_top("root/folder")) || symlink("loop", in_top("root/loop")) ||
        symlink("..", in_top("root/up")) || mkfifo(in_top("root/fifo"), 0600))
        abort();
}

static void remove_tree(void)
{
    static const char *const names[] = {"root/kite.mp4",
                                        "root/sub/in/deep.mp4",
                                        "root/sub/in",
                                        "secret",
                                        "root-2/other",
                                        "root-2",
                                        "root/sub/inside",
                                        "root/sub/outside",
                                        "root/absolute",
                                        "root/folder",
                                        "root/loop",
                                        "root/up",
                                        "root/fifo",
                                        "root/sub",
                                        "root",
                                        ""};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(in_top(names[i]));
}

static apr_status_t opened(jo_opener *opener, const char *path, jo_source **src)
{
    jo_ctx_init(&cx, pool);
    cx.opener = opener;
    return jo_source_open(&cx, path, src);
}

static apr_status_t open_status(jo_opener *opener, const char *name)
{
    jo_source *src;

    return opened(opener, in_top(name), &src);
}

static void test_roots(const char *how)
{
    const char *roots[] = {in_top("root"), in_top("root/sub")};
    jo_opener *o = jo_source_file_opener(pool, roots, 1, true);
    jo_opener *inner = jo_source_file_opener(pool, roots, 2, false);

    is_int(open_status(o, "root/kite.mp4"), APR_SUCCESS, "a file below the root");
    is_int(open_status(o, "root//sub/./in/deep.mp4"), APR_SUCCESS, "with doubled slashes");
    is_int(open_status(o, "root/sub/inside"), APR_SUCCESS, "a relative link that stays");
    is_int(open_status(o, "root/folder/deep.mp4"), APR_SUCCESS, "a linked folder");
    is_int(open_status(o, "root/sub/../kite.mp4"), APR_SUCCESS, "up and down again");
    is_int(open_status(o, "root/sub/outside"), JO_EFORBIDDEN, "a link that leaves");
    is_int(open_status(o, "root/absolute"), JO_EFORBIDDEN, "an absolute link, even one that stays");
    is_int(open_status(o, "root/up/secret"), JO_EFORBIDDEN, "a linked parent");
    is_int(open_status(o, "root/../secret"), JO_EFORBIDDEN, "..");
    is_int(open_status(o, "root/loop"), JO_EFORBIDDEN, "a loop of links");
    is_int(open_status(o, "secret"), JO_EFORBIDDEN, "a file elsewhere");
    is_int(open_status(o, "root-2/other"), JO_EFORBIDDEN,
           "a sibling whose name starts like the root");
    is_int(open_status(o, "root/none.mp4"), JO_ENOTFOUND, "a missing file");
    is_str(cx.message, "none.mp4: not found", "its message has no server path");
    is_int(open_status(o, "root/kite.mp4/x"), JO_ENOTFOUND, "a file taken for a folder");
    is_int(open_status(o, "root/sub"), JO_EFORBIDDEN, "a folder");
    is_int(open_status(o, "root/fifo"), JO_EFORBIDDEN, "a FIFO (and no waiting)");
    is_int(open_status(o, "root"), JO_EFORBIDDEN, "the root itself");
    is_int(open_status(inner, "root/sub/inside"), JO_EFORBIDDEN, "the longest root counts");
    is_int(open_status(inner, "root/sub/in/deep.mp4"), APR_SUCCESS, "and serves what is below it");
    printf("# so far %s\n", how);
}

static void test_reading(void)
{
    jo_opener *o = jo_source_file_opener(pool, NULL, 0, true);
    jo_source *src, *again;
    char buf[16] = "";

    if (!ok(opened(o, in_top("root/absolute"), &src) == APR_SUCCESS,
            "without roots everything opens"))
        return;
    is_int(src->id.size, 10, "size");
    is_str(src->name, "absolute", "name");
    ok(jo_source_file(src) != NULL, "a local file");
    ok(jo_source_read(&cx, src, 3, 4, buf) == APR_SUCCESS && memcmp(buf, "3456", 4) == 0,
       "a range");
    ok(jo_source_read(&cx, src, 10, 0, buf) == APR_SUCCESS, "nothing at the end");
    is_int(jo_source_read(&cx, src, 8, 3, buf), JO_EMEDIA, "a range across the end");
    jo_ctx_init(&cx, pool);
    is_int(jo_source_read(&cx, src, -1, 1, buf), JO_EMEDIA, "a negative offset");
    jo_ctx_init(&cx, pool);
    is_int(jo_source_read(&cx, src, 5, SIZE_MAX, buf), JO_EMEDIA, "a length that wraps around");
    ok(opened(o, in_top("root/kite.mp4"), &again) == APR_SUCCESS &&
           jo_identity_same(&src->id, &again->id),
       "the same file has the same identity");
    write_file(in_top("root/kite.mp4"), "0123");
    is_int(jo_source_read(&cx, again, 2, 8, buf), JO_EMEDIA, "a file truncated after opening");
    is_str(cx.message, "kite.mp4: truncated at 4", "and where");
    ok(opened(o, in_top("root/kite.mp4"), &again) == APR_SUCCESS &&
           !jo_identity_same(&src->id, &again->id),
       "a changed file has another identity");
    write_file(in_top("root/kite.mp4"), "0123456789");
}

/* What was opened once is opened again without a way below the roots, but only if it is that very file. */
static void test_again(void)
{
    const char *roots[] = {in_top("root")};
    jo_opener *files = jo_source_file_opener(pool, roots, 1, true);
    const char *path = in_top("root/kite.mp4"), *spare = in_top("root/spare");
    jo_source *src, *again;

    if (!ok(opened(files, path, &src) == APR_SUCCESS, "opened once"))
        return;
    ok(jo_source_unchanged(&cx, path, &src->id), "unchanged");
    is_int(jo_source_reopen(&cx, path, &src->id, &again), APR_SUCCESS, "opened again");
    ok(again->path == path && jo_source_file(again) != NULL && again->id.size == 10 &&
           !strcmp(again->name, "kite.mp4"),
       "a source like the first");
    write_file(spare, "0123456789");
    rename(spare, path);
    ok(!jo_source_unchanged(&cx, path, &src->id), "replaced by one of the same size");
    is_int(jo_source_reopen(&cx, path, &src->id, &again), APR_EMISMATCH, "is another file");
    ok(cx.message == NULL, "which is no error");
    opened(files, path, &src);
    remove(path);
    ok(!jo_source_unchanged(&cx, path, &src->id) && cx.message == NULL, "removed");
    is_int(jo_source_reopen(&cx, path, &src->id, &again), JO_ENOTFOUND, "is not found");
    mkfifo(path, 0600);
    ok(!jo_source_unchanged(&cx, path, &src->id), "a FIFO in its place");
    jo_ctx_init(&cx, pool);
    cx.opener = files;
    is_int(jo_source_reopen(&cx, path, &src->id, &again), JO_EFORBIDDEN, "is not waited for");
    remove(path);
    symlink("../secret", path);
    ok(opened(files, path, &again) != APR_SUCCESS, "a link that leaves");
    is_int(jo_source_reopen(&cx, path, &src->id, &again), JO_EFORBIDDEN, "still may not");
    remove(path);
    write_file(path, "0123456789");
}

/* Closing is APR's: no descriptor may stay behind. */
static void test_closing(void)
{
    jo_opener *o = jo_source_file_opener(pool, NULL, 0, false);
    int before = dup(0), after;
    apr_pool_t *sub;
    jo_source *src;

    close(before);
    apr_pool_create(&sub, pool);
    jo_ctx_init(&cx, sub);
    cx.opener = o;
    for (int i = 0; i < 10; i++)
        jo_source_open(&cx, in_top("root/kite.mp4"), &src);
    apr_pool_destroy(sub);
    after = dup(0);
    close(after);
    is_int(after, before, "files are closed with their pool");
}

static void test_memory(void)
{
    jo_opener *o = jo_source_mem_opener(pool);
    jo_source *src;
    char buf[4] = "";

    jo_source_mem_add(o, "/a/kite.mp4", "abcdef", 6);
    if (ok(opened(o, "/a/kite.mp4", &src) == APR_SUCCESS, "a source in memory")) {
        jo_source_want(src, 0, 6);
        ok(jo_source_read(&cx, src, 2, 4, buf) == APR_SUCCESS && memcmp(buf, "cdef", 4) == 0,
           "reads");
        ok(jo_source_file(src) == NULL, "and is no file");
        is_int(jo_source_read(&cx, src, 3, 4, buf), JO_EMEDIA, "its end is checked");
        jo_identity id = src->id;
        ok(jo_source_unchanged(&cx, "/a/kite.mp4", &id) &&
               jo_source_reopen(&cx, "/a/kite.mp4", &id, &src) == APR_SUCCESS,
           "an opener that knows no shorter way");
        jo_source_mem_add(o, "/a/kite.mp4", "ghijkl", 6);
        ok(!jo_source_unchanged(&cx, "/a/kite.mp4", &id) &&
               jo_source_reopen(&cx, "/a/kite.mp4", &id, &src) == APR_EMISMATCH,
           "sees a change as well");
    }
    is_int(opened(o, "/a/none", &src), JO_ENOTFOUND, "a missing source in memory");
    is_int(opened(NULL, "/a/none", &src), JO_EBUG, "no opener");
}

static void resolves(const char *src, const char *want)
{
    const char *got = NULL;

    jo_ctx_init(&cx, pool);
    jo_source_resolve(&cx, "/vod/films/kite.ism", src, &got);
    is_str(got, want, src);
}

static apr_status_t resolve_status(const char *src)
{
    const char *got;

    jo_ctx_init(&cx, pool);
    return jo_source_resolve(&cx, "/vod/films/kite.ism", src, &got);
}

static void test_resolving(void)
{
    resolves("kite.mp4", "/vod/films/kite.mp4");
    resolves("../kite.mp4", "/vod/kite.mp4");
    resolves("./a/../b//kite.mp4", "/vod/films/b/kite.mp4");
    resolves("/other/./kite.mp4", "/other/kite.mp4");
    resolves("../../kite.mp4", "/kite.mp4");
    resolves("a%20b:c.mp4", "/vod/films/a%20b:c.mp4");
    resolves("..mp4", "/vod/films/..mp4");
    is_int(resolve_status("../../../etc/passwd"), JO_EFORBIDDEN, "above /");
    is_int(resolve_status("/a/../../b"), JO_EFORBIDDEN, "above / from an absolute src");
    is_int(resolve_status(""), JO_EMEDIA, "an empty src");
    is_int(resolve_status("http://127.0.0.1/x"), JO_EMEDIA, "a URL");
    is_int(resolve_status("file:/x"), JO_EMEDIA, "another URL");
}

/* Makes openat2 fail with `error`, as old kernels (ENOSYS) and old container filters (EPERM) do. */
static bool without_openat2(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == error;
}

/* Counts reads of a source and, past `good` bytes, fails. */
static int reads;
static int64_t good;

static apr_status_t counted_read(jo_ctx *c, jo_source *src, int64_t off, size_t len, void *buf)
{
    reads++;
    if (off + (int64_t)len > good)
        return jo_fail(c, JO_EMEDIA, "truncated");
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((off + (int64_t)i) * 7 >> 2);
    return APR_SUCCESS;
}

static bool reads_ahead(jo_source *ahead, int64_t off, size_t len)
{
    static uint8_t got[40000];

    jo_ctx_init(&cx, pool);
    if (jo_source_read(&cx, ahead, off, len, got) != APR_SUCCESS)
        return false;
    for (size_t i = 0; i < len; i++)
        if (got[i] != (uint8_t)((off + (int64_t)i) * 7 >> 2))
            return false;
    return true;
}

static void test_ahead(void)
{
    static const jo_source_ops ops = {.scheme = "counted", .read = counted_read};
    jo_source src = {.ops = &ops, .name = "x", .path = "/x", .id = {.size = 100000}};
    jo_source *ahead = jo_source_ahead(pool, &src);

    good = 100000;
    ok(jo_identity_same(&ahead->id, &src.id) && !strcmp(ahead->name, "x") &&
           !strcmp(ahead->path, "/x") && jo_source_file(ahead) == NULL,
       "ahead: is the same source");
    ok(reads_ahead(ahead, 5000, 16) && reads_ahead(ahead, 5016, 1000) &&
           reads_ahead(ahead, 6016, 8) && reads == 1,
       "small reads that follow each other are one");
    ok(reads_ahead(ahead, 4999, 2) && reads_ahead(ahead, 4999 + 2046, 2) && reads == 2,
       "to the last byte, and again before the first");
    ok(reads_ahead(ahead, 4999 + 2046, 3) && reads == 3, "past the last");
    ok(reads_ahead(ahead, 10, 40000) && reads_ahead(ahead, 4999 + 2047, 9) && reads == 4,
       "a large read goes by");
    ok(reads_ahead(ahead, 99990, 10) && reads_ahead(ahead, 99999, 1) && reads == 5,
       "up to the end");
    good = 50000;
    ok(!reads_ahead(ahead, 60000, 10) && !reads_ahead(ahead, 60000, 10) && reads == 7,
       "what could not be read is not held");
    ok(!reads_ahead(ahead, 99999, 2), "nothing past the end");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    make_tree();
    test_resolving();
    test_memory();
    test_reading();
    test_again();
    test_closing();
    test_ahead();
    test_roots("as the kernel has it");
    if (without_openat2(EPERM))
        test_roots("without openat2 (EPERM)");
    else
        skip("without openat2", "no seccomp filters here");
    if (without_openat2(ENOSYS))
        test_roots("without openat2 (ENOSYS)");
    else
        skip("without openat2", "no seccomp filters here");
    remove_tree();
    ok(access(top, F_OK) != 0, "the test's folder is removed");
    apr_terminate();
    return tap_done();
}
