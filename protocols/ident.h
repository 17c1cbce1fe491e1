/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How decoders tell what a device says of itself (struct pdu_ident): at most one of each kind a PDU, the first that was told. */
#ifndef OTFW_PROTOCOLS_IDENT_H
#define OTFW_PROTOCOLS_IDENT_H

#include "protocols/proto.h"

/* Whether an answer is to be believed: it was asked for, or it comes where requests may have gone unseen. */
static inline bool ident_heard(const struct pdu_in *in, const struct asked *asked)
{
	return asked || !in->answers_known;
}

/* Without the NULs and blanks that fill up a text of fixed length. */
static inline struct view ident_trim(struct view v)
{
	while (v.len > 0 && (v.data[v.len - 1] == 0 || v.data[v.len - 1] == ' '))
		v.len--;
	return v;
}

static inline void ident_tell(struct pdu *p, struct pdu_ident i)
{
	for (uint32_t k = 0; k < p->nidents; k++)
		if (p->idents[k].kind == i.kind)
			return;
	pdu_tell(p, &i);
}

/* from: has_unit and unit, the rest is set here. Text that is empty, or that could not be read, says nothing. */
static inline void ident_text(struct pdu *p, struct pdu_ident from, enum ident_kind kind, struct view text)
{
	from.kind = (uint8_t)kind;
	from.number = 0;
	from.text = ident_trim(text);
	if (from.text.len > 0)
		ident_tell(p, from);
}

static inline void ident_number(struct pdu *p, struct pdu_ident from, enum ident_kind kind, uint32_t number)
{
	from.kind = (uint8_t)kind;
	from.number = number;
	from.text = (struct view){0};
	ident_tell(p, from);
}

#endif
