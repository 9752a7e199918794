/* Descriptors made from media files. */
#ifndef JO_DESCRIPTOR_H
#define JO_DESCRIPTOR_H

#include "../input/load.h"

/* Asks the loader for every track of the files, video first. */
const jo_ism *jo_descriptor_ask(apr_pool_t *pool, int nfiles, const char *const *files);
/* What the loader found, as a descriptor at the absolute `path` that says all of it. */
const jo_ism *jo_descriptor_make(apr_pool_t *pool, const char *path, const jo_presentation *p);

#endif
