/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Openings in the kernel: a table of their own, in nft's language with either backend, because no reload touches it and iptables has no sets
 * that look into a datagram. What it knows gets PLAN_MARK_OPENED ahead of connection tracking; the forward chain accepts that mark
 * behind isolation. What nobody renews is forgotten after PLAN_OPENING_S.
 */
#ifndef OTFW_RULES_PLAN_OPENING_H
#define OTFW_RULES_PLAN_OPENING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PLAN_OPENING_S   60
#define PLAN_OPENINGS    1024
#define PLAN_OPENING_LEN 8 /* of a UDP header: what the kernel's length has more than the payload */

/* Datagrams of lo to hi octets between two addresses, to one port, with an id at octet 6. Addresses in IPv6 form. */
struct plan_opening {
	uint8_t from[16], to[16];
	uint32_t id;
	uint16_t port, lo, hi;
};

/*
 * Makes the table where it is not there; what is in its sets stays. fresh: but for those of several lengths, which cannot be made beside one of
 * the same id that nobody knows of.
 */
void plan_opening_table(bool bridge, bool fresh, FILE *out);
/* Adds one (there already: renews it), or takes it away (not there: no error). */
void plan_opening_put(bool bridge, const struct plan_opening *o, bool close, FILE *out);
/* Takes the table away, there or not. */
void plan_opening_remove(bool bridge, FILE *out);

#endif
