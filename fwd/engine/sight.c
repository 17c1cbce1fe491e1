/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/sight.h"

#include <string.h>

#define UNREAD_AGAIN_US 1000000 /* what is not read may be read soon */

static void set_mac(const struct work *w, struct sighting *s)
{
	static const uint8_t none[6];
	const uint8_t *mac = w->v->mac;

	/* A segment that waited is judged in the middle of another packet. */
	if (!mac || w->v->mac_id != w->id || memcmp(mac, none, sizeof none) == 0)
		return;
	memcpy(s->mac, mac, sizeof s->mac);
	s->has_mac = 1;
}

static void begin(const struct work *w, int proto, struct sighting *s)
{
	const struct tuple *t = &w->p->tuple;

	memset(s, 0, sizeof *s);
	memcpy(s->address, t->src, sizeof s->address);
	s->generation = w->v->generation;
	s->proto = (int16_t)proto;
	s->port = w->dir ? t->sport : t->dport;
	s->ipproto = t->ipproto;
	s->role = w->dir ? SIGHT_SERVER : SIGHT_CLIENT;
	s->ident = SIGHT_NO_IDENT;
	s->first_us = s->last_us = w->now->wall_us;
}

/* What is longer is cut: two values that differ only behind it are one. */
static void identify(const struct pdu_ident *i, struct sighting *s)
{
	s->ident = i->kind;
	s->has_unit = i->has_unit;
	s->unit = i->has_unit ? i->unit : 0;
	s->number = i->text.data ? 0 : i->number;
	s->text_len = (uint8_t)(!i->text.data ? 0 : i->text.len < SIGHT_TEXT ? i->text.len : SIGHT_TEXT);
	memset(s->text, 0, sizeof s->text);
	if (s->text_len)
		memcpy(s->text, i->text.data, s->text_len);
}

void sight_note(struct work *w, enum outcome o)
{
	struct verdict *v = w->v;
	bool read = v->pdu.fault.reason == REASON_NONE && v->pdu.nops > 0;
	int64_t *at = &w->f->sighted_us[w->dir];
	struct sighting s;

	if (o == OUT_DENY)
		return;
	begin(w, read ? w->route->proto : -1, &s);
	set_mac(w, &s);
	if (w->now->mono_us - *at >= SIGHT_EVERY_US) {
		asset_note(v->assets, &s);
		*at = read ? w->now->mono_us : w->now->mono_us - SIGHT_EVERY_US + UNREAD_AGAIN_US;
	}
	for (unsigned i = 0; read && o == OUT_PASS && i < v->pdu.nidents && i < PDU_IDENTS; i++) {
		const struct pdu_ident *d = &v->pdu.idents[i];

		if (d->text.data && d->text.len == 0)
			continue;
		identify(d, &s);
		asset_note(v->assets, &s);
	}
}

void sight_packet(struct work *w)
{
	uint8_t ipproto = w->p->tuple.ipproto;
	struct sighting s;

	/* Without octets behind its headers it shows a port that may be closed. */
	if (!w->v->policy || !w->route || w->route->conduit == POLICY_NO_INDEX || w->p->payload_len == 0 ||
	    (ipproto != IPPROTO_TCP_NR && ipproto != IPPROTO_UDP_NR))
		return;
	if (w->f) {
		int64_t *at = &w->f->sighted_us[w->dir];

		if (w->now->mono_us - *at < SIGHT_EVERY_US)
			return;
		*at = w->now->mono_us - SIGHT_EVERY_US + UNREAD_AGAIN_US;
	}
	begin(w, -1, &s);
	set_mac(w, &s);
	asset_note(w->v->assets, &s);
}
