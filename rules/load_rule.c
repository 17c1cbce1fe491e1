/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules: what they name becomes functions, cells and bounds. Leaving a key out never allows more. */
#include <stdlib.h>
#include <string.h>

#include "rules/load_rule.h"
#include "rules/scalar.h"
#include "rules/sets.h"

static struct pos where(const struct making *m, const char *key)
{
	const struct node *n = node_find(m->n, key);

	return n ? n->key->pos : m->r->pos;
}

/* Names are looked through one by one for an operation that carries one. */
#define RULE_NAMES_MAX 256u

/* ---- who ---- */

static void rule_ends(struct making *m)
{
	struct load *l = m->l;
	struct node *clients = load_get(m->n, "clients"), *servers = load_get(m->n, "servers"),
		    *scope = node_find(m->conduit, "servers");
	struct model_nets nets = {0};
	bool several = scope && !scope->bad && (scope->set.any || (scope->kind == NODE_LIST && scope->n > 1));

	for (size_t i = 0; i < m->c->clients.n; i++)
		for (size_t j = 0; j < m->c->clients.v[i].addrs.n; j++)
			nets_add(l->arena, &nets, &m->c->clients.v[i].addrs.v[j]);
	nets_normalise(&nets);
	if (clients && clients->set.any)
		m->r->clients = m->c->clients;
	else if (clients && load_members(l, clients, &m->r->clients) && nets.n)
		load_narrow(l, clients, &m->r->clients, &nets, "the clients of the conduit");
	m->r->servers = m->c->servers;
	if (several && !node_find(m->n, "servers"))
		diag_error(
			l->diag, m->r->pos,
			"a rule needs \"servers\" here, because the conduit has %s; `any` stands for all of them",
			scope->set.any ? "`any`" : "several");
	else if (servers && !servers->set.any) {
		m->r->servers = (struct model_ends){0};
		if (!load_members(l, servers, &m->r->servers) || !m->c->servers.n)
			return;
		nets = (struct model_nets){0};
		for (size_t i = 0; i < m->c->servers.n; i++)
			for (size_t j = 0; j < m->c->servers.v[i].addrs.n; j++)
				nets_add(l->arena, &nets, &m->c->servers.v[i].addrs.v[j]);
		nets_normalise(&nets);
		load_narrow(l, servers, &m->r->servers, &nets, "the servers of the conduit");
		for (size_t i = 0; i < m->r->servers.n; i++) {
			const struct model_end *e = &m->r->servers.v[i];

			if (!ends_within(&(struct model_ends){(struct model_end *)e, 1}, &m->c->servers))
				diag_error(l->diag, servers->pos,
					   "\"%s\" is not one of the servers of the conduit",
					   e->host ? e->host->name : net_text(l->arena, &e->addrs.v[0]));
		}
	}
}

/* ---- what the protocol's vocabulary adds ---- */

static bool in_scope(const struct making *m, uint32_t unit)
{
	for (size_t i = 0; i < m->r->servers.n; i++)
		if (!m->r->servers.v[i].has_unit || m->r->servers.v[i].unit == unit)
			return true;
	return !m->r->servers.n;
}

/* Units that none of the rule's servers is would never match: a slip of the pen. */
static void check_units(struct making *m, struct node *units)
{
	for (size_t i = 0; i < m->r->units.n; i++) {
		const struct interval *v = &m->r->units.v[i];
		bool any = false;

		for (size_t j = 0; j < m->r->servers.n && !any; j++) {
			const struct model_end *e = &m->r->servers.v[j];

			any = !e->has_unit || (v->lo <= e->unit && e->unit <= v->hi);
		}
		if (!any && !in_scope(m, (uint32_t)v->lo))
			diag_error(m->l->diag, units->pos,
				   v->lo == v->hi ? "no server of this rule is station %lld"
						  : "no server of this rule is one of stations %lld..%lld",
				   (long long)v->lo, (long long)v->hi);
	}
}

static void rule_units(struct making *m, bool profile)
{
	const char *key = m->p->unit_key;
	struct node *n = key ? node_find(m->n, key) : NULL;
	bool plain = false;

	for (size_t i = 0; i < m->r->servers.n; i++) {
		const struct model_end *e = &m->r->servers.v[i];

		plain = plain || !e->has_unit;
		if (e->has_unit && (!key || e->unit > m->p->unit_max))
			diag_error(m->l->diag, m->r->pos, "server \"%s\" is station %u, and %s has %s",
				   e->host->name, e->unit, m->p->name,
				   key ? arena_print(m->l->arena, "stations 0..%u", m->p->unit_max)
				       : "no stations");
	}
	m->r->units.any = true;
	if (!key)
		return;
	if (!n) {
		if (plain || !profile)
			diag_error(m->l->diag, m->r->pos,
				   "a rule for %s needs \"%s\"%s; `any` must be written", m->p->name, key,
				   profile ? ", because a server here is no single station" : "");
		return;
	}
	if (profile && !plain && m->r->servers.n) {
		diag_error(m->l->diag, n->key->pos,
			   "\"%s\" has no meaning here: every server of this rule is a station", key);
		return;
	}
	if (n->bad)
		return;
	m->r->units = n->set;
	if (m->r->units.n && m->r->units.v[m->r->units.n - 1].hi > m->p->unit_max)
		diag_error(m->l->diag, n->pos, "%s are numbers 0..%u", key, m->p->unit_max);
	else
		check_units(m, n);
}

