/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language. A key that is not here does not exist; the order of keys is that of the normal form. */
#include <string.h>

#include "rules/schema.h"

#define MS INT64_C(1000)
#define S  INT64_C(1000000)
#define H  (3600 * S)

static const char *const failure_words[] = {"closed", "open", NULL};
static const char *const lane_words[] = {"inspected", "safety", NULL};
static const char *const mode_words[] = {"enforce", "shadow", "learn", NULL};
static const char *const deny_words[] = {"reset", "drop", NULL};
static const char *const access_words[] = {"read",    "write",    "operate", "configure", "program",
					   "session", "diagnose", "opaque",  NULL};
static const char *const evidence_words[] = {"reason", "owner", "ticket", "review", NULL};
static const char *const transport_words[] = {"tcp", "udp", NULL};
static const char *const per_words[] = {"rule", "client", NULL};
static const char *const addressing_words[] = {"zero-based", "one-based", "modicon", NULL};
static const char *const order_words[] = {"big", "little", NULL};
static const char *const type_words[] = {"raw",    "bool",  "uint16",  "int16",
					 "uint32", "int32", "float32", NULL};

_Static_assert(FAILURE_CLOSED == 0 && FAILURE_OPEN == 1, "failure_words");
_Static_assert(MODE_ENFORCE == 0 && MODE_SHADOW == 1 && MODE_LEARN == 2, "mode_words");
_Static_assert(DENY_RESET == 0 && DENY_DROP == 1, "deny_words");
_Static_assert(RATE_PER_RULE == 0 && RATE_PER_CLIENT == 1, "per_words");
_Static_assert(ACCESS_READ == 0 && ACCESS_OPAQUE == 7 && ACCESS_COUNT == 8, "access_words");
_Static_assert(TYPE_RAW == 0 && TYPE_BOOL == 1 && TYPE_FLOAT32 == 6 && TYPE_COUNT == 7, "type_words");
_Static_assert(TRANSPORT_TCP == 1 && TRANSPORT_UDP == 2, "transport_words: bits");

#define ALL  .kinds = ~0u
#define MUST .kinds = ~0u, .needs = ~0u

static const struct schema_key site_keys[] = {
	{"name", S_TEXT, ALL, .doc = "What the plant is called in logs and reports."},
	{"timezone", S_TEXT, ALL, .otherwise = "UTC",
	 .doc = "Time zone of every `when`, as in /usr/share/zoneinfo: `Europe/Berlin`."},
	{"require", S_WORDS, ALL, .words = evidence_words, .otherwise = "none",
	 .doc = "Evidence that every rule must carry."},
	{0}};
const struct schema_map schema_site = {.title = "site", .doc = "The plant as a whole.", .keys = site_keys};

static const struct schema_key bridge_keys[] = {
	{"ethertypes", S_ETHERTYPES, ALL, .flags = S_ANY, .min = 0x600, .max = 0xffff, .otherwise = "none",
	 .doc = "EtherTypes beside IPv4, IPv6 and ARP that a transparent bridge lets pass, by name (`lldp`, `profinet`, "
		"`goose`, `ptp` ...) or number (`0x88cc`). Not inspected."},
	{0}};
const struct schema_map schema_bridge = {
	.title = "bridge", .doc = "What only a transparent bridge needs.", .keys = bridge_keys};

static const struct schema_key zone_keys[] = {
	{"level", S_LEVEL, ALL,
	 .doc = "Purdue level, 0 to 5; 3.5 is the industrial DMZ. A conduit that skips a level is warned of."},
	{"networks", S_NETWORKS, MUST, .doc = "The zone's addresses, IPv4 and IPv6. Zones never overlap."},
	{"failure", S_WORD, MUST, .words = failure_words,
	 .doc = "When inspection cannot be done: `closed` drops, `open` passes and counts."},
	{"deadline", S_DURATION, ALL, .min = 1 * MS, .max = 10 * S,
	 .otherwise = "100ms in a closed zone; an open zone must say it",
	 .doc = "How long a packet may wait for inspection: then it is released (open), or the engine is restarted (closed)."},
	{"safety", S_BOOL, ALL, .otherwise = "false",
	 .doc = "A zone of safety systems: an engine of its own, and every conduit says its lane and its failure mode."},
	{"engine", S_NAME, ALL,
	 .otherwise = "the common engine of its failure mode; a safety zone: one of its own",
	 .doc = "Name of the engine that inspects what goes to the zone. Zones that give the same name share it; a safety zone "
		"shares with safety zones only."},
	{0}};
