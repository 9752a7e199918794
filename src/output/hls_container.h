/* HLS in fMP4 or in MPEG-TS: which of them a request is for, and what playlists of TS say that those of fMP4 don't. */
#ifndef JO_HLS_CONTAINER_H
#define JO_HLS_CONTAINER_H

#include "packager.h"

/* Are the playlists that rs is, or names, those of TS? By settings, options and the tracks of the whole title. */
bool jo_hls_in_ts(const jo_period *period, const jo_resource *rs);

/* TS: the plan with peak and average of what playlists name, in `pool`: pictures alone, packed audio, text as it is. */
jo_plan *jo_hls_ts_plan(apr_pool_t *pool, const jo_period *period, const jo_plan *plan,
                        const jo_resource *rs);

/* The segments of a picture with a sound muxed in, in ticks of the picture: empty where both are, and where there is no
 * picture cut as the sound is. Peak and average are those of both together. */
jo_track_plan jo_hls_muxed_plan(apr_pool_t *pool, const jo_period *period, const jo_plan *plan,
                                int video, int sound);

#endif