static void rule_origins(struct making *m)
{
	const char *key = m->p->origin_key;
	struct node *n = key ? node_find(m->n, key) : NULL;

	m->r->origins.any = true;
	if (!key)
		return;
	if (!n)
		diag_error(m->l->diag, m->r->pos, "a rule for %s needs \"%s\"; `any` must be written",
			   m->p->name, key);
	else if (!n->bad) {
		m->r->origins = n->set;
		if (m->r->origins.n && m->r->origins.v[m->r->origins.n - 1].hi > m->p->origin_max)
			diag_error(m->l->diag, n->pos, "%s are numbers 0..%u", key, m->p->origin_max);
	}
}

static bool arg_value(struct making *m, const struct vocab_arg *arg, struct node *n, struct intervals *out)
{
	struct near near = {.text = n->text};
	struct interval r;
	const char *why;

	for (const struct vocab_name *v = arg->names; v && v->name; v++) {
		if (!strcmp(v->name, n->text)) {
			set_add(m->l->arena, out, v->value, v->value);
			return true;
		}
		schema_nearer(&near, v->name);
	}
	why = scalar_range(m->l->arena, n->text, -INT64_C(100000000000000000), INT64_C(100000000000000000),
			   false, &r);
	if (why) {
		diag_error(m->l->diag, n->pos, "%s%s", why, schema_hint(m->l->arena, near.best));
		return false;
	}
	set_add(m->l->arena, out, r.lo, r.hi);
	return true;
}

