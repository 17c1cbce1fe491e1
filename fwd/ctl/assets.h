/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTFW_FWD_CTL_ASSETS_H
#define OTFW_FWD_CTL_ASSETS_H

#include "fwd/ctl/ask.h"

/* The inventory of the running firewall ("assets" of as many answers as it takes, by zone and address), or NULL after having said why. zone NULL: all. */
json_t *ask_assets(const struct command *cmd, const struct ask *a, const char *zone, int64_t since_us);
/* The same from captures; policy NULL: by the protocols' ports. n files. *status: what the command returns where it is NULL. */
struct scan;
json_t *scan_assets(const struct command *cmd, struct scan *s, const char *policy, char **files, int n,
		    const char *zone, int64_t since_us, int *status);
/* By zone, then by address. */
void assets_sort(json_t *answer);
/* "server of modbus, client of tcp port 4444"; a station behind the other "modbus unit 1: vendor Acme, version 1.0", with `between`. Malloc'ed. */
char *assets_roles_text(const json_t *asset);
char *assets_ident_text(const json_t *asset, const char *between);

#endif
