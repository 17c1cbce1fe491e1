/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who was seen, on its way from an engine to the recorder: an address that spoke as client or server of a protocol, and what a device said of
 * itself (struct pdu_ident). A table of fixed size in shared memory where equal sightings are one, and a ring through which they are
 * told: at once when they are new, then every ASSET_EVERY_US while they go on. Written by the engine alone.
 */
#ifndef OTFW_FWD_COMMON_ASSET_H
#define OTFW_FWD_COMMON_ASSET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSET_WAYS           4u
#define ASSET_SETS           512u     /* a power of two */
#define ASSET_RING           2048u    /* a power of two */
#define ASSET_TURN           64u      /* entries looked at in one tick, */
#define ASSET_EVERY_US       10000000 /* and how long one that goes on waits before it is told again */
#define ASSET_FRESH_A_SECOND 256u /* new ones taken, of ends and of what they say each: the rest is counted */

#define SIGHT_TEXT     64u
#define SIGHT_NO_IDENT 0xffu

enum sight_role { SIGHT_CLIENT, SIGHT_SERVER, SIGHT_ROLES };

struct sighting {
	/* What makes two of them the same. */
	uint8_t address[16]; /* of who sent it */
	uint32_t generation; /* of the policy */
	uint32_t unit;       /* of the identification, where has_unit */
	uint32_t number;     /* the identification, where text_len is 0 */
	int16_t proto;       /* enum proto_id; -1: the decoder found none of it */
	uint16_t port;       /* the server's, whichever end it is */
	uint8_t ipproto;
	uint8_t role;  /* enum sight_role */
	uint8_t ident; /* enum ident_kind, or SIGHT_NO_IDENT */
	uint8_t has_unit;
	uint8_t text_len;
	uint8_t zero[3];
	uint8_t text[SIGHT_TEXT]; /* any octets */
	/* What else is known. */
	uint8_t mac[6]; /* the packet's source on the link it came by */
	uint8_t has_mac;
	uint8_t pad;
	int64_t first_us, last_us; /* wall clock */
};
#define SIGHT_IDENTITY offsetof(struct sighting, mac)

struct asset_entry {
	uint64_t hash; /* 0: free */
	int64_t told_us;
	uint64_t more; /* times it was seen since it was told */
	struct sighting s;
};
struct asset_slot {
	_Atomic uint64_t seq;
	struct sighting s;
};
struct assets {
	_Atomic uint64_t head;   /* sightings ever put into the ring */
	_Atomic uint64_t spared; /* new ones that came too many at once */
	uint32_t sweep_at;
	uint32_t fresh[2]; /* in this second: ends, identifications */
	uint32_t pad;
	int64_t second;
	struct asset_entry entries[ASSET_SETS * ASSET_WAYS];
	struct asset_slot ring[ASSET_RING];
};

/* Somebody spoke. Constant work, never waits. False: it was new, and one too many in this second. */
bool asset_note(struct assets *a, const struct sighting *s);
/* Tells some of what goes on and is due. */
void asset_tick(struct assets *a, int64_t now_us);
/* For the reader: as slots_get(). The other process is not trusted: numbers in out can be anything. */
int asset_get(struct assets *a, uint64_t *tail, struct sighting *out, uint64_t *lost);

#endif