static void rule_args(struct making *m)
{
	for (unsigned i = 0; m->p->args && m->p->args[i].key; i++) {
		const struct vocab_arg *arg = &m->p->args[i];
		struct node *n = node_find(m->n, arg->key);
		struct intervals set = {0};

		if (!n && m->flags & FN_ARG(i))
			diag_error(
				m->l->diag, m->r->pos,
				"a rule with a function that carries this qualifier needs \"%s\" (%s); `any` must be "
				"written",
				arg->key, arg->doc);
		if (n && !(m->flags & FN_ARG(i)))
			diag_error(m->l->diag, n->key->pos,
				   "\"%s\" has no meaning here: no function of this rule carries it",
				   arg->key);
		if (!n || n->bad || n->set.any)
			continue;
		for (struct node *v = n->kind == NODE_LIST ? n->first : n; v; v = v->next) {
			arg_value(m, arg, v, &set);
			if (n->kind != NODE_LIST)
				break;
		}
		set_normalise(&set);
		m->r->args = arena_more(m->l->arena, m->r->args, m->r->nargs, sizeof(*m->r->args));
		m->r->args[m->r->nargs++] = (struct model_arg){(uint16_t)i, set};
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void rule_names(struct making *m)
{
	const char *key = m->p->name_key;
	struct node *n = key ? node_find(m->n, key) : NULL;

	if (!key)
		return;
	if (!n && m->flags & FN_KEY)
		diag_error(m->l->diag, m->r->pos,
			   "a rule with a function that may carry a name needs \"%s\"; `any` must be written",
			   key);
	if (n && !(m->flags & FN_KEY))
		diag_error(m->l->diag, n->key->pos,
			   "\"%s\" has no meaning here: no function of this rule carries a name", key);
	if (!n || n->bad)
		return;
	m->r->names_any = n->set.any;
	for (struct node *v = n->set.any ? NULL : n->kind == NODE_LIST ? n->first : n; v; v = v->next) {
		const char *star = strchr(v->text, '*');

		if (star && (star[1] || star == v->text))
			diag_error(m->l->diag, v->pos,
				   "`*` stands at the end of a name's beginning, as in \"Motor*\"");
		m->r->names = arena_more(m->l->arena, m->r->names, m->r->nnames, sizeof(*m->r->names));
		m->r->names[m->r->nnames++] = v->text;
		if (n->kind != NODE_LIST)
			break;
	}
	if (m->r->nnames > RULE_NAMES_MAX)
		diag_error(m->l->diag, n->pos, "more than %u names in one rule", RULE_NAMES_MAX);
	if (m->r->nnames)
		qsort(m->r->names, m->r->nnames, sizeof(*m->r->names), by_name);
}

/* Keys of other protocols, and this one's leniencies. */
static void rule_options(struct making *m)
{
	for (struct node *n = m->n->first; n; n = n->next) {
		unsigned index = 0;

		if (node_find(m->n, n->key->text) != n || !n->schema)
			continue;
		for (const struct schema_key *k = schema_rule.keys;; k++) {
			if (!k->key) {
				enum protocol_key what = schema_protocol_key(m->p, n->key->text, &index);

				if (what == PROTOCOL_KEY_NONE)
					diag_error(m->l->diag, n->key->pos, "\"%s\" has no meaning for %s",
						   n->key->text, m->p->name);
				else if (what == PROTOCOL_KEY_OPTION && n->num)
					m->r->options |= m->p->options[index].bit;
				break;
			}
			if (!strcmp(k->key, n->key->text))
				break;
		}
	}
}

/* ---- limits ---- */

static void rule_limits(struct making *m)
{
	struct node *rate = load_get(m->n, "rate"), *when = load_get(m->n, "when"), *max,
		    *unlock = load_get(m->n, "unlock");
	struct model_rule *r = m->r;

	r->until_us = load_num(m->n, "until", INT64_MAX);
	r->rare = load_num(m->n, "rare", 0);
	if (unlock && load_get(unlock, "max")) {
		r->unlock_max_us = (uint64_t)load_num(unlock, "max", 0);
		r->unlock_approvals = (unsigned)load_num(unlock, "approvals", 2);
	}
	if (rate && (max = load_get(rate, "max"))) {
		r->rate = max->rate;
		r->rate.burst = (uint32_t)load_num(rate, "burst", 1);
		r->rate.per = (enum rate_per)load_num(rate, "per", RATE_PER_RULE);
	}
	if (when && when->kind == NODE_MAP) {
		int64_t between = load_num(when, "between", 1440);

		if (!node_find(when, "days") && !node_find(when, "between"))
			diag_error(m->l->diag, when->pos, "`when` needs \"days\" or \"between\"");
		r->when.days = (uint8_t)load_num(when, "days", 0x7f);
		r->when.from_min = (uint16_t)(between >> 16);
		r->when.to_min = (uint16_t)(between & 0xffff);
	}
}

static void rule_evidence(struct making *m)
{
	static const char *const keys[] = {"reason", "owner", "ticket", "review"};
	const char **out[] = {&m->r->reason, &m->r->owner, &m->r->ticket, &m->r->review};

	for (unsigned i = 0; i < 4; i++) {
		const struct node *n = load_get(m->n, keys[i]);

		if (n)
			*out[i] = n->text;
		else if (m->l->require & 1u << i && !node_find(m->n, keys[i]))
			diag_error(m->l->diag, m->r->pos, "a rule needs \"%s\": the site requires it",
				   keys[i]);
	}
}

static void rule_ceiling(struct making *m)
{
	/* A session is opened and kept for what rules allow in it: that is below every ceiling. */
	uint32_t beyond = m->all_access & ~m->c->at_most & ~(1u << ACCESS_SESSION);

	for (unsigned i = 0; i < ACCESS_COUNT; i++)
		if (beyond & 1u << i) {
			diag_error(m->l->diag,
				   where(m, i == ACCESS_WRITE && m->r->access ? "write" : "functions"),
				   "rule \"%s/%s\" goes beyond the conduit's `at-most`, which lacks \"%s\"",
				   m->c->name, m->r->id, access_name(i));
			return;
		}
}

/* ---- kinds of rules ---- */

static void rule_raw(struct making *m)
{
	struct node *protocol = load_get(m->n, "protocol"), *values;

	if (!protocol)
		return;
	m->r->proto = (int)protocol->num;
	m->p = proto_get((unsigned)protocol->num);
	if (!load_rule_functions(m))
		return;
	m->r->access = m->all_access;
	values = load_get(m->n, "values");
	if (m->flags & FN_RANGE && !node_find(m->n, "addresses"))
		diag_error(
			m->l->diag, m->r->pos,
			"a rule with a function that has addresses needs \"addresses\"; `any` must be written");
	if (!(m->flags & FN_RANGE) && node_find(m->n, "addresses"))
		diag_error(m->l->diag, where(m, "addresses"),
			   "\"addresses\" has no meaning here: no function of this rule has any");
	if (m->flags & FN_VALUES && !node_find(m->n, "values"))
		diag_error(m->l->diag, m->r->pos,
			   "a rule with a function that writes needs \"values\"; `any` must be written");
	if (!(m->flags & FN_VALUES) && node_find(m->n, "values"))
		diag_error(m->l->diag, where(m, "values"),
			   "\"values\" has no meaning here: no function of this rule writes any");
	if (values && load_values(m->l, values, TYPE_RAW, 0, &m->r->values)) {
		m->r->values_bounded = !values->set.any;
		m->r->values.any = values->set.any;
	}
	load_rule_cells(m);
}

static void rule_transport(struct making *m)
{
	struct node *ports = load_get(m->n, "ports"), *transport = node_find(m->n, "transport");

	m->r->transports = (uint8_t)load_num(m->n, "transport", TRANSPORT_TCP);
	if (!transport && !(m->p->transports & TRANSPORT_TCP))
		m->r->transports = m->p->transports;
	if (m->r->transports & ~m->p->transports)
		diag_error(m->l->diag, where(m, "transport"), "%s runs over %s only", m->p->title,
			   m->p->transports == TRANSPORT_TCP ? "tcp" : "udp");
	if (ports) {
		m->r->ports = ports->set;
		return;
	}
	for (size_t i = 0; i < PROTO_PORTS_MAX && m->p->ports[i]; i++)
		set_add(m->l->arena, &m->r->ports, m->p->ports[i], m->p->ports[i]);
	set_normalise(&m->r->ports);
}

/* Does a port rule take what the conduit inspects, or reach a safety system past every inspection? */
static void check_l4_ports(struct making *m, struct node *n, const struct intervals *set, bool udp)
{
	const char *name = udp ? "udp" : "tcp", *what;
	int64_t port;

	for (unsigned i = 0; proto_get(i); i++) {
		const struct proto *p = proto_get(i);

		if (!(m->c->protocols & 1u << i) || !(p->transports & (udp ? TRANSPORT_UDP : TRANSPORT_TCP)))
			continue;
		for (size_t j = 0; j < PROTO_PORTS_MAX && p->ports[j]; j++)
			if (set_holds(set, p->ports[j], p->ports[j]))
				diag_error(
					m->l->diag, n->pos,
					"%s port %u is inspected as %s in this conduit: a rule of ports would pass it "
					"uninspected",
					name, p->ports[j], p->name);
	}
	if (m->l->model->zones[m->c->to].safety && (what = load_engineering_port(set, udp, &port)))
		diag_error(
			m->l->diag, n->pos,
			"%s port %lld (%s) is an engineering port: it cannot reach a safety zone uninspected",
			name, (long long)port, what);
}

static void rule_l4(struct making *m)
{
	struct node *tcp = load_get(m->n, "tcp"), *udp = load_get(m->n, "udp"),
		    *icmp = load_get(m->n, "icmp");

	m->r->lane = LANE_KERNEL;
	m->r->proto = -1;
	if (tcp) {
		m->r->tcp = tcp->set;
		check_l4_ports(m, tcp, &tcp->set, false);
	}
	if (udp) {
		m->r->udp = udp->set;
		check_l4_ports(m, udp, &udp->set, true);
	}
	if (icmp)
		m->r->icmp = icmp->set;
	for (size_t i = 0; i < m->r->servers.n; i++)
		if (m->r->servers.v[i].has_unit) {
			diag_error(
				m->l->diag, m->r->pos,
				"server \"%s\" is a station behind a gateway: a rule of ports cannot tell stations "
				"apart; name the gateway in a conduit of its own",
				m->r->servers.v[i].host->name);
			break;
		}
}

void load_rule(struct load *l, struct model_conduit *c, struct node *conduit, struct node *n,
	       struct model_rule *r)
{
	struct making m = {.l = l, .c = c, .conduit = conduit, .n = n, .r = r};
	struct node *id = load_get(n, "id");
	const char *why;
	unsigned kind = schema_rule.kind(n, &why);

	r->pos = id ? id->pos : n->pos;
	r->id = id ? id->text : "?";
	r->lane = LANE_INSPECTED;
	r->proto = -1;
	r->until_us = INT64_MAX;
	rule_evidence(&m);
	rule_ends(&m);
	rule_limits(&m);
	if (kind == RULE_L4) {
		rule_l4(&m);
		return;
	}
	if (kind == RULE_PROFILE)
		load_rule_profile(&m);
	else if (kind == RULE_RAW)
		rule_raw(&m);
	if (!m.p)
		return;
	if (!(c->protocols & 1u << r->proto) &&
	    !(node_find(conduit, "protocols") && node_find(conduit, "protocols")->bad))
		diag_error(l->diag, where(&m, kind == RULE_PROFILE ? "use" : "protocol"),
			   "%s is not one of the conduit's protocols", m.p->name);
	rule_units(&m, kind == RULE_PROFILE);
	rule_origins(&m);
	rule_args(&m);
	rule_names(&m);
	rule_options(&m);
	rule_transport(&m);
	rule_ceiling(&m);
}
