/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules/model.h"
#include "rules/plan.h"

static const char yaml[] =
	"version: 1\n"
	"bridge: {ethertypes: [0x88b5]}\n"
	"zones:\n"
	"  control: {level: 3, networks: [10.1.0.0/24, \"fd00:1::/64\"], failure: closed}\n"
	"  cell: {level: 2, networks: [10.2.0.0/24, \"fd00:2::/64\"], failure: closed}\n"
	"  line: {level: 2, networks: [10.3.0.0/24], failure: open, deadline: 5ms}\n"
	"  sis: {level: 1, networks: [10.9.0.0/28], failure: closed, safety: true}\n"
	"  sis-io: {level: 1, networks: [10.9.0.16/28], failure: closed, safety: true}\n"
	"hosts:\n"
	"  hmi: 10.1.0.2\n"
	"  plc: [10.2.0.2, \"fd00:2::2\"]\n"
	"  hist: 10.2.0.3\n"
	"  packer: 10.3.0.2\n"
	"  sis-a: 10.9.0.2\n"
	"  sis-b: 10.9.0.18\n"
	"conduits:\n"
	"  - name: hmi-plc\n"
	"    from: [control]\n"
	"    to: cell\n"
	"    servers: [plc]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read]\n"
	"    allow:\n"
	"      - id: view\n"
	"        clients: any\n"
	"        protocol: modbus\n"
	"        ports: [502, 1502..1510]\n"
	"        units: [1]\n"
	"        functions: [read-holding-registers]\n"
	"        addresses: {holding: [0..99]}\n"
	"  - name: historian\n"
	"    from: [control]\n"
	"    to: cell\n"
	"    servers: [hist]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read]\n"
	"    allow:\n"
	"      - {id: web, clients: [hmi], tcp: [443]}\n"
	"      - {id: time, clients: [hmi], udp: [123]}\n"
	"      - {id: ping, clients: [hmi], icmp: [echo]}\n"
	"  - name: line\n"
	"    from: [control]\n"
	"    to: line\n"
	"    servers: [packer]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read]\n"
	"    allow:\n"
	"      - id: view\n"
	"        clients: any\n"
	"        protocol: modbus\n"
	"        units: [1]\n"
	"        functions: [read-holding-registers]\n"
	"        addresses: {holding: [0..99]}\n"
	"  - name: sis-peer\n"
	"    from: sis\n"
	"    to: sis-io\n"
	"    lane: safety\n"
	"    peers: [sis-a, sis-b]\n"
	"    udp: [30010]\n"
	"    interfaces: [eth1, eth2]\n";

static struct policy policy;
static uint8_t *image;

static int setup(void **state)
{
	char path[] = "/tmp/otfw-plan-XXXXXX", err[200] = "";
	struct diag *d = diag_new();
	int fd = mkstemp(path);
	struct model *m;
	size_t size;

	(void)state;
	if (fd < 0 || write(fd, yaml, sizeof(yaml) - 1) != (ssize_t)sizeof(yaml) - 1)
		return -1;
	close(fd);
	m = model_load(path, 0, d);
	unlink(path);
	if (!m || compile_image(m, d, &image, &size) < 0) {
		diag_print(d, stderr, false);
		return -1;
	}
	model_free(m);
	diag_free(d);
	if (policy_open(&policy, image, size, err, sizeof(err)) < 0) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(image);
	return 0;
}

static char *print(enum plan_backend backend, int family, enum plan_part part)
{
	struct plan_options o = {.backend = backend, .family = family, .queue_base = 20};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(plan_print(&policy, &o, part, f), 0);
	fclose(f);
	return text;
}

/* ---- lines that must stand, and lines that must not ---- */

struct row {
	const char *name;
	enum plan_backend backend;
	int family;
	enum plan_part part;
	const char *has, *lacks;
};

