/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which zones are isolated and which are overridden: the list that the guardian keeps in force and on disk, and that the
 * recorder shows. No system call, no heap: time comes in as an argument.
 */
#ifndef OTFW_FWD_COMMON_ISLAND_H
#define OTFW_FWD_COMMON_ISLAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/policy.h"

#define ISLAND_MAX      256 /* entries */
#define ISLAND_ZONE     64
#define ISLAND_REASON   96
#define ISLAND_NETS     32 /* of the zone when it was isolated, should a policy lose its name */
#define ISLAND_BOOT     40
#define ISLAND_NOBODY   UINT32_MAX /* otfw itself */
#define ISLAND_TEXT_MAX (768u << 10)

#define OVERRIDE_MIN_US (1 * INT64_C(1000000))
#define OVERRIDE_MAX_US (8 * INT64_C(3600000000))

struct island {
	char zone[ISLAND_ZONE];
	bool override; /* else isolated */
	bool safety;   /* isolated: the safety lanes as well */
	uint32_t uid;
	int64_t since_us; /* wall clock */
	/* Override: its end on the wall clock, and on the clock that counts from boot, which nobody can set. */
	int64_t until_us, until_boot_us;
	char boot[ISLAND_BOOT]; /* which boot that was */
	char reason[ISLAND_REASON];
	unsigned nnets;
	struct policy_net nets[ISLAND_NETS];
};
struct islands {
	unsigned n;
	struct island list[ISLAND_MAX];
};
struct island_now {
	int64_t wall_us, boot_us;
	bool clock_good; /* the wall clock is synchronised */
	char boot[ISLAND_BOOT];
};

/* The entry, or NULL. */
struct island *islands_find(struct islands *s, const char *zone, bool override);
/*
 * A zone's entry, made if there is none. An isolation that is there already keeps its cut of the safety lanes; an override that is there
 * already gets the new end. NULL: the list is full.
 */
struct island *islands_put(struct islands *s, const struct island *new);
void islands_remove(struct islands *s, const struct island *is);
/*
 * Is this override at its end? In the boot that it was given in, by the clock that counts from boot. In a later one by the wall clock, and
 * when that is doubtful (not synchronised, or before the override began) it has ended.
 */
bool island_over(const struct island *is, const struct island_now *now);
/* Takes an override that is not over into this boot. */
void island_carry(struct island *is, const struct island_now *now);

/* A zone's name as a policy has it; a reason: 1 to 95 octets without control characters that do not begin or end in a blank. */
bool island_zone_good(const char *zone);
bool island_reason_good(const char *reason);

/* As text, with a checksum at its end. Octets written, or 0 when cap is too small (ISLAND_TEXT_MAX never is). */
size_t islands_print(const struct islands *s, char *buf, size_t cap);
/* FNV-1a, going on from sum (0: from its start): against damage, not against somebody who may write. */
uint64_t islands_sum(uint64_t sum, const void *bytes, size_t len);
/* Takes exactly what islands_print() makes and nothing else. 0 or -1, and then *s is empty. */
int islands_parse(struct islands *s, const char *text, size_t len);

#endif
