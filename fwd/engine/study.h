/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to be learned of a report: the shapes of the operations that a client asked for, or that were said unasked. */
#ifndef OTFW_FWD_ENGINE_STUDY_H
#define OTFW_FWD_ENGINE_STUDY_H

#include "fwd/engine/verdict.h"
#include "rules/shape.h"

/*
 * Calls `each` for every operation of a message that is no answer, and once for a packet of an unknown protocol towards a server. Returns
 * how often. The shape's conduit is the route's, its generation 0.
 */
unsigned study_report(const struct report *r, void (*each)(void *ctx, struct shape *s), void *ctx);

#endif
