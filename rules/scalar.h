/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the language: text of a scalar to a number. Each returns NULL, or what is wrong and what is expected
 * (in the arena), ready for a diagnostic. One way to write each thing; nothing is guessed.
 */
#ifndef OTFW_RULES_SCALAR_H
#define OTFW_RULES_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/arena.h"
#include "rules/model.h"

#define SCALAR_NAME_MAX 63
#define SCALAR_TEXT_MAX 256

/* Decimal, "-" allowed where min is negative, leading zeros refused; 0x... where hex is set. */
const char *scalar_int(struct arena *a, const char *s, int64_t min, int64_t max, bool hex, int64_t *out);
/* N or A..B, both ends inclusive. */
const char *scalar_range(struct arena *a, const char *s, int64_t min, int64_t max, bool hex,
			 struct interval *out);
/* The same for addresses in two parts: `10/0..10/9`; `10` alone is all of its minors. */
const char *scalar_parts(struct arena *a, const char *s, int64_t min, int64_t max, int64_t minors,
			 struct interval *out);
/* The same for floating point numbers; the ends as op_order_double(). */
const char *scalar_float_range(struct arena *a, const char *s, struct interval *out);
/* 5ms, 10s, 2min, 8h, 1d, 250us: microseconds. */
const char *scalar_duration(struct arena *a, const char *s, int64_t min_us, int64_t max_us, int64_t *out);
/* 2/s, 100/min, 5/h. */
const char *scalar_rate(struct arena *a, const char *s, struct model_rate *out);
/* 2026-12-31T18:00:00+01:00: unix time in microseconds. A day alone: 2026-12-31, midnight UTC. */
const char *scalar_time(struct arena *a, const char *s, int64_t *out);
const char *scalar_date(struct arena *a, const char *s, int64_t *out);
/* 06:00-22:00: minutes of the day, the first << 16 | the second. */
const char *scalar_between(struct arena *a, const char *s, int64_t *out);
/* mon, mon-fri, sat-mon: bits, Monday 0. */
const char *scalar_days(struct arena *a, const char *s, int64_t *out);
/* 10.1.2.3, fd00::1 and, where net is set, 10.1.2.0/24: host bits must be zero. */
const char *scalar_net(struct arena *a, const char *s, bool net, struct model_net *out);
/* Does a member of a list look like an address or network, so that it is no name? */
bool scalar_is_net(const char *s);
/* Purdue level: 0 to 5, one decimal allowed: times ten. */
const char *scalar_level(struct arena *a, const char *s, int64_t *out);
/* Letters, digits, "-", "_" and "."; begins with a letter or digit; "any" is taken. */
const char *scalar_name(struct arena *a, const char *s);

#endif
