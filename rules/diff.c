/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two images, client by client and server by server. */
#include "rules/diff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff_line.h"
#include "rules/diff_set.h"

#define STATIONS_MAX 32 /* stations named one by one */
#define NAMES_MAX    4u /* fragments of a class that are named; the rest is counted */

/* Addresses that both policies treat alike. */
struct joint {
	uint32_t class[2];
	char *name; /* owned */
	uint8_t ip[16];
	bool single;
};

/* A session that has come by, in the classes of both policies. */
struct seen_class {
	uint32_t client[2], server[2], key;
};

struct diffing {
	const struct policy *p[2]; /* before, after */
	bool unseen;               /* only what the kernel decides under the first */
	struct records seen;       /* of it: struct seen_class */
	struct records joints, lines, tuples;
	struct records members[2]; /* joint numbers by class, as (class, joint) */
};

static char *ip_text(struct policy_ip a)
{
	uint8_t b[16];
	char out[INET6_ADDRSTRLEN] = "?";

	for (unsigned i = 0; i < 8; i++) {
		b[i] = (uint8_t)(a.hi >> (56 - 8 * i));
		b[8 + i] = (uint8_t)(a.lo >> (56 - 8 * i));
	}
	if (a.hi == 0 && a.lo >> 32 == 0xffff)
		inet_ntop(AF_INET, b + 12, out, sizeof(out));
	else
		inet_ntop(AF_INET6, b, out, sizeof(out));
	return diff_text("%s", out);
}

static void ip_octets(struct policy_ip a, uint8_t out[16])
{
	for (unsigned i = 0; i < 8; i++) {
		out[i] = (uint8_t)(a.hi >> (56 - 8 * i));
		out[8 + i] = (uint8_t)(a.lo >> (56 - 8 * i));
	}
}

static const char *host_of(const struct diffing *d, const uint8_t ip[16], int64_t unit)
{
	const char *name = policy_host_name(d->p[1], ip, unit);

	return name != NULL ? name : policy_host_name(d->p[0], ip, unit);
}

/* ---- addresses ---- */

static int ip_cmp(const void *x, const void *y)
{
	return policy_ip_cmp(*(const struct policy_ip *)x, *(const struct policy_ip *)y);
}

static int pair_cmp(const void *x, const void *y)
{
	return memcmp(x, y, 2 * sizeof(uint32_t));
}

/* Cuts the address space at the atoms of both images; what lies in the same two classes is one joint class. */
static void make_joints(struct diffing *d)
{
	struct records edges = {.size = sizeof(struct policy_ip)};
	struct intern known = {0};

	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < image_n_atoms(d->p[side]->image); i++) {
			const struct image_atom *a = &image_atoms(d->p[side]->image)[i];
			*(struct policy_ip *)records_add(&edges, 1) = (struct policy_ip){a->hi, a->lo};
		}
	struct policy_ip *e = edges.v;
	qsort(e, edges.n, sizeof(*e), ip_cmp);
	struct records parts = {.size = sizeof(uint32_t)};
	for (size_t i = 0; i < edges.n; i++) {
		if (i + 1 < edges.n && policy_ip_cmp(e[i], e[i + 1]) == 0)
			continue;
		uint8_t ip[16];
		bool fresh;
		ip_octets(e[i], ip);
		uint32_t class[2] = {policy_class(d->p[0]->image, ip), policy_class(d->p[1]->image, ip)};
		uint32_t *at = intern_at(&known, class, sizeof(class), &fresh);
		if (fresh) {
			*at = (uint32_t)d->joints.n;
			struct joint *j = records_add(&d->joints, 1);
			*j = (struct joint){.class = {class[0], class[1]}, .name = diff_text("%s", "")};
			memcpy(j->ip, ip, 16);
			*(uint32_t *)records_add(&parts, 1) = 0;
			for (unsigned side = 0; side < 2; side++) {
				uint32_t *m = records_add(&d->members[side], 2);
				m[0] = class[side];
				m[1] = *at;
			}
		}
		struct joint *j = (struct joint *)d->joints.v + *at;
		uint32_t *n = (uint32_t *)parts.v + *at;
		if (++*n > NAMES_MAX)
			continue;
		struct policy_ip last = i + 1 < edges.n ? e[i + 1] : (struct policy_ip){0, 0};
		last.hi -= last.lo == 0;
		last.lo--;
		j->single = *n == 1 && policy_ip_cmp(e[i], last) == 0;
		const char *host = policy_ip_cmp(e[i], last) == 0 ? host_of(d, ip, -1) : NULL;
		char *part = host != NULL ? diff_text("%s", host) : ip_text(e[i]);
		if (host == NULL && policy_ip_cmp(e[i], last) != 0)
			diff_append(&part, "..", ip_text(last));
		diff_append(&j->name, ", ", part);
	}
	struct joint *j = d->joints.v;
	const uint32_t *n = parts.v;
	for (size_t i = 0; i < d->joints.n; i++)
		if (n[i] > NAMES_MAX)
			diff_append(&j[i].name, " ", diff_text("and %u more", n[i] - NAMES_MAX));
	for (unsigned side = 0; side < 2; side++)
		qsort(d->members[side].v, d->members[side].n / 2, 2 * sizeof(uint32_t), pair_cmp);
	records_free(&edges);
	records_free(&parts);
	intern_free(&known);
}