const struct schema_map schema_zone = {
	.title = "zone",
	.doc = "Hosts that share a level and a failure mode.",
	.keys = zone_keys,
	.example = "tank-cell: {level: 1, networks: [10.10.2.0/24], failure: closed}"};

static const struct schema_key host_keys[] = {
	{"at", S_NAME, MUST, .doc = "The gateway: a host with an address."},
	{"unit", S_INT, ALL, .min = 0, .max = UINT32_MAX, .doc = "The station's number behind it."},
	{"units", S_SPEC, ALL,
	 .doc = "For several stations at once, `p-101..p-120: {at: gw-1, units: 1..20}`: p-101 is unit 1, p-102 unit 2, and so on."},
	{0}};
const struct schema_map schema_host = {.title = "station",
				       .doc = "A station behind a gateway. Logs say its name.",
				       .keys = host_keys,
				       .example = "p-101: {at: gw-1, unit: 4}"};

static const struct schema_key point_keys[] = {
	{"at", S_SPEC, MUST,
	 .doc = "Address, range or list of them. `zero-based` and `one-based`: the space, then the address, as logs print it: "
		"`holding 40..41`. `modicon`: the number says the space: `40041..40042`."},
	{"type", S_WORD, ALL, .words = type_words, .otherwise = "raw",
	 .doc = "How the registers are read, so that `values` bounds an engineering value: uint32, int32 and float32 take two."},
	{"values", S_SPEC, ALL, .flags = S_ANY,
	 .doc = "What may be written: numbers, ranges, or `any`. A point without values cannot be written."},
	{"word-order", S_WORD, ALL, .words = order_words, .otherwise = "that of the profile",
	 .doc = "Which register of a 32-bit value comes first: the most significant (`big`) or the least (`little`)."},
	{0}};
const struct schema_map schema_point = {.title = "point",
					.doc = "What a device keeps at an address.",
					.keys = point_keys,
					.example = "speed: {at: 40041, type: uint16, values: 0..1000}"};

static const struct schema_key profile_keys[] = {
	{"protocol", S_PROTOCOL, MUST, .doc = "The protocol the device speaks."},
	{"addressing", S_WORD, ALL, .words = addressing_words, .otherwise = "zero-based",
	 .doc = "How addresses are written in this profile: as on the wire, as from 1, or as Modicon numbers (40001)."},
	{"word-order", S_WORD, ALL, .words = order_words, .otherwise = "big",
	 .doc = "For all 32-bit points of the profile."},
	{"points", S_ENTRIES, MUST, .map = &schema_point, .each = S_POINT,
	 .doc = "Names and addresses. In short: `status: 40001..40040`."},
	{0}};
const struct schema_map schema_profile = {
	.title = "profile",
	.doc = "What a kind of device has; written once, used by many conduits.",
	.keys = profile_keys};

static const struct schema_key rate_keys[] = {
	{"max", S_RATE, MUST, .doc = "Operations in a time: `2/s`, `100/min`, `5/h`."},
	{"burst", S_INT, ALL, .min = 1, .max = 1000000, .otherwise = "1",
	 .doc = "How many may come at once."},
	{"per", S_WORD, ALL, .words = per_words, .otherwise = "rule",
	 .doc = "One account for the whole rule, or one for each client."},
	{0}};
const struct schema_map schema_rate = {.title = "rate",
				       .doc = "How often.",
				       .keys = rate_keys,
				       .example = "rate: {max: 2/s, burst: 8, per: client}"};

static const struct schema_key unlock_keys[] = {
	{"max", S_DURATION, MUST, .min = 1 * S, .max = 24 * H,
	 .doc = "The longest time it can be unlocked for at once."},
	{"approvals", S_INT, ALL, .min = 1, .max = UNLOCK_APPROVALS_MAX, .otherwise = "2",
	 .doc = "How many people it takes, who asks included: 1: nobody need approve; 2: a second person, known by another login."},
	{0}};
const struct schema_map schema_unlock = {
	.title = "unlock",
	.doc = "For maintenance: the rule is off until `otfwctl unlock CONDUIT/ID --for TIME --reason TEXT`, and whoever else must approve. At the end a "
	       "running job (a block download) finishes, and no new one begins.",
	.keys = unlock_keys,
	.example = "unlock: {max: 4h, approvals: 2}"};

static const struct schema_key when_keys[] = {
	{"days", S_DAYS, ALL, .otherwise = "every day",
	 .doc = "`mon-fri`, or a list: `[mon, wed, sat-sun]`."},
	{"between", S_BETWEEN, ALL, .otherwise = "the whole day",
	 .doc = "Hours in the site's time zone, in quotes: `\"06:00-22:00\"`. May cross midnight; the day is that of the beginning."},
	{0}};
