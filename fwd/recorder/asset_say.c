/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events about assets: what is new, what has changed. */
#include <stdio.h>
#include <string.h>

#include "fwd/recorder/asset_part.h"
#include "fwd/recorder/recorder.h"

static void put_line(struct asset_db *a, struct jsonl *j)
{
	jsonl_str(j, "source", "recorder");
	jsonl_object_end(j);
	jsonl_line(j);
	if (!j->cut)
		log_line(a->log, j->buf, j->len);
}

/* "server of modbus", "client of tcp port 4444" */
static void role_text(const struct asset_news *n, char *buf, size_t cap)
{
	const char *role = n->s->role == SIGHT_SERVER ? "server" : "client";

	if (n->proto)
		snprintf(buf, cap, "%s of %s", role, n->proto);
	else
		snprintf(buf, cap, "%s of %s port %u", role, n->s->ipproto == 6 ? "tcp" : "udp", n->s->port);
}

static void detail(const struct asset_news *n, char *buf, size_t cap)
{
	const char *name = n->p ? policy_host_name(n->p, n->s->address, -1) : NULL;
	char addr[ADDRESS_TEXT], role[96], unit[96] = "";
	int at = snprintf(buf, cap, "%s%s", n->change[0] == 'n' ? "new asset " : "asset ",
			  address_print(n->s->address, addr));

	if (name)
		at += snprintf(buf + at, cap - (size_t)at, " (%.100s)", name);
	at += snprintf(buf + at, cap - (size_t)at, " in zone %.64s: ", n->zone);
	const char *station =
		n->p && n->s->has_unit ? policy_host_name(n->p, n->s->address, n->s->unit) : NULL;
	if (n->s->has_unit)
		snprintf(unit, sizeof(unit), " of unit %u%s%.64s%s", n->s->unit, station ? " (" : "",
			 station ? station : "", station ? ")" : "");
	role_text(n, role, sizeof(role));
	if (strcmp(n->change, "identification") == 0)
		snprintf(buf + at, cap - (size_t)at, "its %s%s by %s is \"%s\" now, it was \"%s\"",
			 ident_name(n->s->ident), unit, n->proto ? n->proto : "?", n->value, n->before);
	else if (strcmp(n->change, "mac") == 0)
		snprintf(buf + at, cap - (size_t)at, "its packets come from %s now, they came from %s",
			 n->value, n->before);
	else
		snprintf(buf + at, cap - (size_t)at, "%s%s", n->change[0] == 'n' ? "" : "it is now also ",
			 role);
}

/* False: not now. */
static bool may_say(struct asset_db *a, int64_t now_us)
{
	if (!a->log)
		return false;
	if (a->second != now_us / 1000000) {
		a->second = now_us / 1000000;
		a->said = 0;
	}
	if (a->said < ASSET_EVENTS) {
		a->said++;
		return true;
	}
	a->unsaid++;
	return false;
}

void asset_say(struct asset_db *a, const struct asset_news *n)
{
	char line[4096], text[1024], addr[ADDRESS_TEXT];
	const struct sighting *s = n->s;
	struct jsonl j;

	if (!may_say(a, clock_us()))
		return;
	detail(n, text, sizeof(text));
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", s->last_us);
	jsonl_str(&j, "event", "asset");
	jsonl_str(&j, "change", n->change);
	jsonl_str(&j, "zone", n->zone);
	jsonl_str(&j, "address", address_print(s->address, addr));
	jsonl_str(&j, "name", n->p ? policy_host_name(n->p, s->address, -1) : NULL);
	if (s->ident == SIGHT_NO_IDENT) {
		jsonl_str(&j, "role", s->role == SIGHT_SERVER ? "server" : "client");
		jsonl_uint(&j, "port", s->port);
		jsonl_str(&j, "transport", s->ipproto == 6 ? "tcp" : "udp");
	} else {
		jsonl_str(&j, "kind", ident_name(s->ident));
		if (s->has_unit)
			jsonl_uint(&j, "unit", s->unit);
	}
	jsonl_str(&j, "proto", n->proto);
	if (n->value) {
		jsonl_str(&j, "value", n->value);
		jsonl_str(&j, "before", n->before);
	}
	jsonl_str(&j, "detail", text);
	jsonl_uint(&j, "count", 1);
	put_line(a, &j);
}

void asset_say_rest(struct asset_db *a, int64_t now_us)
{
	char line[512];
	struct jsonl j;

	if (a->unsaid == 0 || !a->log || a->second == now_us / 1000000)
		return;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", clock_us());
	jsonl_str(&j, "event", "asset");
	jsonl_str(&j, "change", "more");
	jsonl_str(&j, "detail", "too many at once for an event each: otfwctl assets has them");
	jsonl_uint(&j, "count", a->unsaid);
	put_line(a, &j);
	a->unsaid = 0;
}
