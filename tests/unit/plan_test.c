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
	"    interfaces: [eth1, eth2]\n"
	"  - {name: sis-watched, from: sis, to: sis-io, lane: safety, peers: [sis-a, sis-b], udp: [30020], interfaces: [eth1, eth2], watchdog: 50ms}\n"
	"  - {name: sis-mirrored, from: sis, to: sis-io, lane: safety, peers: [sis-a, sis-b], udp: [30021], interfaces: [eth1, eth2], mirror: true}\n";

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
	 "-m mark --mark 0x6/0xff -m comment --comment \"otfw ledger unseen\" -g otfw-post_queued\n", NULL},
	{"base_asks_first_for_safety_on_the_way_out", PLAN_IPTABLES, 4, PLAN_BASE,
	 "-N otfw-postrouting\n-A otfw-postrouting -m mark --mark 0x5/0xff -m comment --comment \"otfw ledger safety\" -g otfw-post_safety\n",
	 NULL},
	{"base_marks_the_connection_of_a_reset", PLAN_IPTABLES, 4, PLAN_BASE,
	 "-m mark --mark 0x77/0xff -m comment --comment \"otfw ledger reset\" -j CONNMARK --set-xmark 0x77/0xff\n",
	 NULL},
	{"fill_touches_no_base_chain", PLAN_IPTABLES, 4, PLAN_FILL, ":otfw-forward - [0:0]\n", " FORWARD"},
	{"fill_leaves_host_traffic_alone", PLAN_IPTABLES, 4, PLAN_FILL, "*filter\n", "INPUT"},
	{"fill_leaves_the_ledger_counting", PLAN_IPTABLES, 4, PLAN_FILL, "*mangle\n", ":otfw-postrouting"},
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
	 " -m comment --comment \"otfw queued cell\" -j MARK --set-xmark 0x6/0xff\n-A otfw-queue_", NULL},
	{"kernel_lane_never_queues", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-s 10.1.0.2 -p tcp --dport 443 -m comment --comment \"otfw kernel historian/web\" -g otfw-kernel_",
	 NULL},
	{"kernel_lane_udp", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-s 10.1.0.2 -p udp --dport 123 -m comment --comment \"otfw kernel historian/time\" -g otfw-kernel_",
	 NULL},
	{"ping_is_answered_by_type_0", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-d 10.1.0.2 -p icmp -m icmp --icmp-type 0 -m comment --comment \"otfw kernel historian/ping\" -g otfw-kernel_",
	 NULL},
	{"icmp_errors_only_when_related", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-p icmp -m icmp --icmp-type 3 -m conntrack --ctstate RELATED ", "--icmp-type 5"},
	{"safety_is_untracked_by_interface", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety_in_by0 -i eth1 -d 10.9.0.18 -p udp --dport 30010 -g otfw-flowin_", NULL},
	{"safety_is_found_by_its_source_once", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-prerouting -s 10.9.0.2 -j otfw-safety_in_by0\n", "-A otfw-safety_in_by0 -i eth1 -s"},
	{"safety_crosses_between_its_interfaces", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety_by0 -i eth1 -o eth2 -d 10.9.0.18 -p udp --dport 30010 -g otfw-flowend_",
	 "-i eth1 -o eth1"},
	{"safety_answers_too", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety_by1 -i eth2 -o eth1 -d 10.9.0.2 -p udp --sport 30010 -g otfw-flowend_", NULL},
	{"safety_is_counted_in", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -m comment --comment \"otfw safety-in sis-peer/0\" -j CT --notrack\n", ":otfw-flowin_"},
	{"safety_is_counted_out", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -m comment --comment \"otfw safety-out sis-peer/0 sis-io\" -j MARK --set-xmark 0x5/0xff\n-A otfw-flowend_",
	 ":otfw-flowend_"},
	{"safety_answers_are_booked_where_they_go", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -m comment --comment \"otfw safety-out sis-peer/1 sis\" -j MARK --set-xmark 0x5/0xff\n", NULL},
	{"safety_on_its_way_out_meets_nothing", PLAN_IPTABLES, 4, PLAN_FILL, ":otfw-post_safety - [0:0]\n",
	 "-A otfw-post_safety"},
	{"safety_is_counted_before_a_queue_from_any_interface", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-safety_queued_by0 -d 10.9.0.18 -p udp --dport 30010 -m comment --comment \"otfw safety-queued sis-peer/0\" -j RETURN\n",
	 "-A otfw-safety_queued_by0 -i"},
	{"tcp_does_not_ask_for_udp_lanes", PLAN_IPTABLES, 4, PLAN_FILL, "-j otfw-safety_queued_by0\n",
	 "-j otfw-safety_queued\n"},
	{"safety_with_an_alarm_is_copied_by_its_headers", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-j NFLOG --nflog-group 7766 --nflog-threshold 1 --nflog-prefix \"sis-watched\" --nflog-size 128\n",
	 NULL},
	{"safety_with_a_mirror_is_copied_whole", PLAN_IPTABLES, 4, PLAN_FILL,
	 "--nflog-prefix \"sis-mirrored\"\n", "--nflog-prefix \"sis-mirrored\" --nflog-size"},
	{"safety_without_either_is_not_copied", PLAN_IPTABLES, 4, PLAN_FILL, "--dport 30010 -g otfw-flowend_",
	 "--nflog-prefix \"sis-peer\""},
	{"nft_copies", PLAN_NFT, 0, PLAN_FILL,
	 " counter log prefix \"sis-watched\" group 7766 queue-threshold 1 snaplen 128", NULL},
	{"nft_safety_is_counted_in", PLAN_NFT, 0, PLAN_FILL,
	 "_all\" notrack comment \"otfw safety-in sis-peer/0\"", NULL},
	{"safety_comes_first", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-forward -s 10.9.0.18 -j otfw-safety_by1\n-A otfw-forward -j otfw-gate\n", NULL},
	{"marked_sessions_are_behind_one_comparison", PLAN_IPTABLES, 4, PLAN_FILL,
	 ":otfw-gate - [0:0]\n-A otfw-gate -m connmark ! --mark 0x0/0xff -j otfw-marked\n"
	 "-A otfw-gate -m conntrack --ctstate INVALID -j otfw-bad\n",
	 NULL},
	{"a_syn_makes_a_new_session", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-marked -p tcp --syn -m connmark --mark 0x77/0xff -m comment --comment \"otfw reconnect\" -j CONNMARK --set-xmark 0x0/0xff\n",
	 NULL},
	{"only_segments_behind_a_syn_are_reset", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-p tcp ! --syn -m connmark --mark 0x77/0xff -m comment --comment \"otfw reset line\" -j REJECT --reject-with tcp-reset\n",
	 NULL},
	{"a_session_opens_in_one_direction", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-forward -p tcp ! --syn -g otfw-sessions\n"
	 "-A otfw-forward -m conntrack --ctdir ORIGINAL -j otfw-to_servers\n"
	 "-A otfw-forward ! -p tcp -m conntrack --ctdir REPLY -j otfw-from_servers\n",
	 NULL},
	{"everything_else_is_dropped", PLAN_IPTABLES, 4, PLAN_FILL, "-A otfw-forward -g otfw-drops\nCOMMIT\n",
	 NULL},
	{"every_other_segment_is_dropped", PLAN_IPTABLES, 4, PLAN_FILL, "-A otfw-sessions -g otfw-drops\n",
	 NULL},
	{"an_emptied_account_opens_nothing", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-drops -m comment --comment \"otfw uncounted\" -j DROP\n", "-A otfw-drops -g"},
	{"drops_are_counted_by_zone", PLAN_IPTABLES, 4, PLAN_FILL,
	 "-m comment --comment \"otfw unlisted-to line\" -j DROP\n", NULL},
	{"accounts_are_made_not_emptied", PLAN_IPTABLES, 4, PLAN_FILL, "\n-N otfw-out_", ":otfw-out_"},
	{"what_leaves_is_counted_by_zone_and_mark", PLAN_IPTABLES, 4, PLAN_FILL,
	 " -m mark --mark 0x2/0xff -m comment --comment \"otfw out line/released\" -j RETURN\n", NULL},
	{"nft_accounts_are_counters_of_their_own", PLAN_NFT, 0, PLAN_FILL, "add counter inet otfw out_",
	 NULL},
	{"nft_base_is_closed", PLAN_NFT, 0, PLAN_BASE, "type filter hook forward priority 0; policy drop;",
	 NULL},
	{"nft_fill_makes_no_base_chain", PLAN_NFT, 0, PLAN_FILL, "flush chain inet otfw forward\n", "hook"},
	{"nft_fill_deletes_nothing", PLAN_NFT, 0, PLAN_FILL, "add chain inet otfw queue_", "delete"},
	{"nft_counts_what_enters", PLAN_NFT, 0, PLAN_BASE,
	 "hook_forward counter name \"entered\" jump forward comment \"otfw entered\"\n", NULL},
	{"nft_sums_of_the_ledger_outlive_a_start", PLAN_NFT, 0, PLAN_BASE,
	 "add counter inet otfw ledger_released\nadd rule inet otfw postrouting meta mark & 0xff == 0x2 counter name "
	 "\"ledger_released\" goto post_queued comment \"otfw ledger released\"\n",
	 "counter goto post_queued"},
	{"nft_open_queue_has_bypass", PLAN_NFT, 0, PLAN_FILL, "queue num 21 bypass", "queue num 20 bypass"},
	{"nft_has_both_families", PLAN_NFT, 0, PLAN_FILL,
	 "ip6 saddr fd00:1::/64 ip6 daddr fd00:2::2 tcp dport", NULL},
	{"nft_ports", PLAN_NFT, 0, PLAN_FILL,
	 "ip saddr 10.1.0.0/24 ip daddr 10.2.0.2 tcp dport { 502, 1502-1510 } counter goto queue_", NULL},
	{"link_base_drops_until_filled", PLAN_LINK, 0, PLAN_BASE,
	 "type filter hook forward priority -200; policy drop;", "accept"},
	{"link_lets_named_ethertypes_pass", PLAN_LINK, 0, PLAN_FILL,
	 "forward ether type != { ip, ip6 } ether type 0x88b5-0x88b5 counter accept", NULL},
	{"link_drops_other_frames", PLAN_LINK, 0, PLAN_FILL,
	 "forward ether type != { ip, ip6 } counter drop comment \"otfw ethertype-unlisted\"\n"
	 "add rule bridge otfw_link forward accept\n",
	 NULL},
	{"nft_safety_is_untracked", PLAN_NFT, 0, PLAN_FILL,
	 "iifname \"eth1\" ip daddr 10.9.0.18 udp dport 30010 goto flowin_", NULL},
};

/* ---- what isolates and overrides ---- */

static const struct policy_net gone[] = {{{[10] = 0xff, [11] = 0xff, [12] = 10, 7}, 112}};
static const struct plan_island cell_cut[] = {{.zone = "cell"}};
static const struct plan_island sis_cut[] = {{.zone = "sis", .safety = true}};
static const struct plan_island gone_cut[] = {{.zone = "gone", .nets = gone, .nnets = 1}};
static const struct plan_island line_open[] = {{.zone = "line", .override = true, .until_unix = 1700000000}};
static const struct plan_island sis_open[] = {{.zone = "sis-io", .override = true, .until_unix = 1700000000}};
static const struct plan_island no_open[] = {{.zone = "gone", .override = true, .nets = gone, .nnets = 1}};
static const struct plan_island both[] = {{.zone = "line", .override = true, .until_unix = 1700000000},
					  {.zone = "line"}};

struct island_row {
	const char *name;
	const struct plan_island *islands;
	unsigned n;
	enum plan_backend backend;
	int family;
	enum plan_part part;
	const char *has, *lacks;
};
static const struct island_row island_rows[] = {
	{"none_costs_nothing", NULL, 0, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 ":otfw-gate - [0:0]\n-A otfw-gate -m connmark ! --mark 0x0/0xff -j otfw-marked\n"
	 "-A otfw-gate -m conntrack --ctstate INVALID -j otfw-bad\nCOMMIT\n",
	 "island"},
	{"island_alone_touches_nothing_else", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND, "*mangle\n",
	 "otfw-forward"},
	{"both_ways", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-gate -d 10.2.0.0/24 -j otfw-island_to_0\n-A otfw-gate -s 10.2.0.0/24 -j otfw-island_from_0\n",
	 NULL},
	{"in_ipv6_too", cell_cut, 1, PLAN_IPTABLES, 6, PLAN_ISLAND,
	 "-A otfw-gate -s fd00:2::/64 -j otfw-island_from_0\n", "10.2"},
	{"within_the_zone_goes_on", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-island_from_0 -d 10.2.0.0/24 -j RETURN\n"
	 "-A otfw-island_from_0 -g otfw-isolated\n",
	 NULL},
	{"what_waited_is_cut_on_its_way_out", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-post_queued -d 10.2.0.0/24 -j otfw-island_out_to_0\n"
	 "-A otfw-post_queued -s 10.2.0.0/24 -j otfw-island_out_from_0\n-A otfw-post_queued -g otfw-zones_out\n",
	 "-A otfw-post_safety -d"},
	{"safety_lanes_only_when_told", sis_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-post_safety -s 10.9.0.0/28 -j otfw-island_out_from_0\n:otfw-post_queued", NULL},
	{"a_zone_that_the_policy_lost", gone_cut, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-gate -s 10.7.0.0/16 -j otfw-island_from_0\n", NULL},
	{"a_reload_keeps_it", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-gate -s 10.2.0.0/24 -j otfw-island_from_0\n", NULL},
	{"a_reload_keeps_the_cut_on_the_way_out", cell_cut, 1, PLAN_IPTABLES, 4, PLAN_FILL,
	 "-A otfw-post_kernel -s 10.2.0.0/24 -j otfw-island_out_from_0\n", NULL},
	{"override_lists_its_tuples", line_open, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-override_to_0 -s 10.1.0.0/24 -d 10.3.0.2 -p tcp --dport 502 -m comment --comment \"otfw override line\" -g otfw-over_",
	 NULL},
	{"override_lists_no_other_tuples", line_open, 1, PLAN_IPTABLES, 4, PLAN_ISLAND, ":otfw-override_to_0",
	 "10.2.0."},
	{"override_has_its_end_in_the_kernel", line_open, 1, PLAN_IPTABLES, 4, PLAN_ISLAND,
	 "-A otfw-gate -m conntrack --ctdir ORIGINAL -m time --datestop 2023-11-14T22:13:19 -j otfw-override_to_0\n",
	 NULL},
	{"override_marks_what_nobody_inspected", line_open, 1, PLAN_IPTABLES, 4, PLAN_FILL,
	 " -m comment --comment \"otfw accepted-override line\" -j MARK --set-xmark 0x7/0xff\n", NULL},
	{"no_override_of_a_safety_zone", sis_open, 1, PLAN_IPTABLES, 4, PLAN_ISLAND, "*filter\n",
	 "override_to"},
	{"no_override_of_no_zone", no_open, 1, PLAN_IPTABLES, 4, PLAN_ISLAND, "*filter\n", "override_to"},
	{"isolate_comes_before_override", both, 2, PLAN_IPTABLES, 4, PLAN_FILL,
	 ":otfw-gate - [0:0]\n-A otfw-gate -d 10.3.0.0/24 -j otfw-island_to_1\n", NULL},
	{"invalid_is_dropped_before_override", both, 2, PLAN_IPTABLES, 4, PLAN_FILL,
	 "-m conntrack --ctstate INVALID -j otfw-bad\n-A otfw-gate -m conntrack --ctdir ORIGINAL -m time ",
	 NULL},
	{"nft_both_ways", cell_cut, 1, PLAN_NFT, 0, PLAN_ISLAND,
	 "add rule inet otfw gate ip6 saddr fd00:2::/64 jump island_from_0\n", "delete"},
	{"nft_out", cell_cut, 1, PLAN_NFT, 0, PLAN_FILL,
	 "add rule inet otfw post_queued ip daddr 10.2.0.0/24 jump island_out_to_0\n", "hook"},
	{"nft_override_has_its_end", line_open, 1, PLAN_NFT, 0, PLAN_ISLAND,
	 "add rule inet otfw gate ct direction original meta time < \"1700000000\" jump override_to_0\n",
	 NULL},
	{"frames_that_are_not_ip_have_no_zone", cell_cut, 1, PLAN_LINK, 0, PLAN_ISLAND, NULL, "a"},
};

static void island_says(void **state)
{
	const struct island_row *r = *state;
	struct plan_options o = {
		.backend = r->backend, .family = r->family, .islands = r->islands, .nislands = r->n};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(plan_print(&policy, &o, r->part, f), 0);
	fclose(f);
	if (r->has && !strstr(text, r->has))
		fail_msg("'%s' is not in:\n%s", r->has, text);
	if (r->lacks && strstr(text, r->lacks))
		fail_msg("'%s' is in:\n%s", r->lacks, text);
	free(text);
}

static void a_reload_that_keeps_islands_leaves_them_alone(void **state)
{
	struct plan_options o = {.family = 4, .islands = cell_cut, .nislands = 1, .keep_islands = true};

	(void)state;
	for (int backend = PLAN_NFT; backend <= PLAN_IPTABLES; backend++) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		o.backend = (enum plan_backend)backend;
		assert_int_equal(plan_print(&policy, &o, PLAN_FILL, f), 0);
		fclose(f);
		/* The chains are neither declared nor filled; what leads to them stays. */
		assert_non_null(strstr(text, backend == PLAN_NFT ? "forward jump gate\n" : "-j otfw-gate\n"));
		assert_null(strstr(text, backend == PLAN_NFT ? "chain inet otfw gate" : ":otfw-gate"));
		assert_null(strstr(text, backend == PLAN_NFT ? "chain inet otfw island" : ":otfw-island"));
		assert_null(
			strstr(text, backend == PLAN_NFT ? "chain inet otfw override" : ":otfw-override"));
		assert_null(strstr(text, backend == PLAN_NFT ? "otfw post_queued " : "-A otfw-post_queued"));
		free(text);
	}
}

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
			bool there = strstr(text, chain) != NULL;
			snprintf(chain, sizeof(chain), "\n-N otfw-%s\n", name);
			if (!there && !strstr(text, chain))
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
	const char *gate = strstr(text, "-A otfw-forward -j otfw-gate\n");

	(void)state;
	assert_non_null(gate);
	assert_true(gate > strstr(text, "-A otfw-forward ")); /* the lane's are there, and */
	for (const char *at = text; (at = strstr(at, "-A otfw-forward ")) != NULL && at < gate; at++) {
		const char *end = strchr(at, '\n'), *to = strstr(at, "-j otfw-safety_by");

		assert_true(to && to < end);
	}
	for (const char *at = text; (at = strstr(at, "-A otfw-safety_by")) != NULL; at++) {
		const char *end = strchr(at, '\n'), *to = strstr(at, " -g otfw-flowend_"),
			   *copied = strstr(at, " -g otfw-safety_");

		assert_true((to && to < end) || (copied && copied < end));
	}
	/* On the way through a chain of its own a packet is copied, and nothing else. */
	for (const char *at = text; (at = strstr(at, "\n-A otfw-safety_")) != NULL; at++) {
		char line[300];

		if (at[strlen("\n-A otfw-safety_")] < '0' || at[strlen("\n-A otfw-safety_")] > '9')
			continue;
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
		assert_true(strstr(line, " -j NFLOG ") || strstr(line, " -g otfw-flowend_"));
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
		cmocka_unit_test(a_reload_that_keeps_islands_leaves_them_alone),
	};
	struct CMUnitTest table[sizeof(rows) / sizeof(rows[0])];
	size_t n = sizeof(rows) / sizeof(rows[0]);
	int failed;

	for (size_t i = 0; i < n; i++)
		table[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = says,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	struct CMUnitTest islands[sizeof(island_rows) / sizeof(island_rows[0])];
	size_t k = sizeof(island_rows) / sizeof(island_rows[0]);

	for (size_t i = 0; i < k; i++)
		islands[i] = (struct CMUnitTest){.name = island_rows[i].name,
						 .test_func = island_says,
						 .initial_state = (void *)(uintptr_t)&island_rows[i]};
	failed = _cmocka_run_group_tests("island says", islands, k, setup, teardown);
	failed += _cmocka_run_group_tests("plan says", table, n, setup, teardown);
	return failed + cmocka_run_group_tests_name("plan", fixed, setup, teardown);
}
