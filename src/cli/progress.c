#include "progress.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR            24 /* characters */
#define TERMINAL_EVERY (APR_USEC_PER_SEC / 10)
#define LINE_EVERY     (APR_USEC_PER_SEC * 10)

void jo_progress_start(jo_progress *p, bool quiet, int64_t expected, int nfiles)
{
    *p = (jo_progress){.quiet = quiet,
                       .terminal = isatty(STDERR_FILENO),
                       .expected = expected > 0 ? expected : 1,
                       .nfiles = nfiles,
                       .started = apr_time_now()};
    p->shown = p->started;
}

static double fraction(const jo_progress *p)
{
    double f = (double)p->seen / (double)p->expected;
    return f > 1 ? 1 : f;
}

/* Seconds left, by the bytes so far. */
static long left(const jo_progress *p, apr_time_t now)
{
    double f = fraction(p), spent = (double)(now - p->started) / APR_USEC_PER_SEC;
    return f > 0 ? (long)(spent * (1 - f) / f + 0.5) : 0;
}

static void show(jo_progress *p, apr_time_t now)
{
    double seconds = (double)(now - p->started) / APR_USEC_PER_SEC, mb = (double)p->written / 1e6;
    int filled = (int)(fraction(p) * BAR);
    char text[200], bar[BAR + 1];

    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)filled);
    bar[BAR] = '\0';
    snprintf(text, sizeof text, "%3d%% %d/%d files, %.1f MB, %.0f MB/s, %ld:%02ld left",
             (int)(fraction(p) * 100), p->files, p->nfiles, mb, seconds > 0 ? mb / seconds : 0,
             left(p, now) / 60, left(p, now) % 60);
    if (p->terminal)
        fprintf(stderr, "\r[%s] %-*s", bar, (int)p->width, text);
    else
        fprintf(stderr, "%s\n", text + strspn(text, " "));
    p->width = p->width > strlen(text) ? p->width : strlen(text);
    p->shown = now;
}

void jo_progress_step(jo_progress *p, int64_t expected, int64_t written)
{
    apr_time_t now = apr_time_now();

    p->files++;
    p->seen += expected;
    p->written += written;
    if (!p->quiet && now - p->shown >= (p->terminal ? TERMINAL_EVERY : LINE_EVERY))
        show(p, now);
}

void jo_progress_end(jo_progress *p)
{
    if (p->terminal && p->width)
        fprintf(stderr, "\r%*s\r", (int)p->width + BAR + 3, "");
    p->width = 0;
}

const char *jo_progress_bytes(apr_pool_t *pool, int64_t bytes)
{
    double b = (double)bytes;

    return bytes < 1000000 ? apr_psprintf(pool, "%.1f kB", b / 1e3)
                           : apr_psprintf(pool, "%.1f MB", b / 1e6);
}