/* The members of a class: first and count, in pairs. */
static const uint32_t *members_of(const struct diffing *d, unsigned side, uint32_t class, size_t *n)
{
	const uint32_t *v = d->members[side].v;
	size_t all = d->members[side].n / 2, first = 0, len = all;

	*n = 0;
	/* memcmp order is not numeric order, so equal classes stand together but must be looked for the same way. */
	while (len > 0) {
		size_t half = len / 2;
		if (memcmp(&v[2 * (first + half)], &class, sizeof(class)) < 0) {
			first += half + 1;
			len -= half + 1;
		} else {
			len = half;
		}
	}
	while (first + *n < all && v[2 * (first + *n)] == class)
		++*n;
	return v + 2 * first;
}

static void make_tuples(struct diffing *d)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct image *m = d->p[side]->image;
		for (uint32_t i = 0; i < image_n_pairs(m); i++) {
			size_t nc, ns;
			const uint32_t *c = members_of(d, side, image_pairs(m)[i].client, &nc);
			const uint32_t *s = members_of(d, side, image_pairs(m)[i].server, &ns);
			for (size_t k = 0; k < nc; k++)
				for (size_t j = 0; j < ns; j++) {
					uint32_t *t = records_add(&d->tuples, 2);
					t[0] = c[2 * k + 1];
					t[1] = s[2 * j + 1];
				}
		}
	}
	if (d->tuples.n > 0)
		qsort(d->tuples.v, d->tuples.n / 2, 2 * sizeof(uint32_t), pair_cmp);
}

/* ---- lines ---- */

static const char *conduit_name(const struct policy *p, uint32_t i)
{
	struct policy_conduit c;

	return policy_conduit_get(p, i, &c) ? c.name : "?";
}

static void put_line(struct diffing *d, enum change change, const char *conduit, const char *rule, char *what,
		     const char *client, char *server)
{
	*(struct line *)records_add(&d->lines, 1) =
		(struct line){.change = change,
			      .seen = d->unseen ? SEEN_UNKNOWN : SEEN_NONE,
			      .conduit = conduit,
			      .rule = rule,
			      .what = what,
			      .client = diff_text("%s", client),
			      .server = server};
}

static char *server_text(const struct diffing *d, const struct joint *j, const struct diff_piece *p,
			 uint32_t proto)
{
	if (p->unit_lo <= 0 && p->unit_hi >= proto_get(proto)->unit_max)
		return diff_text("%s", j->name);
	const char *station;
	if (j->single && p->unit_hi - p->unit_lo < STATIONS_MAX) {
		char *all = diff_text("%s", "");
		int64_t u = p->unit_lo;
		for (; u <= p->unit_hi && (station = host_of(d, j->ip, u)) != NULL; u++)
			diff_append(&all, "\t", diff_text("%s", station));
		if (u > p->unit_hi)
			return all;
		free(all);
	}
	if (p->unit_lo == p->unit_hi)
		return diff_text("%s unit %" PRId64, j->name, p->unit_lo);
	return diff_text("%s units %" PRId64 "..%" PRId64, j->name, p->unit_lo, p->unit_hi);
}

static char *number_text(int64_t v, bool is_float)
{
	return is_float ? diff_text("%.9g", op_double_of(v)) : diff_text("%" PRId64, v);
}

static char *piece_text(const struct diff_piece *p, const struct proto *proto, const char *functions)
{
	char *out;

	if (p->ranged) {
		const struct vocab_space *s = proto_space(proto, p->space);
		char range[PROTO_RANGE_TEXT];
		(void)proto_range_print(s, p->lo, p->hi, range, sizeof(range));
		out = diff_text("%s %s %s", access_name(p->access), s != NULL ? s->name : "address", range);
		if (*p->point != '\0')
			diff_append(&out, " ", diff_text("(%s)", p->point));
		diff_append(&out, " ", diff_text("with %s", functions));
	} else {
		out = diff_text("%s", functions);
	}
	for (size_t i = 0; i < p->nvalues; i++) {
		diff_append(&out, i == 0 ? " = " : " ", number_text(p->values[i].lo, p->is_float));
		if (p->values[i].hi != p->values[i].lo)
			diff_append(&out, "..", number_text(p->values[i].hi, p->is_float));
	}
	return out;
}