static const struct row rows[] = {
	{"base_drops_until_filled", PLAN_IPTABLES, 4, PLAN_BASE,
	 "-A otfw-forward -m comment --comment \"otfw closed\" -j DROP\n-I FORWARD 1 -j otfw-forward\n",
	 NULL},
	{"base_makes_chains_it_would_not_empty", PLAN_IPTABLES, 4, PLAN_BASE, "-N otfw-forward\n", ":otfw-"},
	{"base_counts_what_nobody_saw", PLAN_IPTABLES, 6, PLAN_BASE,
	 "-m mark --mark 0x6/0xff -m comment --comment \"otfw ledger unseen\" -j RETURN\n", NULL},
	{"base_marks_the_connection_of_a_reset", PLAN_IPTABLES, 4, PLAN_BASE,
	 "-m mark --mark 0x77/0xff -m comment --comment \"otfw ledger reset\" -j CONNMARK --set-xmark 0x77/0xff\n",
	 NULL},
	{"fill_touches_no_base_chain", PLAN_IPTABLES, 4, PLAN_FILL, ":otfw-forward - [0:0]\n", " FORWARD"},
	{"fill_leaves_host_traffic_alone", PLAN_IPTABLES, 4, PLAN_FILL, "*filter\n", "INPUT"},
	{"fill_leaves_the_ledger_counting", PLAN_IPTABLES, 4, PLAN_FILL, "*raw\n", "*mangle"},
	{"v4_text_has_no_v6_address", PLAN_IPTABLES, 4, PLAN_FILL, "-d 10.2.0.2 ", "fd00:"},
	{"v6_text_has_no_v4_address", PLAN_IPTABLES, 6, PLAN_FILL, "-d fd00:2::2 ", "10.2.0."},
	{"ports_of_one_rule_share_a_line", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -p tcp -m multiport --dports 502,1502:1510 ", NULL},
	{"answers_come_from_those_ports", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -p tcp -m multiport --sports 502,1502:1510 ", NULL},
	{"closed_queue_has_no_bypass", PLAN_IPTABLES, 4, PLAN_FILL, "-j NFQUEUE --queue-num 20\n",
	 "--queue-num 20 --queue-bypass"},
	{"open_queue_has_bypass", PLAN_IPTABLES, 4, PLAN_FILL, "-j NFQUEUE --queue-num 21 --queue-bypass\n",
	 NULL},
	{"mark_is_set_before_the_queue", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-queue_20 -j MARK --set-xmark 0x6/0xff\n"
	 "-A otfw-queue_20 -m comment --comment \"otfw queue common\" -j NFQUEUE --queue-num 20\n",
	 NULL},
	{"kernel_lane_never_queues", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-s 10.1.0.2 -p tcp --dport 443 -m comment --comment \"otfw kernel historian/web\" -g otfw-kernel\n",
	 NULL},
	{"kernel_lane_udp", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-s 10.1.0.2 -p udp --dport 123 -m comment --comment \"otfw kernel historian/time\" -g otfw-kernel\n",
	 NULL},
	{"ping_is_answered_by_type_0", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-d 10.1.0.2 -p icmp -m icmp --icmp-type 0 -m comment --comment \"otfw kernel historian/ping\" -g otfw-kernel\n",
	 NULL},
	{"icmp_errors_only_when_related", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-p icmp -m icmp --icmp-type 3 -m conntrack --ctstate RELATED ", "--icmp-type 5"},
	{"safety_is_untracked_by_interface", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-prerouting -i eth1 -s 10.9.0.2 -d 10.9.0.18 -p udp --dport 30010 -m comment --comment \"otfw untracked sis-peer\" -j CT --notrack\n",
	 NULL},
	{"safety_crosses_between_its_interfaces", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety -i eth1 -o eth2 -s 10.9.0.2 -d 10.9.0.18 -p udp --dport 30010 ", "-i eth1 -o eth1"},
	{"safety_answers_too", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety -i eth2 -o eth1 -s 10.9.0.18 -d 10.9.0.2 -p udp --sport 30010 ", NULL},
	{"safety_comes_first", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-forward -j otfw-safety\n-A otfw-forward -p tcp --syn -m connmark --mark 0x77/0xff ", NULL},
	{"only_segments_behind_a_syn_are_reset", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-p tcp ! --syn -m connmark --mark 0x77/0xff -m comment --comment \"otfw reset\" -j REJECT --reject-with tcp-reset\n",
	 NULL},
	{"a_session_opens_in_one_direction", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-forward -m conntrack --ctdir ORIGINAL -j otfw-to_servers\n"
	 "-A otfw-forward -p tcp ! --syn -j otfw-from_servers\n"
	 "-A otfw-forward ! -p tcp -m conntrack --ctdir REPLY -j otfw-from_servers\n",
	 NULL},
	{"everything_else_is_dropped", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-unlisted -m comment --comment \"otfw no-zone\" -j DROP\nCOMMIT\n", NULL},
	{"drops_are_counted_by_zone", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-unlisted -d 10.3.0.0/24 -m comment --comment \"otfw unlisted-to line\" -j DROP\n", NULL},
	{"nft_base_is_closed", PLAN_NFT, 0, PLAN_BASE, "type filter hook forward priority 0; policy drop;",
	 NULL},
	{"nft_fill_makes_no_base_chain", PLAN_NFT, 0, PLAN_FILL, "flush chain inet otfw forward\n", "hook"},
	{"nft_fill_deletes_nothing", PLAN_NFT, 0, PLAN_FILL, "add chain inet otfw queue_20\n", "delete"},
	{"nft_open_queue_has_bypass", PLAN_NFT, 0, PLAN_FILL, "queue num 21 bypass", "queue num 20 bypass"},
	{"nft_has_both_families", PLAN_NFT, 0, PLAN_FILL, "ip6 daddr fd00:2::2 jump to_", NULL},
	{"nft_ports", PLAN_NFT, 0, PLAN_FILL,
	 "ip saddr 10.1.0.0/24 tcp dport { 502, 1502-1510 } counter goto queue_20", NULL},
	{"link_base_drops_until_filled", PLAN_LINK, 0, PLAN_BASE,
	 "type filter hook forward priority -200; policy drop;", "accept"},
	{"link_lets_named_ethertypes_pass", PLAN_LINK, 0, PLAN_FILL,
	 "forward ether type != { ip, ip6 } ether type 0x88b5-0x88b5 counter accept", NULL},
	{"link_drops_other_frames", PLAN_LINK, 0, PLAN_FILL,
	 "forward ether type != { ip, ip6 } counter drop comment \"otfw ethertype-unlisted\"\n"
	 "add rule bridge otfw_link forward accept\n",
	 NULL},
	{"nft_safety_is_untracked", PLAN_NFT, 0, PLAN_FILL,
	 "iifname \"eth1\" ip saddr 10.9.0.2 ip daddr 10.9.0.18 udp dport 30010 counter notrack", NULL},
};

static void says(void **state)
{
	const struct row *r = *state;
	char *text = print(r->backend, r->family, r->part);

	if (r->has && !strstr(text, r->has))
		fail_msg("'%s' is not in:\n%s", r->has, text);
	if (r->lacks && strstr(text, r->lacks))
		fail_msg("'%s' is in:\n%s", r->lacks, text);
	free(text);
}

/* ---- properties of the whole ---- */

static void same_policy_same_text(void **state)
{
	(void)state;
	for (int backend = PLAN_NFT; backend <= PLAN_LINK; backend++)
		for (int part = PLAN_BASE; part <= PLAN_REMOVE; part++) {
			char *a = print((enum plan_backend)backend, 4, (enum plan_part)part);
			char *b = print((enum plan_backend)backend, 4, (enum plan_part)part);

			assert_string_equal(a, b);
			assert_true(strlen(a) > 0);
			free(a);
			free(b);
		}
}

/* Every jump goes to a chain that the text declares, under a name that iptables takes. */
static void every_jump_has_its_chain(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		char *text = print(PLAN_IPTABLES, family, PLAN_FILL);
		unsigned jumps = 0;

		for (const char *at = text; (at = strpbrk(at, "-")) != NULL; at++) {
			char name[64], chain[80];

			if (sscanf(at, "-j otfw-%40s", name) != 1 && sscanf(at, "-g otfw-%40s", name) != 1)
				continue;
			snprintf(chain, sizeof(chain), ":otfw-%s - [0:0]\n", name);
			if (!strstr(text, chain))
				fail_msg("no chain otfw-%s", name);
			assert_true(strlen("otfw-") + strlen(name) <= 28);
			jumps++;
		}
		assert_true(jumps > 10);
		free(text);
	}
}

/* What a safety rule could be behind: nothing that drops, rejects, tracks or queues. */
static void nothing_stands_before_the_safety_lane(void **state)
{
	char *text = print(PLAN_IPTABLES, 4, PLAN_FILL);
	const char *first = strstr(text, "-A otfw-forward ");

	(void)state;
	assert_non_null(first);
	assert_int_equal(strncmp(first, "-A otfw-forward -j otfw-safety\n", 31), 0);
	for (const char *at = text; (at = strstr(at, "-A otfw-safety ")) != NULL; at++) {
		const char *end = strchr(at, '\n'), *to = strstr(at, "-g otfw-safety_accept\n");

		assert_true(to && to < end);
	}
	free(text);
}

static void moved_queues_keep_their_numbers(void **state)
{
	const uint16_t nums[] = {31, 30, 32, 33};
	struct plan_options o = {.backend = PLAN_IPTABLES, .family = 4, .queue_nums = nums};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_true(policy_queues(&policy) <= 4);
	assert_int_equal(plan_print(&policy, &o, PLAN_FILL, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "--queue-num 31\n"));
	assert_non_null(strstr(text, "--queue-num 30 --queue-bypass\n"));
	assert_null(strstr(text, "--queue-num 0"));
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	struct plan_options o = {.backend = PLAN_IPTABLES, .family = 4};
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(plan_print(&policy, &o, PLAN_FILL, f), -1);
	assert_int_equal(errno, ENOSPC);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(same_policy_same_text),
		cmocka_unit_test(every_jump_has_its_chain),
		cmocka_unit_test(nothing_stands_before_the_safety_lane),
		cmocka_unit_test(moved_queues_keep_their_numbers),
		cmocka_unit_test(a_full_disk_is_an_error),
	};
	struct CMUnitTest table[sizeof(rows) / sizeof(rows[0])];
	size_t n = sizeof(rows) / sizeof(rows[0]);
	int failed;

	for (size_t i = 0; i < n; i++)
		table[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = says,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	failed = _cmocka_run_group_tests("plan says", table, n, setup, teardown);
	return failed + cmocka_run_group_tests_name("plan", fixed, setup, teardown);
}
