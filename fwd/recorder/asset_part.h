/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What asset.c (the database), asset_say.c (events) and asset_print.c (answers) share. */
#ifndef OTFW_FWD_RECORDER_ASSET_PART_H
#define OTFW_FWD_RECORDER_ASSET_PART_H

#include "fwd/recorder/asset.h"
#include "rules/policy.h"

#define ASSET_NO_UNIT (-1) /* of an identification in the database */

/* What an event is about. */
struct asset_news {
	const char *change; /* "new", "role", "identification", "mac" */
	const char *zone;
	const struct sighting *s;
	const struct policy *p;     /* for names; NULL: none */
	const char *proto;          /* NULL: not read */
	const char *value, *before; /* of an identification, of a MAC; NULL: none */
};
/* Writes it down, or counts it where there were too many in this second. */
void asset_say(struct asset_db *a, const struct asset_news *n);
/* Says how many were counted, once that second is over. */
void asset_say_rest(struct asset_db *a, int64_t now_us);

void asset_mac_print(const uint8_t mac[6], char buf[18]);

#endif
