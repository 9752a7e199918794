/* What labels mean to manifests of any format. */
#ifndef JO_ROLE_H
#define JO_ROLE_H

#include "track.h"

/* TV-Anytime AudioPurposeCS, as DVB and DASH-IF use it: "1" for the visually impaired, "2" for the hard of hearing. */
#define JO_PURPOSE_SCHEME "urn:tva:metadata:cs:AudioPurposeCS:2007"

/* Has a track this role of the DASH role scheme: said so by its roles, its accessibility, its purpose or `forced`? */
bool jo_role_has(const jo_track *t, const char *role);

/* "1" or "2" if the roles amount to that purpose, else NULL. */
const char *jo_role_purpose(const jo_track *t);

/* Do labels say that people take the two for the same thing? */
bool jo_role_same(const jo_track *a, const jo_track *b);

#endif
