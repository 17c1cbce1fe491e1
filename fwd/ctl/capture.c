/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libpcap reads the file; here the link layer is taken off. */
#include "fwd/ctl/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERTYPE_V4    0x0800u
#define ETHERTYPE_V6    0x86ddu
#define VLAN_TAGS_MAX   8 /* of one frame: more is not a frame anyone sends */
#define SLL_HEADER      16
#define SLL2_HEADER     20
#define MAC_LEN         6
#define LOOPBACK_HEADER 4

struct capture {
	pcap_t *pcap;
	FILE *file;
	const char *path;
	int link;
	uint32_t frames;
};

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* An IP packet at `at`, told by its version number, or -1. */
static int ip_at(const uint8_t *data, uint32_t len, uint32_t at)
{
	if (at >= len)
		return -1;
	unsigned version = data[at] >> 4;
	return version == 4 || version == 6 ? (int)at : -1;
}

/* Walks VLAN tags behind an EtherType that lies at `type_at`; the packet follows the last one. */
static int ethertype_ip(const uint8_t *data, uint32_t len, uint32_t type_at)
{
	for (int tags = 0; tags <= VLAN_TAGS_MAX; tags++) {
		if (len < type_at + 2)
			return -1;
		uint32_t type = be16(data + type_at);
		switch (type) {
		case ETHERTYPE_V4:
		case ETHERTYPE_V6: return ip_at(data, len, type_at + 2);
		case 0x8100: /* 802.1Q */
		case 0x88a8: /* 802.1ad */
		case 0x9100: /* the tag of stacked VLANs before 802.1ad */ type_at += 4; break;
		default: return -1;
		}
	}
	return -1;
}

/* The address family of a loopback header, written by a host of either byte order, on any BSD. */
static bool family_ip(const uint8_t *p)
{
	uint32_t hi = be16(p), lo = be16(p + 2);
	uint32_t family = hi ? (uint32_t)p[1] << 8 | p[0] : lo;
	/* 2: IPv4 everywhere. IPv6: 10 Linux, 24 NetBSD, 28 FreeBSD, 30 Darwin. */
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

bool capture_link_known(int link)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP: return true;
	default: return false;
	}
}

int capture_ip(int link, const uint8_t *data, uint32_t len)
{
	switch (link) {
	case DLT_EN10MB: return ethertype_ip(data, len, 12);
	case DLT_LINUX_SLL: return len < SLL_HEADER ? -1 : ethertype_ip(data, len, SLL_HEADER - 2);
	case DLT_LINUX_SLL2: {
		if (len < SLL2_HEADER)
			return -1;
		/* The protocol comes first here; a VLAN tag in it is followed by the rest of the tags behind the header. */
		uint32_t type = be16(data);
		if (type == ETHERTYPE_V4 || type == ETHERTYPE_V6)
			return ip_at(data, len, SLL2_HEADER);
		return type == 0x8100 || type == 0x88a8 || type == 0x9100
			       ? ethertype_ip(data, len, SLL2_HEADER + 2)
			       : -1;
	}
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6: return ip_at(data, len, 0);
	case DLT_NULL:
	case DLT_LOOP:
		return len >= LOOPBACK_HEADER && family_ip(data) ? ip_at(data, len, LOOPBACK_HEADER) : -1;
	default: return -1;
	}
}

struct capture *capture_open(const char *path, char *err, size_t errcap)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, errcap, "%s: %s", path, strerror(errno));
		return NULL;
	}
	c->path = path;
	c->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (!c->file) {
		snprintf(err, errcap, "%s: %s", path, strerror(errno));
		capture_close(c);
		return NULL;
	}
	c->pcap = pcap_fopen_offline_with_tstamp_precision(c->file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		snprintf(err, errcap, "%s: not a capture: %s", path, why);
		capture_close(c);
		return NULL;
	}
	c->file = NULL; /* pcap_close() closes it */
	c->link = pcap_datalink(c->pcap);
	if (!capture_link_known(c->link)) {
		const char *name = pcap_datalink_val_to_name(c->link);
		snprintf(err, errcap, "%s: link type %s (%d) is not one otfwctl reads", path,
			 name ? name : "unknown", c->link);
		capture_close(c);
		return NULL;
	}
	return c;
}

/* Octets the IP header at p claims, 0 when it cannot be told. */
static uint32_t ip_claims(const uint8_t *p, uint32_t len)
{
	if (len >= 20 && p[0] >> 4 == 4)
		return be16(p + 2);
	if (len >= 40 && p[0] >> 4 == 6)
		return 40 + be16(p + 4);
	return 0;
}

int capture_next(struct capture *c, struct capture_frame *out, char *err, size_t errcap)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;

	int rc = pcap_next_ex(c->pcap, &h, &data);
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1) {
		snprintf(err, errcap, "%s: after frame %u: %s", c->path, c->frames, pcap_geterr(c->pcap));
		return -1;
	}
	*out = (struct capture_frame){
		.number = ++c->frames,
		.ts_us = (int64_t)h->ts.tv_sec * 1000000 + (int64_t)h->ts.tv_usec / 1000,
	};
	int at = capture_ip(c->link, data, h->caplen);
	if (at < 0)
		return 1;
	out->ip = data + at;
	out->mac = c->link == DLT_EN10MB ? data + MAC_LEN : NULL; /* the destination stands first */
	out->len = h->caplen - (uint32_t)at;
	if (h->caplen < h->len) {
		/* A frame of which only the trailer is missing is whole for our purpose. */
		uint32_t claims = ip_claims(out->ip, out->len);
		out->truncated = claims == 0 || claims > out->len;
	}
	return 1;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	if (c->file && c->file != stdin)
		fclose(c->file);
	free(c);
}
