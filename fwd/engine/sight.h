/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is there, from what passes: whoever sent a PDU that was judged to pass, or, on a tuple that a conduit lists, octets that nobody reads.
 * Nothing that was refused makes anybody an asset, and nobody becomes a server by being asked: it has to answer. Identification is taken from
 * what passed in order only, answers that were asked for. As with the use of rules, what a later PDU of the same segment withholds was seen.
 */
#ifndef OTFW_FWD_ENGINE_SIGHT_H
#define OTFW_FWD_ENGINE_SIGHT_H

#include "fwd/engine/work.h"

/* After so long who speaks in a flow is noted again. */
#define SIGHT_EVERY_US 10000000

/* The PDU at hand (w->v->pdu) had this outcome. */
void sight_note(struct work *w, enum outcome o);
static inline void sight_pdu(struct work *w, enum outcome o)
{
	if (w->v->pdu.nidents || w->now->mono_us - w->f->sighted_us[w->dir] >= SIGHT_EVERY_US)
		sight_note(w, o);
}
/* A packet passes and is not read. */
void sight_packet(struct work *w);

#endif