const struct schema_map schema_when = {.title = "when",
				       .doc = "Hours. With an unsynchronised clock the rule is off.",
				       .keys = when_keys,
				       .example = "when: {days: mon-fri, between: \"06:00-22:00\"}"};

static const char *const rule_kinds[] = {"with a profile", "without a profile", "of ports only", NULL};

static unsigned rule_kind(const struct node *map, const char **why)
{
	if (node_find(map, "use"))
		return RULE_PROFILE;
	if (node_find(map, "protocol"))
		return RULE_RAW;
	if (node_find(map, "tcp") || node_find(map, "udp") || node_find(map, "icmp"))
		return RULE_L4;
	*why = "a rule says what it allows: `use` with a profile, or `protocol`, or `tcp`, `udp`, `icmp`";
	return 0;
}

#define INSPECTED  (RULE_PROFILE | RULE_RAW)
#define IN(k)      .kinds = (k)
#define MUST_IN(k) .kinds = (k), .needs = (k)

static const struct schema_key rule_keys[] = {
	{"id", S_NAME, MUST, .doc = "Unique in its conduit. Logs say `conduit/id`."},
	{"reason", S_TEXT, ALL, .doc = "Evidence: what it is for."},
	{"owner", S_TEXT, ALL, .doc = "Evidence: who answers for it."},
	{"ticket", S_TEXT, ALL, .doc = "Evidence: where it was agreed."},
	{"review", S_DATE, ALL,
	 .doc = "Evidence: day by which someone looks at it again. Later, `check` warns."},
	{"clients", S_NAMES, MUST, .flags = S_ANY,
	 .doc = "Hosts, groups, addresses or networks; `any`: every client of the conduit."},
	{"servers", S_NAMES, ALL, .flags = S_ANY,
	 .doc = "Which of the conduit's servers. Must be written when the conduit lists several or `any`; where it lists one (a host, "
		"a group), all of that is meant unless this says less. `any`: all of them."},
	{"use", S_NAME, MUST_IN(RULE_PROFILE), .doc = "A profile."},
	{"read", S_NAMES, IN(RULE_PROFILE), .doc = "Points of the profile that may be read."},
	{"write", S_NAMES, IN(RULE_PROFILE),
	 .doc = "Points of the profile that may be written, within their `values`."},
	{"operate", S_NAMES, IN(RULE_PROFILE),
	 .doc = "Points of the profile that may be operated (commands, where the protocol tells them from writing), within their `values`. "
		"Not together with `write`."},
	{"protocol", S_PROTOCOL, MUST_IN(RULE_RAW), .doc = "One of the conduit's protocols."},
	{"transport", S_WORDS, IN(INSPECTED), .words = transport_words, .otherwise = "tcp",
	 .doc = "Carried by."},
	{"ports", S_RANGES, IN(INSPECTED), .min = 1, .max = 65535, .otherwise = "the protocol's own",
	 .doc = "Server ports."},
	{"functions", S_SPEC, MUST_IN(RULE_RAW), .flags = S_ANY,
	 .doc = "By name, number (`16`) or number with sub-function (`8/1`). `any`: all but the opaque ones, which are allowed only by "
		"their own name or number."},
	{"addresses", S_CELLS, IN(RULE_RAW), .flags = S_ANY,
	 .doc = "Ranges for each space, zero-based: `{holding: [0..99], coils: any, except: [40..49]}`. Must be written when a "
		"function has addresses. `except` takes away from every space named; `{except: {holding: [40..49]}}` from one."},
	{"values", S_SPEC, IN(RULE_RAW), .flags = S_ANY,
	 .doc = "What may be written: every value of a write must be inside. Must be written when a function writes values."},
	{"tcp", S_RANGES, IN(RULE_L4), .flags = S_ANY, .min = 1, .max = 65535,
	 .doc = "Server ports, passed in the kernel."},
	{"udp", S_RANGES, IN(RULE_L4), .flags = S_ANY, .min = 1, .max = 65535,
	 .doc = "Server ports, passed in the kernel."},
	{"icmp", S_ICMP, IN(RULE_L4), .flags = S_ANY, .min = 0, .max = 255,
	 .doc = "ICMP types by name (`echo`, `unreachable`, `time-exceeded` ...) or number."},
	{"rate", S_MAP, IN(INSPECTED), .map = &schema_rate, .otherwise = "no limit", .doc = "How often."},
	{"when", S_MAP, IN(INSPECTED), .map = &schema_when, .otherwise = "always", .doc = "At which hours."},
	{"until", S_TIME, IN(INSPECTED), .otherwise = "for good",
	 .doc = "The rule ends: `2026-12-31T18:00:00+01:00`."},
	{"unlock", S_MAP, IN(INSPECTED), .map = &schema_unlock, .otherwise = "the rule is always on",
	 .doc = "The rule is off until people unlock it, and off again at the end of their time."},
	{"rare", S_BOOL, ALL, .otherwise = "false", .doc = "Used seldom on purpose: not reported as unused."},
	{0}};
