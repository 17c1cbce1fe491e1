/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of everything that a decoder tells of a device: fuzz targets of protocols call it for each PDU they decode. */
#ifndef OTFW_TESTS_FUZZ_IDENT_H
#define OTFW_TESTS_FUZZ_IDENT_H

#include <stdio.h>
#include <stdlib.h>

#include "protocols/proto.h"

static inline bool ident_inside(const uint8_t *base, size_t len, struct view v)
{
	return v.data >= base && v.data <= base + len && v.len <= (size_t)(base + len - v.data);
}

static inline bool ident_good(const struct pdu_in *in, const struct pdu *pdu, uint32_t i)
{
	const struct pdu_ident *id = &pdu->idents[i];

	for (uint32_t k = 0; k < i; k++)
		if (pdu->idents[k].kind == id->kind)
			return false;
	if (id->kind >= IDENT_COUNT || !ident_name(id->kind) || (id->has_unit && id->unit > 65535))
		return false;
	if (!id->text.data)
		return id->text.len == 0;
	if (id->text.len == 0 || id->text.data[id->text.len - 1] == 0 ||
	    id->text.data[id->text.len - 1] == ' ')
		return false;
	return ident_inside(in->data, in->len, id->text) ||
	       ident_inside(pdu->scratch, sizeof pdu->scratch, id->text);
}

/* Aborts unless all of them hold. */
static inline void check_idents(const struct pdu_in *in, const struct pdu *pdu)
{
	bool silent = pdu->fault.reason != REASON_NONE || !in->from_server;
	bool good = silent ? pdu->nidents == 0 : pdu->nidents <= PDU_IDENTS;

	for (uint32_t i = 0; good && i < pdu->nidents; i++)
		good = ident_good(in, pdu, i);
	if (!good) {
		fprintf(stderr, "%s: what a device says of itself is not sound\n", __FILE__);
		abort();
	}
}

#endif
