/* A range of a title's minutes: vbegin=, vend= and t=. */
#ifndef JO_CLIP_H
#define JO_CLIP_H

#include "../base/text.h"
#include "segment.h"

/* Microseconds of the presentation's time line (what players show; the pre-roll P not included). */
typedef struct jo_clip {
    int64_t begin; /* 0: from the start */
    int64_t end;   /* INT64_MAX: to the end */
} jo_clip;

static const jo_clip jo_clip_all = {0, INT64_MAX};

static inline bool jo_clip_given(const jo_clip *c)
{
    return c->begin > 0 || c->end < INT64_MAX;
}

/* The values of the parameters, NULL where absent: seconds, mm:ss or hh:mm:ss, each with a fraction of up to six digits;
 * t is "a-b", "a;b", "a-" or "-b". JO_EREQUEST: malformed, reversed or empty, t beside the others. */
apr_status_t jo_clip_parse(jo_ctx *cx, const char *vbegin, const char *vend, const char *t,
                           jo_clip *out);

/* A time in seconds, without needless digits: 90, 12.5. */
void jo_clip_write_time(int64_t us, jo_text *out);

/* "clip-<begin>-<end>/", the folder of segments that are cut as the clip is; no end: to the title's. */
void jo_clip_write_folder(const jo_clip *clip, jo_text *out);
/* If path starts with such a folder, spelled as it is written, moves it past that. */
bool jo_clip_read_folder(apr_pool_t *pool, const char **path, jo_clip *out);

#endif
