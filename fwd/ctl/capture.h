/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture files: pcap and pcapng, read as the IP packets in them. */
#ifndef OTFW_FWD_CTL_CAPTURE_H
#define OTFW_FWD_CTL_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

/* One frame. ip is NULL when the frame holds no IP packet. */
struct capture_frame {
	uint32_t number; /* from 1, every frame of the file counted */
	int64_t ts_us;   /* nanoseconds cut off */
	const uint8_t *ip;
	const uint8_t *mac; /* where an Ethernet frame came from, 6 octets; NULL: another link */
	uint32_t len;       /* octets there are from ip on, link-layer padding included */
	bool truncated;     /* the capture kept less than the IP packet */
};

/* Opens path ("-": standard input). NULL with a one-line message in err. */
struct capture *capture_open(const char *path, char *err, size_t errcap);
/* 1: the next frame, valid until the next call. 0: the end. -1: the file is damaged, message in err. */
int capture_next(struct capture *c, struct capture_frame *out, char *err, size_t errcap);
void capture_close(struct capture *c);

/*
 * Finds the IP packet in a frame of len octets of that link type (a DLT_ number): the offset, or -1 when there is none.
 * Separate for the tests.
 */
int capture_ip(int link, const uint8_t *data, uint32_t len);
/* Can frames of this link type be read at all? */
bool capture_link_known(int link);

#endif