static int piece_cmp(const void *x, const void *y)
{
	const struct diff_piece *a = x, *b = y;
	int64_t u[] = {a->rule,
		       a->access,
		       a->ranged,
		       a->unit_lo,
		       a->unit_hi,
		       a->space,
		       a->ranged ? 0 : a->function},
		v[] = {b->rule,
		       b->access,
		       b->ranged,
		       b->unit_lo,
		       b->unit_hi,
		       b->space,
		       b->ranged ? 0 : b->function};

	for (size_t i = 0; i < sizeof(u) / sizeof(u[0]); i++)
		if (u[i] != v[i])
			return u[i] < v[i] ? -1 : 1;
	int c = strcmp(a->point, b->point);
	if (c != 0)
		return c;
	if (a->nvalues != b->nvalues)
		return a->nvalues < b->nvalues ? -1 : 1;
	if (a->nvalues > 0 && (c = memcmp(a->values, b->values, a->nvalues * sizeof(*a->values))) != 0)
		return c;
	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static int piece_range_cmp(const void *x, const void *y)
{
	const struct diff_piece *a = x, *b = y;
	struct diff_piece p = *a, q = *b;

	p.function = q.function = 0;
	if (!a->ranged) {
		p.function = a->function;
		q.function = b->function;
	}
	int c = piece_cmp(&p, &q);
	if (c != 0)
		return c;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return a->function < b->function ? -1 : a->function > b->function;
}

/* Pieces of one rule that touch, and functions that have the same pieces, are one line. */
static void put_pieces(struct diffing *d, struct records *pieces, unsigned side, enum change change,
		       uint32_t proto, const struct joint *client, const struct joint *server)
{
	struct diff_piece *p = pieces->v;
	size_t n = 0;

	if (pieces->n > 0)
		qsort(p, pieces->n, sizeof(*p), piece_cmp);
	for (size_t i = 0; i < pieces->n; i++) {
		struct diff_piece a = n > 0 ? p[n - 1] : p[i], b = p[i];
		a.lo = b.lo = 0;
		if (n > 0 && p[i].ranged && (uint64_t)p[n - 1].hi + 1 == p[i].lo && piece_cmp(&a, &b) == 0) {
			p[n - 1].hi = p[i].hi;
			free(p[i].values);
		} else {
			p[n++] = p[i];
		}
	}
	pieces->n = n;
	if (n > 0)
		qsort(p, n, sizeof(*p), piece_range_cmp);
	for (size_t i = 0; i < n;) {
		char *functions = diff_text("%s", p[i].name);
		size_t k = i + 1;
		for (; k < n && p[k].ranged; k++) {
			struct diff_piece a = p[i], b = p[k];
			a.function = b.function = 0;
			if (piece_range_cmp(&a, &b) != 0)
				break;
			diff_append(&functions, ", ", diff_text("%s", p[k].name));
		}
		struct policy_rule r = {0};
		struct policy_unlock u;
		policy_rule_get(d->p[side], p[i].rule, &r);
		if (policy_unlock_get(d->p[side], p[i].rule, &u) && u.max_us != 0)
			diff_append(&functions, " ", diff_text("while unlocked"));
		put_line(d, change, conduit_name(d->p[side], r.conduit), r.id,
			 piece_text(&p[i], proto_get(proto), functions), client->name,
			 server_text(d, server, &p[i], proto));
		free(functions);
		i = k;
	}
	for (size_t i = 0; i < n; i++)
		free(p[i].values);
	pieces->n = 0;
}

static const char *ipproto_name(uint32_t key)
{
	switch (key >> 16) {
	case 1: return "icmp";
	case 6: return "tcp";
	case 17: return "udp";
	case 58: return "icmpv6";
	default: return "protocol";
	}
}

static char *ports_text(uint32_t lo, uint32_t hi)
{
	char *what = diff_text("%s %u", ipproto_name(lo), lo & 0xffff);

	if (hi != lo)
		diff_append(&what, "..", diff_text("%u", hi & 0xffff));
	return what;
}

static bool was_seen(const struct diffing *d, uint32_t lo, uint32_t hi, const struct joint *client,
		     const struct joint *server)
{
	const struct seen_class *s = d->seen.v;

	for (size_t i = 0; i < d->seen.n; i++)
		if (lo <= s[i].key && s[i].key <= hi &&
		    memcmp(s[i].client, client->class, sizeof(client->class)) == 0 &&
		    memcmp(s[i].server, server->class, sizeof(server->class)) == 0)
			return true;
	return false;
}

static void put_lane(struct diffing *d, unsigned side, const struct image_entry *e, uint32_t lo, uint32_t hi,
		     enum change change, const struct joint *client, const struct joint *server)
{
	char *what = ports_text(lo, hi);

	diff_append(&what, " ",
		    diff_text("%s", e->lane == LANE_SAFETY ? "in the safety lane"
							   : "in the kernel, not inspected"));
	put_line(d, change, conduit_name(d->p[side], e->conduit), NULL, what, client->name,
		 diff_text("%s", server->name));
	struct line *l = (struct line *)d->lines.v + (d->lines.n - 1);
	l->safety = e->lane == LANE_SAFETY;
	if (d->unseen && side == 0 && !l->safety)
		l->seen = was_seen(d, lo, hi, client, server) ? SEEN_YES : SEEN_NO;
}

/* From one lane of the kernel into the other. */
static void put_move(struct diffing *d, const struct image_entry *e, const struct image_entry *to,
		     uint32_t lo, uint32_t hi, const struct joint *client, const struct joint *server)
{
	char *what = ports_text(lo, hi);

	diff_append(&what, " ",
		    diff_text("%s", to->lane == LANE_SAFETY
					    ? "goes from the kernel lane to the safety lane"
					    : "goes from the safety lane to the kernel lane"));
	put_line(d, CHANGE_SETTING, conduit_name(d->p[0], e->conduit), NULL, what, client->name,
		 diff_text("%s", server->name));
	((struct line *)d->lines.v)[d->lines.n - 1].safety = true;
}

/* Does learning or watching take it, as all that nothing else of the conduit does? */
static bool rest_at(const struct image *m, const struct image_pair *pair, uint32_t key)
{
	for (uint32_t i = 0; pair != NULL && i < pair->entries.n; i++) {
		const struct image_entry *e = &image_entries(m)[pair->entries.at + i];
		if (e->lo <= key && key <= e->hi)
			return e->lane == LANE_INSPECTED && e->set == IMAGE_NONE;
	}
	return false;
}

static const struct image_entry *entry_at(const struct image *m, const struct image_pair *pair, uint32_t key)
{
	for (uint32_t i = 0; pair != NULL && i < pair->entries.n; i++) {
		const struct image_entry *e = &image_entries(m)[pair->entries.at + i];
		/* What learning and shadow take of unknown ports, no rule allows. */
		if (e->lo <= key && key <= e->hi && (e->lane != LANE_INSPECTED || e->set != IMAGE_NONE))
			return e;
	}
	return NULL;
}

static struct diff_side side_of(const struct image *m, const struct image_entry *e, uint32_t proto)
{
	struct diff_side s = {.image = m, .proto = proto};

	if (e != NULL && e->lane == LANE_INSPECTED && image_sets(m)[e->set].proto == proto)
		s.slots = image_sets(m)[e->set].slots;
	return s;
}

static void compare_ports(struct diffing *d, const struct image_entry *const e[2], const bool rest[2],
			  uint32_t lo, uint32_t hi, const struct joint *client, const struct joint *server,
			  struct intern *seen)
{
	static const enum change changes[] = {CHANGE_DENIED, CHANGE_ALLOWED};
	struct records pieces = {.size = sizeof(struct diff_piece)};

	for (unsigned side = 0; side < 2; side++) {
		const struct image_entry *mine = e[side], *other = e[1 - side];
		if (mine == NULL)
			continue;
		bool kernel = other != NULL && other->lane != LANE_INSPECTED;
		/* What an engine of the first has before it is no news here. */
		if (d->unseen && side == 1 && (rest[0] || (other != NULL && !kernel)))
			continue;
		if (mine->lane != LANE_INSPECTED) {
			enum change change = !d->unseen || side == 1 ? changes[side]
					     : other != NULL         ? CHANGE_INSPECTED
					     : rest[1]               ? CHANGE_REPORTED
								     : CHANGE_DENIED;
			if (!kernel)
				put_lane(d, side, mine, lo, hi, change, client, server);
			else if (d->unseen && side == 0 && mine->lane != other->lane)
				put_move(d, mine, other, lo, hi, client, server);
			continue;
		}
		if (kernel || (d->unseen && side == 0))
			continue; /* all of it passes there; or an engine sees it */
		const struct image *m = d->p[side]->image;
		uint32_t proto = image_sets(m)[mine->set].proto;
		/* The same two sets on several ports say the same. */
		uint32_t key[] = {side, mine->set, other != NULL ? other->set : IMAGE_NONE};
		bool fresh;
		intern_at(seen, key, sizeof(key), &fresh);
		if (!fresh)
			continue;
		struct diff_side a = side_of(m, mine, proto);
		struct diff_side b = side_of(d->p[1 - side]->image, other, proto);
		diff_sets(&a, &b, &pieces);
		put_pieces(d, &pieces, side, changes[side], proto, client, server);
	}
	records_free(&pieces);
}

static void compare_tuple(struct diffing *d, const struct joint *client, const struct joint *server)
{
	struct records edges = {.size = sizeof(uint32_t)};
	const struct image_pair *pair[2];
	struct intern seen = {0};

	for (unsigned side = 0; side < 2; side++) {
		const struct image *m = d->p[side]->image;
		pair[side] = policy_pair(m, client->class[side], server -> class[side]);
		for (uint32_t i = 0; pair[side] != NULL && i < pair[side]->entries.n; i++) {
			const struct image_entry *e = &image_entries(m)[pair[side]->entries.at + i];
			*(uint32_t *)records_add(&edges, 1) = e->lo;
			*(uint32_t *)records_add(&edges, 1) = e->hi + 1;
		}
	}
	uint32_t *v = edges.v;
	for (size_t i = 1; i < edges.n; i++) /* a handful: insertion */
		for (size_t k = i; k > 0 && v[k - 1] > v[k]; k--) {
			uint32_t t = v[k];
			v[k] = v[k - 1];
			v[k - 1] = t;
		}
	for (size_t i = 0; i + 1 < edges.n; i++) {
		if (v[i] == v[i + 1])
			continue;
		const struct image_entry *e[2] = {entry_at(d->p[0]->image, pair[0], v[i]),
						  entry_at(d->p[1]->image, pair[1], v[i])};
		const bool rest[2] = {rest_at(d->p[0]->image, pair[0], v[i]),
				      rest_at(d->p[1]->image, pair[1], v[i])};
		compare_ports(d, e, rest, v[i], v[i + 1] - 1, client, server, &seen);
	}
	records_free(&edges);
	intern_free(&seen);
}

static int print(const struct policy *before, const struct policy *after, bool unseen,
		 const struct diff_seen *seen, size_t nseen, bool json, FILE *out, struct diff_count *count)
{
	struct diffing d = {.p = {before, after},
			    .unseen = unseen,
			    .seen = {.size = sizeof(struct seen_class)},
			    .joints = {.size = sizeof(struct joint)},
			    .lines = {.size = sizeof(struct line)},
			    .tuples = {.size = sizeof(uint32_t)},
			    .members = {{.size = sizeof(uint32_t)}, {.size = sizeof(uint32_t)}}};

	for (size_t i = 0; i < nseen; i++) {
		struct seen_class *s = records_add(&d.seen, 1);
		for (unsigned side = 0; side < 2; side++) {
			s->client[side] = policy_class(d.p[side]->image, seen[i].client);
			s->server[side] = policy_class(d.p[side]->image, seen[i].server);
		}
		s->key = (uint32_t)seen[i].ipproto << 16 | seen[i].port;
	}
	make_joints(&d);
	make_tuples(&d);
	const uint32_t *t = d.tuples.v;
	struct joint *j = d.joints.v;
	for (size_t i = 0; i < d.tuples.n / 2; i++)
		if (i == 0 || t[2 * i] != t[2 * i - 2] || t[2 * i + 1] != t[2 * i - 1])
			compare_tuple(&d, &j[t[2 * i]], &j[t[2 * i + 1]]);
	diff_settings(before, after, unseen, &d.lines);
	diff_lines_print(&d.lines, json, out, count);
	for (size_t i = 0; i < d.joints.n; i++)
		free(j[i].name);
	records_free(&d.seen);
	records_free(&d.joints);
	records_free(&d.lines);
	records_free(&d.tuples);
	records_free(&d.members[0]);
	records_free(&d.members[1]);
	return ferror(out) != 0 ? (errno = EIO, -1) : 0;
}

int diff_print(const struct policy *before, const struct policy *after, bool json, FILE *out,
	       struct diff_count *count)
{
	return print(before, after, false, NULL, 0, json, out, count);
}

int diff_print_unseen(const struct policy *before, const struct policy *after, const struct diff_seen *seen,
		      size_t nseen, bool json, FILE *out, struct diff_count *count)
{
	return print(before, after, true, seen, nseen, json, out, count);
}
