/* URLs below a descriptor, as patterns. One small language serves every packager's routes:
 *
 *   $B  base name of the descriptor         $N  segment number, decimal, no leading zero
 *   $T  one known track token               $I  time (as $N, may be 0)
 *   $*  anything without '/'                other characters stand for themselves
 *   $Q  bit rate of a track, then any number of ",key=value" (MS-SSTR 2.2.3: custom attributes), which say nothing new
 *   $A  token of another track, which comes with it
 *   $S  name of a track, which has the bit rate of the $Q before it: together they are its token
 *
 * Names are matched against the descriptor's known tokens, longest first, never split at '-' or '='. */
#ifndef JO_URL_H
#define JO_URL_H

#include "../base/jo.h"

/* What a pattern picked out of a path. */
typedef struct jo_url_match {
    int track;      /* index into tokens, -1 none */
    int sound;      /* of a $A: likewise */
    int64_t number; /* -1 none */
} jo_url_match;

/* True if `path` (virtual path below the descriptor, no leading '/', already percent-decoded) matches.
 * tokens NULL: not known, whatever may be one matches.
 * "$*.m3u8" and "$*.mpd" do not match a name that starts with "<base>-" and holds '=' (a token that is
 * not known is 404, not a multivariant playlist). */
bool jo_url_match_path(const char *pattern, const char *path, const char *base,
                       const char *const *tokens, int ntokens, jo_url_match *m);

/* The parts of a query that we know, by the tokenizer that cache keys will share: a parameter ends at an
 * '&' outside quotes and parentheses that is followed by name= (not name==) or a known flag. */
typedef struct jo_query_param {
    const char *name;  /* percent-decoded */
    const char *value; /* percent-decoded ('+' is literal); NULL for a bare flag */
    bool broken;       /* there is a value that can't be decoded, or holds an encoded NUL */
} jo_query_param;

/* JO_EREQUEST for more than 32 parameters. Those whose names can't be decoded are left out: they are nobody's. args may be
 * NULL. */
apr_status_t jo_query_parse(jo_ctx *cx, const char *args, jo_query_param **params, int *nparams);

/* The virtual path after the descriptor in a decoded URL or file-system path:
 *   "/vod/kite.ism/hls/x.m4s" → descriptor length 13, base "kite", vpath "hls/x.m4s".
 * Splits at the LAST segment ending in .ism or .isml (case-sensitive); only if there is none and `direct`, at the
 * last ending in .mp4, or where the path ends in /X.mp4/X.mp4 at the first of these two. False if there is none. *vpath is
 * NULL when nothing follows the descriptor's name. */
typedef struct jo_url_split {
    size_t descriptor_len; /* length of the part up to and including the descriptor's name */
    const char *base;      /* its name without extension, in pool */
    const char *vpath;     /* after the next '/', or NULL */
    bool direct;           /* split at a media file */
} jo_url_split;

bool jo_url_split_path(apr_pool_t *pool, const char *path, bool direct, jo_url_split *out);

#endif
