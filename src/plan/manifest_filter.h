/* ?aws.manifestfilter=: MediaPackage's way of choosing tracks, "name:value,value;name:low-high", so that rules written for
 * it carry over. Values of one name are alternatives, names are all required, each of its own kind of track only. */
#ifndef JO_MANIFEST_FILTER_H
#define JO_MANIFEST_FILTER_H

#include "../base/text.h"
#include "../media/track.h"

typedef struct jo_manifest_filter jo_manifest_filter;

/* text: percent-decoded. JO_EREQUEST names what is wrong: an unknown name, the same name twice, a value that the name
 * cannot have, low above high, numbers beyond their range, more than 1024 characters. */
apr_status_t jo_manifest_filter_parse(jo_ctx *cx, const char *text, const jo_manifest_filter **out);

bool jo_manifest_filter_keeps(jo_ctx *cx, const jo_manifest_filter *f, const jo_track *t);

/* The canonical form: lower case, names and values sorted, none twice. */
void jo_manifest_filter_write(const jo_manifest_filter *f, jo_text *out);

#endif
