/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/sets.h"

/* The networks an interface of a router stands in: what zones could be made of. */
static void print_networks(struct arena *a, const char *interface, FILE *out)
{
	struct ifaddrs *list, *i;
	const char *sep = "";

	fprintf(out, "#   side-%s: {level: 2, networks: [", interface);
	if (getifaddrs(&list) < 0)
		list = NULL;
	for (i = list; i; i = i->ifa_next) {
		struct model_net net = {{0}, 128};
		const uint8_t *mask;

		if (!i->ifa_addr || !i->ifa_netmask || strcmp(i->ifa_name, interface))
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			net.ip[10] = net.ip[11] = 0xff;
			memcpy(net.ip + 12,
			       &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
			mask = (const uint8_t *)&((const struct sockaddr_in *)(const void *)i->ifa_netmask)
				       ->sin_addr;
			net.plen = 96;
			for (unsigned b = 0; b < 32 && mask[b / 8] & 0x80u >> b % 8; b++)
				net.plen++;
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			memcpy(net.ip, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr,
			       16);
			mask = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)i->ifa_netmask)
				       ->sin6_addr;
			net.plen = 0;
			for (unsigned b = 0; b < 128 && mask[b / 8] & 0x80u >> b % 8; b++)
				net.plen++;
			if (net.ip[0] == 0xfe && (net.ip[1] & 0xc0) == 0x80)
				continue; /* link-local: every interface has it */
		} else {
			continue;
		}
		for (unsigned b = net.plen; b < 128; b++)
			net.ip[b / 8] &= (uint8_t) ~(0x80u >> b % 8);
		fprintf(out, "%s%s", sep, net_text(a, &net));
		sep = ", ";
	}
	if (list)
		freeifaddrs(list);
	fprintf(out, "%s], failure: closed}\n", *sep ? "" : "NETWORKS");
}

static bool good_interface(const char *s)
{
	size_t n = strlen(s);

	return n && n < IF_NAMESIZE &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@") == n;
}

int init_policy(bool bridge, const char *interface1, const char *interface2, FILE *out)
{
	struct arena *a;

	if (!good_interface(interface1) || !good_interface(interface2)) {
		errno = EINVAL;
		return -1;
	}
	a = arena_new();
	fprintf(out,
		"# First policy for otfw as a %s %s and %s.\n"
		"# It passes and records everything. Then, one conduit at a time: name zones and hosts, write\n"
		"# rules, and go from learn through shadow to enforce.\n"
		"# Of IP it knows TCP, UDP and ICMP: others (IGMP, OSPF, VRRP, GRE, ESP) no conduit lets through.\n"
		"\n"
		"version: 1\n"
		"site: {name: New site, timezone: UTC}\n",
		bridge ? "transparent bridge between" : "router between", interface1, interface2);
	if (bridge)
		fputs("bridge: {ethertypes: any}\n", out);
	fputs("\nzones:\n  plant: {networks: [0.0.0.0/0, 2000::/3, fc00::/7, fe80::/10, ff00::/8], failure: open, deadline: 20ms}\n",
	      out);
	if (bridge) {
		fputs("\n# Next: instead of one zone, one for each side, with the networks that are found there.\n"
		      "#   control: {level: 2, networks: [10.1.2.0/24], failure: closed}\n"
		      "#   cell: {level: 1, networks: [10.1.1.0/24], failure: closed}\n",
		      out);
	} else {
		fputs("\n# Next: instead of one zone, one for each side. These interfaces stand in:\n", out);
		print_networks(a, interface1, out);
		print_networks(a, interface2, out);
	}
	fputs("\nconduits:\n  - name: everything\n    from: [plant]\n    to: plant\n    servers: any\n    protocols: [",
	      out);
	for (unsigned i = 0; proto_get(i); i++)
		fprintf(out, "%s%s", i ? ", " : "", proto_get(i)->name);
	/* No rule: learning takes every port of TCP and UDP, and ICMP, and what a rule leaves to the kernel nobody would see. */
	fputs("]\n    mode: learn\n", out);
	arena_free(a);
	return ferror(out) ? -1 : 0;
}