const struct schema_map schema_rule = {
	.title = "rule",
	.doc = "What may pass. An operation passes only if one rule holds its whole range and every written value. Leaving a key out "
	       "never allows more; only `rate`, `when`, `until`, `unlock` and `except` restrict what would hold without them.",
	.keys = rule_keys,
	.kind_names = rule_kinds,
	.kind = rule_kind,
	.protocol_keys = true,
	.example = "{id: view, clients: [hmis], use: pump-p7, read: [status, speed]}"};

static const char *const conduit_kinds[] = {"in the inspected lane", "in the safety lane", NULL};

static unsigned conduit_kind(const struct node *map, const char **why)
{
	const struct node *lane = node_find(map, "lane");

	(void)why;
	return lane && lane->kind == NODE_SCALAR && !strcmp(lane->text, "safety") ? CONDUIT_SAFETY
										  : CONDUIT_INSPECTED;
}

static const struct schema_key conduit_keys[] = {
	{"name", S_NAME, MUST, .doc = "Unique."},
	{"from", S_NAMES, MUST, .doc = "Client zones."},
	{"to", S_NAME, MUST, .doc = "Server zone."},
	{"lane", S_WORD, ALL, .words = lane_words,
	 .otherwise = "inspected; a conduit that touches a safety zone must say it",
	 .doc = "`safety`: accepted in the kernel, never waits for user space."},
	{"clients", S_NAMES, IN(CONDUIT_INSPECTED), .flags = S_ANY,
	 .otherwise = "every address of the client zones", .doc = "Narrows the conduit to some clients."},
	{"servers", S_NAMES, MUST_IN(CONDUIT_INSPECTED), .flags = S_ANY,
	 .doc = "The scope: hosts, groups, addresses or networks of the server zone; `any`: the whole zone. Conduits are disjoint in "
		"clients and servers."},
	{"protocols", S_PROTOCOLS, IN(CONDUIT_INSPECTED), .otherwise = "none: only rules of ports",
	 .doc = "What is inspected here."},
	{"mode", S_WORD, IN(CONDUIT_INSPECTED), .words = mode_words, .otherwise = "enforce",
	 .doc = "`learn` passes everything in scope and records it, `shadow` judges and reports, `enforce` enforces."},
	{"at-most", S_WORDS, IN(CONDUIT_INSPECTED), .flags = S_ANY, .words = access_words,
	 .otherwise = "no ceiling",
	 .doc = "A ceiling, not a grant: a rule beyond it is an error, learning stops at it. `any`: all but `opaque`. Opening and "
		"keeping a session (`session`) is below every ceiling."},
	{"on-deny", S_WORD, IN(CONDUIT_INSPECTED), .words = deny_words,
	 .otherwise = "reset for TCP, drop for UDP",
	 .doc = "`reset`: both ends get a RST. `drop`: the packet is dropped in silence, and the client repeats it."},
	{"failure", S_WORD, IN(CONDUIT_INSPECTED), .words = failure_words,
	 .otherwise = "that of the `to` zone; a conduit that touches a safety zone must say it",
	 .doc = "When inspection cannot be done."},
	{"deadline", S_DURATION, IN(CONDUIT_INSPECTED), .min = 1 * MS, .max = 10 * S,
	 .otherwise = "that of the `to` zone", .doc = "How long a packet may wait for inspection."},
	{"answer-within", S_DURATION, IN(CONDUIT_INSPECTED), .min = 1 * MS, .max = H, .otherwise = "10s",
	 .doc = "A later answer is counted and reported."},
	{"single-master", S_BOOL, IN(CONDUIT_INSPECTED), .otherwise = "false",
	 .doc = "One client at a time is in control of a station: what another one asks for is denied until the first gives control back, is "
		"silent for a minute, or the protocol has a way to take over (IEC 60870-5-104: STARTDT)."},
	{"peers", S_NAMES, MUST_IN(CONDUIT_SAFETY), .doc = "Hosts on both sides; both directions pass."},
	{"multicast", S_ADDRESSES, IN(CONDUIT_SAFETY), .doc = "Groups that the peers send to."},
	{"tcp", S_RANGES, IN(CONDUIT_SAFETY), .min = 1, .max = 65535,
	 .doc = "Ports. A known engineering port does not compile."},
	{"udp", S_RANGES, IN(CONDUIT_SAFETY), .min = 1, .max = 65535,
	 .doc = "Ports. A known engineering port does not compile."},
	{"interfaces", S_TEXTS, MUST_IN(CONDUIT_SAFETY),
	 .doc = "Where the peers' packets come in: nobody speaks for them from elsewhere."},
	{"mirror", S_BOOL, IN(CONDUIT_SAFETY), .otherwise = "false",
	 .doc = "A copy goes to a process that only alerts: also about a PDU that changes something."},
	{"watchdog", S_DURATION, IN(CONDUIT_SAFETY), .min = 1 * MS, .max = H, .otherwise = "none",
	 .doc = "Alarm when a flow that ran (a pair of peers, one direction) is silent for so long."},
	{"expect", S_RATE, IN(CONDUIT_SAFETY), .otherwise = "none",
	 .doc = "Alarm when the conduit as a whole has more, never a drop."},
	{"allow", S_ITEMS, IN(CONDUIT_INSPECTED), .map = &schema_rule, .otherwise = "nothing",
	 .doc = "The rules."},
	{0}};
