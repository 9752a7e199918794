/* What the two kinds of HLS playlists share. */
#ifndef JO_HLS_H
#define JO_HLS_H

#include "../base/text.h"
#include "../media/codec.h"
#include "packager.h"

#define JO_HLS_TYPE "application/vnd.apple.mpegurl"

/* How init segments are written: parameter sets in the sample entry, unless the settings keep the source's. */
jo_entry_style jo_hls_entry_style(const jo_resource *rs);

/* Text that goes out as WebVTT files, not as fragments. */
bool jo_hls_is_webvtt(const jo_track *t);

/* "<base>-<token>" */
void jo_hls_add_name(jo_text *out, const jo_resource *rs, const jo_track *t);
/* The URL of a track's media playlist, with what it takes of the query; sound: muxed with it, or NULL. */
void jo_hls_add_playlist(jo_text *out, const jo_resource *rs, const jo_track *t,
                         const jo_track *sound);
/* EXT-X-MAP of a track's init segment, as of one of its sample entries; up: to where the playlists of tracks lie. */
void jo_hls_add_map(jo_text *out, const jo_resource *rs, const jo_track *t, int variant,
                    const char *up);
void jo_hls_add_head(jo_text *out, int version);
/* Of a clip that begins after its first segment does: EXT-X-START (RFC 8216bis 4.4.2.2). */
void jo_hls_add_start(jo_text *out, const jo_period *period, const jo_plan *plan);

/* hls_multivariant.c */
apr_status_t jo_hls_render_multivariant(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                        const jo_resource *rs, jo_body *body);

#endif
