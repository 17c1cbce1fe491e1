/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A golden row as a decoder sees it: what went before on the session, then the PDU itself. */
#ifndef OTFW_TESTS_LAWS_PLAY_H
#define OTFW_TESTS_LAWS_PLAY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/laws/golden.h"

#define PLAY_PARTS 16u
#define PLAY_BYTES 6144u
#define PLAY_ASKED 8u

/* One PDU of a session. */
struct played {
	bool from_server;
	uint32_t n;
	uint8_t data[PLAY_BYTES];
};

/* Hex, blanks allowed, up to `|` or the end; *end behind it. */
static inline uint32_t play_unhex(const char *hex, uint8_t *out, const char **end)
{
	uint32_t n = 0;

	for (; *hex && *hex != '|'; hex++) {
		unsigned v;
		if (*hex == ' ')
			continue;
		if (n == PLAY_BYTES || sscanf(hex, "%2x", &v) != 1)
			abort();
		out[n++] = (uint8_t)v;
		hex++;
	}
	if (end)
		*end = hex;
	return n;
}

/* What went before, part by part: how many. */
static inline uint32_t play_parts(const char *request, struct played parts[PLAY_PARTS])
{
	uint32_t n = 0;

	while (request && *request) {
		if (n == PLAY_PARTS)
			abort();
		while (*request == ' ')
			request++;
		parts[n].from_server = *request == '<';
		request += *request == '<';
		parts[n].n = play_unhex(request, parts[n].data, &request);
		request += *request == '|';
		n++;
	}
	return n;
}

/* The decoder's side of a session. */
struct play {
	struct asked asked[PLAY_ASKED];
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8)));
	int64_t now_us;
	uint32_t options;
	bool picked_up; /* its beginning was not seen */
};

static inline void play_open(struct play *p)
{
	memset(p, 0, sizeof(*p));
	p->now_us = 1000000;
}

/* Decodes one PDU and keeps what a flow would keep of it. */
static inline void play_pdu(struct play *p, const struct proto *proto, const uint8_t *data, uint32_t n,
			    bool from_server, struct pdu *out)
{
	struct pdu_in in = {.data = data,
			    .len = n,
			    .from_server = from_server,
			    .answers_known = !p->picked_up,
			    .asked = p->asked,
			    .nasked = PLAY_ASKED,
			    .now_us = p->now_us,
			    .state = p->state,
			    .options = p->options};
	uint8_t before[PROTO_STATE_MAX];

	memcpy(before, p->state, sizeof(before));
	proto->decode(&in, out);
	if (out->fault.reason != REASON_NONE || out->nops == 0) {
		memcpy(p->state, before, sizeof(before));
		return;
	}
	if (out->answers >= 0 && !out->answer_more)
		p->asked[out->answers].expires_us = 0;
	for (uint32_t i = 0; out->answer_expected && i < PLAY_ASKED; i++)
		if (p->asked[i].expires_us == 0) {
			p->asked[i] = out->ask;
			p->asked[i].expires_us = (uint64_t)p->now_us + 10000000;
			break;
		}
}

/* What went before, then the row itself: decoded into out, its octets in parts[0]. */
static inline void play_golden(struct play *p, const struct proto *proto, const char *request,
			       const char *hex, bool from_server, struct played parts[PLAY_PARTS],
			       struct pdu *out)
{
	uint32_t n = play_parts(request, parts);

	for (uint32_t i = 0; i < n; i++)
		play_pdu(p, proto, parts[i].data, parts[i].n, parts[i].from_server, out);
	parts[0].from_server = from_server;
	parts[0].n = play_unhex(hex, parts[0].data, NULL);
	play_pdu(p, proto, parts[0].data, parts[0].n, from_server, out);
}

#endif
