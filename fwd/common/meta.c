/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"

#define META_HEAD   "otfw policy 1\n"
#define COMMIT_HEAD "otfw commit 1\n"

const char *meta_state_name(unsigned state)
{
	static const char *const names[META_STATES] = {
		[META_STORED] = "stored",           [META_TRIAL] = "trial",
		[META_CONFIRMED] = "confirmed",     [META_REFUSED] = "refused",
		[META_TIMED_OUT] = "not-confirmed", [META_GUARDED] = "guard",
		[META_REBOOTED] = "rebooted",       [META_ROLLED_BACK] = "rolled-back",
	};
	return state < META_STATES ? names[state] : NULL;
}

/* Adds the checksum of what is there. */
static size_t seal(char *buf, size_t cap, int n)
{
	if (n < 0 || (size_t)n >= cap)
		return 0;
	int m = snprintf(buf + n, cap - (size_t)n, "sum %016" PRIx64 "\n", islands_sum(0, buf, (size_t)n));
	return m < 0 || (size_t)m >= cap - (size_t)n ? 0 : (size_t)(n + m);
}

#define SEAL_LEN (sizeof("sum 0123456789abcdef\n") - 1)

/* Is text one line after the other, ended by its checksum? Copies it into buf, terminated, without that line. */
static bool unseal(const char *head, const char *text, size_t len, char *buf, size_t cap)
{
	char sum[SEAL_LEN + 1];

	if (len < SEAL_LEN + strlen(head) || len >= cap || memchr(text, '\0', len))
		return false;
	len -= SEAL_LEN;
	snprintf(sum, sizeof(sum), "sum %016" PRIx64 "\n", islands_sum(0, text, len));
	if (memcmp(text + len, sum, SEAL_LEN) != 0 || memcmp(text, head, strlen(head)) != 0)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return true;
}

/* The line "key value" at *p, and *p behind it. */
static bool line(char **p, const char *key, char **value)
{
	size_t n = strlen(key);
	char *end = strchr(*p, '\n');

	if (!end || strncmp(*p, key, n) != 0 || (*p)[n] != ' ')
		return false;
	*end = '\0';
	*value = *p + n + 1;
	*p = end + 1;
	return true;
}

static bool number(char **p, const char *key, int64_t lo, int64_t hi, int64_t *out)
{
	char *value, *end;

	if (!line(p, key, &value) || !((*value >= '0' && *value <= '9') || *value == '-'))
		return false;
	*out = strtoll(value, &end, 10);
	return *end == '\0' && *out >= lo && *out <= hi;
}

static bool string(char **p, const char *key, char *to, size_t cap)
{
	char *value;

	if (!line(p, key, &value) || strlen(value) >= cap)
		return false;
	memset(to, 0, cap);
	memcpy(to, value, strlen(value));
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool digest(char **p, uint8_t out[POLICY_DIGEST])
{
	char *value;

	if (!line(p, "digest", &value) || strlen(value) != (size_t)2 * POLICY_DIGEST)
		return false;
	for (size_t i = 0; i < POLICY_DIGEST; i++) {
		int hi = nibble(value[2 * i]), lo = nibble(value[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

size_t meta_print(const struct policy_meta *m, char *buf, size_t cap)
{
	char hex[2 * POLICY_DIGEST + 1];

	digest_print(m->digest, hex);
	return seal(buf, cap,
		    snprintf(buf, cap,
			     META_HEAD "number %" PRIu32 "\nbefore %" PRIu32 "\ndigest %s\nuid %" PRIu32
				       "\nlogin %" PRIu32 "\nat %" PRId64 "\nsource %" PRIu64
				       "\nfile %d\nstate %d\nreason %s\nticket %s\nname %s\n",
			     m->number, m->before, hex, m->uid, m->login, m->at_us, m->source_sum, m->file,
			     (int)m->state, m->reason, m->ticket, m->name));
}

int meta_parse(struct policy_meta *m, const char *text, size_t len)
{
	char buf[META_TEXT_MAX], *p = buf + strlen(META_HEAD), *value, *end;
	int64_t n[7];

	*m = (struct policy_meta){0};
	if (!unseal(META_HEAD, text, len, buf, sizeof(buf)) || !number(&p, "number", 0, META_NUMBER, &n[0]) ||
	    !number(&p, "before", 0, META_NUMBER, &n[1]) || !digest(&p, m->digest) ||
	    !number(&p, "uid", 0, UINT32_MAX, &n[2]) || !number(&p, "login", 0, UINT32_MAX, &n[3]) ||
	    !number(&p, "at", 0, INT64_MAX, &n[4]) || !line(&p, "source", &value) || *value < '0' ||
	    *value > '9')
		return -1;
	m->source_sum = strtoull(value, &end, 10);
	if (*end || !number(&p, "file", 0, 1, &n[5]) || !number(&p, "state", 0, META_STATES - 1, &n[6]) ||
	    !string(&p, "reason", m->reason, sizeof(m->reason)) ||
	    !string(&p, "ticket", m->ticket, sizeof(m->ticket)) ||
	    !string(&p, "name", m->name, sizeof(m->name)) || *p)
		return -1;
	m->number = (uint32_t)n[0];
	m->before = (uint32_t)n[1];
	m->uid = (uint32_t)n[2];
	m->login = (uint32_t)n[3];
	m->at_us = n[4];
	m->file = n[5] == 1;
	m->state = (enum meta_state)n[6];
	return 0;
}

size_t commit_state_print(const struct commit_state *s, char *buf, size_t cap)
{
	return seal(buf, cap,
		    snprintf(buf, cap,
			     COMMIT_HEAD "confirmed %" PRIu32 "\nby-file %d\ntrial %" PRIu32
					 "\nguarded %d\nguard %" PRIu32 "\ndeadline %" PRId64 "\nboot %s\n",
			     s->confirmed, s->by_file, s->trial, s->guarded, s->guard, s->deadline_boot_us,
			     s->boot));
}

int commit_state_parse(struct commit_state *s, const char *text, size_t len)
{
	char buf[COMMIT_TEXT_MAX], *p = buf + strlen(COMMIT_HEAD);
	int64_t n[6];

	*s = (struct commit_state){0};
	if (!unseal(COMMIT_HEAD, text, len, buf, sizeof(buf)) ||
	    !number(&p, "confirmed", 0, META_NUMBER, &n[0]) || !number(&p, "by-file", 0, 1, &n[1]) ||
	    !number(&p, "trial", 0, META_NUMBER, &n[2]) || !number(&p, "guarded", 0, 1, &n[3]) ||
	    !number(&p, "guard", 0, UINT32_MAX, &n[4]) || !number(&p, "deadline", 0, INT64_MAX, &n[5]) ||
	    !string(&p, "boot", s->boot, sizeof(s->boot)) || *p) {
		*s = (struct commit_state){0};
		return -1;
	}
	s->confirmed = (uint32_t)n[0];
	s->by_file = n[1] == 1;
	s->trial = (uint32_t)n[2];
	s->guarded = n[3] == 1;
	s->guard = (uint32_t)n[4];
	s->deadline_boot_us = n[5];
	return 0;
}
