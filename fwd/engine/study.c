/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/study.h"

#include <string.h>

static void to_server(const struct report *r, struct tuple *out)
{
	*out = *r->tuple;
	if (!r->from_server)
		return;
	memcpy(out->src, r->tuple->dst, sizeof out->src);
	memcpy(out->dst, r->tuple->src, sizeof out->dst);
	out->sport = r->tuple->dport;
	out->dport = r->tuple->sport;
}

unsigned study_report(const struct report *r, void (*each)(void *ctx, struct shape *s), void *ctx)
{
	uint16_t conduit = r->route ? r->route->conduit : POLICY_NO_INDEX;
	struct tuple ends;
	struct shape s;

	if (!r->pdu) {
		if (!r->route || r->route->lane != LANE_INSPECTED || r->proto >= 0 || r->from_server ||
		    (r->reason != REASON_NO_RULE && r->reason != REASON_TRANSPORT))
			return 0;
		shape_of(&s, conduit, r->tuple, -1, NULL, r->ts_us);
		each(ctx, &s);
		return 1;
	}
	if (r->pdu->fault.reason != REASON_NONE || r->pdu->nops == 0 || r->pdu->nops > PDU_OPS_MAX ||
	    r->pdu->ops[0].dir == DIR_RESPONSE)
		return 0;
	to_server(r, &ends);
	for (uint32_t i = 0; i < r->pdu->nops; i++) {
		shape_of(&s, conduit, &ends, r->proto, &r->pdu->ops[i], r->ts_us);
		each(ctx, &s);
	}
	return r->pdu->nops;
}