const struct schema_map schema_conduit = {
	.title = "conduit",
	.doc = "The path from client zones to a server zone, where the rules live.",
	.keys = conduit_keys,
	.kind_names = conduit_kinds,
	.kind = conduit_kind};

static const struct schema_key policy_keys[] = {
	{"version", S_INT, ALL, .min = 1, .max = 1,
	 .doc = "Of the language: 1. Must be written in the first file."},
	{"site", S_MAP, ALL, .map = &schema_site, .doc = "The plant as a whole. In the first file only."},
	{"include", S_TEXTS, ALL,
	 .doc = "More files, by pattern, relative to this one. They add only: a name defined twice is an error. A file is read once."},
	{"bridge", S_MAP, ALL, .map = &schema_bridge,
	 .doc = "What only a transparent bridge needs. In the first file only."},
	{"zones", S_ENTRIES, ALL, .map = &schema_zone, .each = S_MAP,
	 .doc = "Hosts that share a level and a failure mode."},
	{"hosts", S_ENTRIES, ALL, .map = &schema_host, .each = S_HOST,
	 .doc = "Names for addresses: `hmi-1: 10.1.1.2`, `hmi-2: [10.1.1.3, 10.2.1.3]`, or a station behind a gateway. "
		"A host must lie in a zone."},
	{"groups", S_ENTRIES, ALL, .each = S_NAMES, .doc = "Names for lists of hosts and groups."},
	{"profiles", S_ENTRIES, ALL, .map = &schema_profile, .each = S_MAP,
	 .doc = "What kinds of devices have."},
	{"conduits", S_ITEMS, ALL, .map = &schema_conduit,
	 .doc = "Who may speak to whom. What no conduit names is dropped."},
	{0}};
const struct schema_map schema_policy = {
	.title = "policy", .doc = "The top level of a file.", .keys = policy_keys};

struct word_number {
	const char *name;
	int64_t number;
};

static int64_t number_of(const struct word_number *w, const char *name)
{
	for (; w->name; w++)
		if (!strcmp(w->name, name))
			return w->number;
	return -1;
}

int64_t schema_ethertype(const char *name)
{
	static const struct word_number table[] = {
		{"lldp", 0x88cc},  {"profinet", 0x8892}, {"goose", 0x88b8},     {"gse", 0x88b9},
		{"sv", 0x88ba},    {"ethercat", 0x88a4}, {"ptp", 0x88f7},       {"mrp", 0x88e3},
		{"hsr", 0x892f},   {"prp", 0x88fb},      {"powerlink", 0x88ab}, {"sercos", 0x88cd},
		{"eapol", 0x888e}, {"slow", 0x8809},     {"cc-link", 0x890f},   {"dlr", 0x80e1},
		{NULL, 0}};

	return number_of(table, name);
}

int64_t schema_icmp(const char *name)
{
	static const struct word_number table[] = {{"echo", 8},           {"unreachable", 3},
						   {"time-exceeded", 11}, {"parameter-problem", 12},
						   {"timestamp", 13},     {NULL, 0}};

	return number_of(table, name);
}
