/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/ctl/explain_ends.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/ctl.h"
#include "rules/schema.h"

/* An address as people write it, into its IPv6 form. */
static bool address_read(const char *text, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ip) == 1)
		return true;
	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ip + sizeof(mapped)) == 1;
}

static int end_find(const struct policy *p, struct question_end *e, char *err, size_t errcap)
{
	struct policy_host h;
	struct near near = {.text = e->name};

	e->unit = -1;
	if (address_read(e->name, e->ip[0])) {
		e->n = 1;
		return 0;
	}
	for (unsigned i = 0; policy_host_get(p, i, &h); i++) {
		schema_nearer(&near, h.name);
		if (strcmp(h.name, e->name) != 0 || e->n == QUESTION_ENDS)
			continue;
		memcpy(e->ip[e->n++], h.ip, sizeof(h.ip));
		e->unit = h.unit;
	}
	if (e->n > 0)
		return 0;
	snprintf(err, errcap, "%s is neither an address nor a host of the policy%s%s%s", e->name,
		 near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
	return -1;
}

/* "p-101:502", "[fd00::1]:502", "10.1.2.3:502/udp": takes port and transport off, leaves the name. */
static int server_read(const char *text, size_t len, struct question *q, char *err, size_t errcap)
{
	char word[QUESTION_NAME];
	long port;

	if (len >= sizeof(word)) {
		snprintf(err, errcap, "the server's name is too long");
		return -1;
	}
	memcpy(word, text, len);
	word[len] = 0;
	char *slash = strrchr(word, '/');
	if (slash) {
		*slash = 0;
		q->ipproto = strcmp(slash + 1, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
		if (strcmp(slash + 1, "udp") != 0 && strcmp(slash + 1, "tcp") != 0) {
			snprintf(err, errcap, "/%s: /tcp or /udp is wanted behind the port", slash + 1);
			return -1;
		}
	}
	char *name = word, *colon = strrchr(word, ':');
	char *close = word[0] == '[' ? strchr(word, ']') : NULL;
	if (close) {
		name = word + 1;
		*close = 0;
		colon = close[1] == ':' ? close + 1 : NULL;
		if (close[1] && !colon) {
			snprintf(err, errcap, "%s is not understood behind [%s]", close + 1, name);
			return -1;
		}
	} else if (colon && strchr(word, ':') != colon) {
		colon = NULL; /* an IPv6 address without brackets has no port */
	}
	if (colon) {
		*colon = 0;
		if (!ctl_number(colon + 1, 1, 65535, &port)) {
			snprintf(err, errcap, "%s is no port (1..65535)", colon + 1);
			return -1;
		}
		q->port = (uint16_t)port;
	}
	snprintf(q->server.name, sizeof(q->server.name), "%s", name);
	return 0;
}

static int ends_read(const struct policy *p, const char *line, const char *arrow, struct question *q,
		     char *err, size_t errcap)
{
	const char *server = arrow + 2, *end = arrow;

	while (*line == ' ')
		line++;
	while (end > line && end[-1] == ' ')
		end--;
	snprintf(q->client.name, sizeof(q->client.name), "%.*s", (int)(end - line), line);
	server += strspn(server, " ");
	size_t len = strcspn(server, " ");
	if (end == line || len == 0) {
		snprintf(err, errcap, "CLIENT -> SERVER OPERATION is wanted: %s is missing",
			 end == line ? "the client" : "the server");
		return -1;
	}
	if (server_read(server, len, q, err, errcap) != 0 || end_find(p, &q->client, err, errcap) != 0 ||
	    end_find(p, &q->server, err, errcap) != 0)
		return -1;
	q->has_ends = true;
	return (int)(server + len - arrow);
}

int question_read(const struct policy *p, const char *line, struct question *q, char *err, size_t errcap)
{
	const char *arrow = strstr(line, "->"), *quote = strchr(line, '"');

	memset(q, 0, sizeof(*q));
	q->ipproto = IPPROTO_TCP;
	q->client.unit = q->server.unit = -1;
	if (arrow && (!quote || arrow < quote)) {
		int n = ends_read(p, line, arrow, q, err, errcap);
		if (n < 0)
			return -1;
		line = arrow + n;
	}
	if (op_parse(line, &q->text, err, errcap) != 0)
		return -1;
	struct op *op = &q->text.op;
	if (op->dir == DIR_RESPONSE) {
		snprintf(err, errcap, "a %s is allowed when its request was: ask about the request",
			 direction_name(op->dir));
		return -1;
	}
	/* What a station says unasked goes from server to client, and rules judge it like a request between the two. */
	if (op->dir == DIR_UNSOLICITED) {
		struct question_end from = q->client;
		q->client = q->server;
		q->server = from;
	}
	if (q->server.unit >= 0) {
		if (op->has & OP_UNIT && op->unit != q->server.unit) {
			snprintf(err, errcap, "%s is unit %lld, the operation is for unit %u", q->server.name,
				 (long long)q->server.unit, op->unit);
			return -1;
		}
		op->has |= OP_UNIT;
		op->unit = (uint32_t)q->server.unit;
	}
	if (q->port == 0)
		q->port = q->text.proto->ports[0];
	return 0;
}
