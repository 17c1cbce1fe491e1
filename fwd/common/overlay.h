/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is lent on top of the policy: rules that people have unlocked, operations that they have permitted, each with its end. The list
 * that the guardian keeps in force and on disk, that the compiler applies (rules/overlay.h) and that the recorder shows. No system call, no
 * heap: time comes in as an argument.
 */
#ifndef OTFW_FWD_COMMON_OVERLAY_H
#define OTFW_FWD_COMMON_OVERLAY_H

#include "fwd/common/island.h"
#include "fwd/common/meta.h"

#define OVERLAY_MAX       64
#define OVERLAY_NAME      160
#define OVERLAY_OPERATION 1024
#define OVERLAY_TEXT_MAX  (128u << 10)

#define LEND_MIN_US  (1 * INT64_C(1000000))
#define LEND_MAX_US  (24 * INT64_C(3600000000))
#define LEND_WAIT_US (1 * INT64_C(3600000000)) /* how long an unlock waits for its approvals */

struct overlay_entry {
	bool permit;             /* else unlock */
	char name[OVERLAY_NAME]; /* "conduit/id"; of a permit: the id of the denial */
	uint32_t uid;
	/* Who agreed, by login: who asked comes first. It is in force when as many as are needed have. */
	unsigned needs, people;
	uint32_t login[UNLOCK_APPROVALS_MAX];
	int64_t for_us;
	int64_t since_us, until_us,
		until_boot_us; /* as of an override; until of one that waits: when it is given up */
	char boot[ISLAND_BOOT];
	char reason[ISLAND_REASON], ticket[META_TICKET]; /* ticket may be empty */
	char operation[OVERLAY_OPERATION];               /* of a permit */
	unsigned warned;                                 /* not kept */
};
struct overlay {
	unsigned n;
	struct overlay_entry list[OVERLAY_MAX];
};

static inline bool overlay_in_force(const struct overlay_entry *e)
{
	return e->people >= e->needs;
}
/* The entry, or NULL. */
struct overlay_entry *overlay_find(struct overlay *o, bool permit, const char *name);
void overlay_remove(struct overlay *o, const struct overlay_entry *e);
/* Is it at its end? As island_over() of an override. */
bool overlay_over(const struct overlay_entry *e, const struct island_now *now);
/* Takes one that is not over into this boot. */
void overlay_carry(struct overlay_entry *e, const struct island_now *now);
/*
 * How many warnings of its end are due: 10 minutes and 1 minute before it; of a short one, when a third and a fifteenth of its time
 * is left. *next_us: how long until the next (INT64_MAX: there is none).
 */
unsigned overlay_warnings(const struct overlay_entry *e, int64_t boot_us, int64_t *next_us);

bool overlay_name_good(bool permit, const char *name);
/* One line of printable text, 1 to cap - 1 octets. */
bool overlay_line_good(const char *text, size_t cap);

/* As text with a checksum at its end. Octets, or 0 when cap is too small (OVERLAY_TEXT_MAX never is). */
size_t overlay_print(const struct overlay *o, char *buf, size_t cap);
/* Takes exactly what overlay_print() makes. 0 or -1, and then *o is empty. */
int overlay_parse(struct overlay *o, const char *text, size_t len);

/* What the recorder passes on, beside MSG_LEND. Texts are terminated and filled up with zeros. */
enum lend_act { LEND_UNLOCK, LEND_UNLOCK_END, LEND_APPROVE, LEND_PERMIT, LEND_PERMIT_END };
struct lend_request {
	uint32_t act;
	uint32_t uid, login; /* who asks, by the peer credentials of the control socket */
	uint32_t reserved;
	int64_t for_us;
	char name[OVERLAY_NAME], reason[ISLAND_REASON], ticket[META_TICKET], operation[OVERLAY_OPERATION];
};

#endif
