/* Rendered manifests, kept per child process by their ETag, which says all that they are made of: descriptor, media,
 * settings, tracks, order and clip. So nothing here can be out of date; what nobody asks for any more makes room. Bounded
 * in bytes; left to process exit like the titles (cache.h). */
#ifndef JO_MANIFESTS_H
#define JO_MANIFESTS_H

#include "../origin.h"

/* For one child; NULL if there is no room (0 bytes). */
const jo_manifest_store *jo_manifests_make(size_t memory);

#endif
