/* Language tags: ISO 639-2 codes of files, BCP 47 tags of manifests, English names for people. */
#ifndef JO_LANG_H
#define JO_LANG_H

#include "../base/jo.h"

/* Shortest BCP 47 form: "eng" → "en", "ger" and "deu" → "de", "zho-Hans" → "zh-Hans"; others unchanged but for the
 * case of the primary subtag; "und", "mis" or anything that is no tag → "". */
const char *jo_lang_short(apr_pool_t *pool, const char *tag);
/* Form used in track names: a bare two-letter code becomes its three-letter one; "" if und. */
const char *jo_lang_long(apr_pool_t *pool, const char *tag);
/* Three-letter ISO 639-2/T code of a tag's primary language, as mdhd has it; "und" where there is none. */
const char *jo_lang_three(const char *tag);
/* English name of a tag's primary language, or NULL. */
const char *jo_lang_name(const char *tag);

#endif
