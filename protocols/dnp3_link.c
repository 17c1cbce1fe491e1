/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNP3 link frames and transport segments: one PDU is all frames of one application fragment, or one frame without user data.
 *
 *   IEEE 1815-2012, clauses 8 (transport function) and 9 (data link layer), 13 (IP networking)
 *
 *    octet 0    2        3         4             6        8      10
 *         +----+--------+---------+-------------+--------+------+---------------------+------+- - -
 *         |0564| length | control | destination | source | CRC  | up to 16 octets     | CRC  |
 *         +----+--------+---------+-------------+--------+------+---------------------+------+- - -
 *                       |<-- length counts these, and the user data without its CRCs -->|
 *
 *   first octet of the user data: FIN (last frame), FIR (first frame), sequence number modulo 64
 *
 * Numbers are little-endian. What is refused, and why:
 *   - a frame that does not begin with 05 64, or whose header fails its CRC: a receiver looks for the next 05 64, which may lie in
 *     what this end takes for data;
 *   - a CRC that is wrong anywhere: receivers drop such a frame, some only the block;
 *   - a direction bit that disagrees with who sent the frame: the master is the TCP client;
 *   - a fragment that another station's frame, a frame without user data or a new first frame interrupts, or whose sequence
 *     numbers have a gap: what the receiver then puts together is its own choice;
 *   - more than 2048 octets of application data, or more than nine frames' worth of octets;
 *   - reserved addresses, link functions that are obsolete or not defined, user data where a function has none.
 */
#include <string.h>

#include "protocols/dnp3.h"

/* Polynomial x^16+x^13+x^12+x^11+x^10+x^8+x^6+x^5+x^2+1, least significant bit first: 0xA6BC. */
static const uint16_t crc_table[256] = {
	0x0000, 0x365e, 0x6cbc, 0x5ae2, 0xd978, 0xef26, 0xb5c4, 0x839a, 0xff89, 0xc9d7, 0x9335, 0xa56b,
	0x26f1, 0x10af, 0x4a4d, 0x7c13, 0xb26b, 0x8435, 0xded7, 0xe889, 0x6b13, 0x5d4d, 0x07af, 0x31f1,
	0x4de2, 0x7bbc, 0x215e, 0x1700, 0x949a, 0xa2c4, 0xf826, 0xce78, 0x29af, 0x1ff1, 0x4513, 0x734d,
	0xf0d7, 0xc689, 0x9c6b, 0xaa35, 0xd626, 0xe078, 0xba9a, 0x8cc4, 0x0f5e, 0x3900, 0x63e2, 0x55bc,
	0x9bc4, 0xad9a, 0xf778, 0xc126, 0x42bc, 0x74e2, 0x2e00, 0x185e, 0x644d, 0x5213, 0x08f1, 0x3eaf,
	0xbd35, 0x8b6b, 0xd189, 0xe7d7, 0x535e, 0x6500, 0x3fe2, 0x09bc, 0x8a26, 0xbc78, 0xe69a, 0xd0c4,
	0xacd7, 0x9a89, 0xc06b, 0xf635, 0x75af, 0x43f1, 0x1913, 0x2f4d, 0xe135, 0xd76b, 0x8d89, 0xbbd7,
	0x384d, 0x0e13, 0x54f1, 0x62af, 0x1ebc, 0x28e2, 0x7200, 0x445e, 0xc7c4, 0xf19a, 0xab78, 0x9d26,
	0x7af1, 0x4caf, 0x164d, 0x2013, 0xa389, 0x95d7, 0xcf35, 0xf96b, 0x8578, 0xb326, 0xe9c4, 0xdf9a,
	0x5c00, 0x6a5e, 0x30bc, 0x06e2, 0xc89a, 0xfec4, 0xa426, 0x9278, 0x11e2, 0x27bc, 0x7d5e, 0x4b00,
	0x3713, 0x014d, 0x5baf, 0x6df1, 0xee6b, 0xd835, 0x82d7, 0xb489, 0xa6bc, 0x90e2, 0xca00, 0xfc5e,
	0x7fc4, 0x499a, 0x1378, 0x2526, 0x5935, 0x6f6b, 0x3589, 0x03d7, 0x804d, 0xb613, 0xecf1, 0xdaaf,
	0x14d7, 0x2289, 0x786b, 0x4e35, 0xcdaf, 0xfbf1, 0xa113, 0x974d, 0xeb5e, 0xdd00, 0x87e2, 0xb1bc,
	0x3226, 0x0478, 0x5e9a, 0x68c4, 0x8f13, 0xb94d, 0xe3af, 0xd5f1, 0x566b, 0x6035, 0x3ad7, 0x0c89,
	0x709a, 0x46c4, 0x1c26, 0x2a78, 0xa9e2, 0x9fbc, 0xc55e, 0xf300, 0x3d78, 0x0b26, 0x51c4, 0x679a,
	0xe400, 0xd25e, 0x88bc, 0xbee2, 0xc2f1, 0xf4af, 0xae4d, 0x9813, 0x1b89, 0x2dd7, 0x7735, 0x416b,
	0xf5e2, 0xc3bc, 0x995e, 0xaf00, 0x2c9a, 0x1ac4, 0x4026, 0x7678, 0x0a6b, 0x3c35, 0x66d7, 0x5089,
	0xd313, 0xe54d, 0xbfaf, 0x89f1, 0x4789, 0x71d7, 0x2b35, 0x1d6b, 0x9ef1, 0xa8af, 0xf24d, 0xc413,
	0xb800, 0x8e5e, 0xd4bc, 0xe2e2, 0x6178, 0x5726, 0x0dc4, 0x3b9a, 0xdc4d, 0xea13, 0xb0f1, 0x86af,
	0x0535, 0x336b, 0x6989, 0x5fd7, 0x23c4, 0x159a, 0x4f78, 0x7926, 0xfabc, 0xcce2, 0x9600, 0xa05e,
	0x6e26, 0x5878, 0x029a, 0x34c4, 0xb75e, 0x8100, 0xdbe2, 0xedbc, 0x91af, 0xa7f1, 0xfd13, 0xcb4d,
	0x48d7, 0x7e89, 0x246b, 0x1235,
};

uint16_t dnp3_crc(const uint8_t *p, uint32_t n)
{
	uint32_t c = 0;
	for (uint32_t i = 0; i < n; i++)
		c = c >> 8 ^ crc_table[(c ^ p[i]) & 0xff];
	return (uint16_t)~c;
}

static bool crc_holds(const uint8_t *p, uint32_t n)
{
	return dnp3_crc(p, n) == (uint16_t)(p[n] | p[n + 1] << 8);
}

/* Octets of a whole frame with so much user data. */
static uint32_t frame_octets(uint32_t user)
{
	return DNP3_HEADER + user + (user + DNP3_BLOCK - 1) / DNP3_BLOCK * 2;
}

static bool carries_data(uint32_t control)
{
	uint32_t fn = control & LINK_FUNCTION;
	return (control & LINK_PRM) && (fn == LINK_CONFIRMED_DATA || fn == LINK_DATA);
}

/* A walk over the frames of one PDU. */
struct walk_link {
	const uint8_t *data;
	uint32_t len;
	uint32_t at;     /* where the frame at hand begins */
	uint32_t frames; /* before it */
	uint32_t app;    /* octets of application data before it */
	uint8_t seq;     /* transport sequence number it must have, but for the first */
	uint8_t control;
	uint32_t stations; /* destination and source of the first, as they lie there */
	struct fault *fault;
};

static enum frame_state bad(struct walk_link *w, enum reason reason, const char *field, uint32_t offset)
{
	*w->fault = (struct fault){.reason = reason, .offset = w->at + offset, .field = field};
	return FRAME_BAD;
}

/* Control octet against direction, function and what it needs. */
static enum frame_state check_control(struct walk_link *w, uint32_t control, uint32_t user, bool from_server)
{
	uint32_t fn = control & LINK_FUNCTION;
	if (!(control & LINK_DIR) != from_server)
		return bad(w, REASON_FIELD_VALUE, "link.control.dir", 3);
	if (control & LINK_PRM) {
		bool counted = fn == LINK_TEST || fn == LINK_CONFIRMED_DATA;
		if (fn != LINK_RESET && fn != LINK_TEST && fn != LINK_CONFIRMED_DATA && fn != LINK_DATA &&
		    fn != LINK_STATUS)
			return bad(w, REASON_FUNCTION_UNKNOWN, "link.control.function", 3);
		if (!(control & LINK_FCV) == counted)
			return bad(w, REASON_FIELD_VALUE, "link.control.fcv", 3);
	} else {
		if (fn != LINK_ACK && fn != LINK_NACK && fn != LINK_STATUS_IS && fn != LINK_NOT_USED)
			return bad(w, REASON_FUNCTION_UNKNOWN, "link.control.function", 3);
		if (control & LINK_FCB)
			return bad(w, REASON_RESERVED, "link.control", 3);
	}
	/* User data without application data is as wrong as data where there can be none. */
	if (carries_data(control) ? user < 2 : user != 0)
		return bad(w, REASON_LENGTH, "link.length", 2);
	return FRAME_PDU;
}

/*
 * One frame: FRAME_PDU when its header and transport octet are sound, and *user, *last. Its user data need not be there.
 * FRAME_MORE: w->len ends before that can be said.
 */
static enum frame_state next_frame(struct walk_link *w, bool from_server, uint32_t *user, bool *last)
{
	const uint8_t *p = w->data + w->at;
	uint32_t have = w->len - w->at;
	if (have >= 1 && p[0] != 0x05)
		return bad(w, REASON_MAGIC, "link.start", 0);
	if (have >= 2 && p[1] != 0x64)
		return bad(w, REASON_MAGIC, "link.start", 0);
	if (have >= 3 && p[2] < DNP3_LENGTH_MIN)
		return bad(w, REASON_LENGTH, "link.length", 2);
	if (have < DNP3_HEADER)
		return FRAME_MORE;
	if (!crc_holds(p, 8))
		return bad(w, REASON_CHECKSUM, "link.crc", 8);
	*user = p[2] - (uint32_t)DNP3_LENGTH_MIN;
	uint32_t stations;
	memcpy(&stations, p + 4, sizeof stations);
	if (w->frames > 0 &&
	    (!carries_data(p[3]) || stations != w->stations || (p[3] ^ w->control) & LINK_DIR))
		return bad(w, REASON_INTERLEAVED, "link", 0);
	if (check_control(w, p[3], *user, from_server) == FRAME_BAD)
		return FRAME_BAD;
	if (w->frames == 0) {
		w->control = p[3];
		w->stations = stations;
	}
	*last = true;
	if (*user == 0)
		return FRAME_PDU;
	if (have < DNP3_HEADER + 1)
		return FRAME_MORE;
	uint8_t t = p[DNP3_HEADER];
	if (w->frames > 0 && t & TRANSPORT_FIR)
		return bad(w, REASON_INTERLEAVED, "transport.fir", DNP3_HEADER);
	if (w->frames == 0 && !(t & TRANSPORT_FIR))
		return bad(w, REASON_SEQUENCE, "transport.fir", DNP3_HEADER);
	if (w->frames > 0 && (t & TRANSPORT_SEQ) != w->seq)
		return bad(w, REASON_SEQUENCE, "transport.sequence", DNP3_HEADER);
	*last = t & TRANSPORT_FIN;
	w->seq = (t + 1) & TRANSPORT_SEQ;
	/* A frame that is not the last needs room for another one. */
	if (w->app + *user - 1 > DNP3_APP_MAX ||
	    w->at + frame_octets(*user) + (*last ? 0 : DNP3_FRAME_LEAST) > DNP3_PDU_MAX)
		return bad(w, REASON_OVERSIZE, "link.length", 2);
	return FRAME_PDU;
}

/* The frame at hand is done with. At most DNP3_PDU_MAX / DNP3_FRAME_LEAST of them. */
static void step(struct walk_link *w, uint32_t user)
{
	w->at += frame_octets(user);
	w->app += user ? user - 1 : 0;
	w->frames++;
}

struct frame dnp3_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	struct frame f = {.state = FRAME_MORE};
	struct walk_link w = {.data = data, .len = len, .fault = &f.fault};
	for (;;) {
		uint32_t user = 0;
		bool last = false;
		enum frame_state st = next_frame(&w, from_server, &user, &last);
		if (st != FRAME_PDU) {
			f.state = st;
			return f;
		}
		step(&w, user);
		if (last) {
			f.state = FRAME_PDU;
			f.length = w.at;
			return f;
		}
		if (w.at > len)
			return f;
	}
}

/* The user data of the frame at hand, CRCs checked, without its transport octet. */
static bool unblock(struct walk_link *w, uint32_t user, uint8_t *out)
{
	const uint8_t *p = w->data + w->at + DNP3_HEADER;
	uint32_t skip = 1;
	for (uint32_t left = user; left > 0;) {
		uint32_t n = left < DNP3_BLOCK ? left : DNP3_BLOCK;
		if (!crc_holds(p, n)) {
			bad(w, REASON_CHECKSUM, "data.crc", (uint32_t)(p - w->data) - w->at + n);
			return false;
		}
		memcpy(out, p + skip, n - skip);
		out += n - skip;
		p += n + 2;
		left -= n;
		skip = 0;
	}
	return true;
}

/* Who speaks to whom. */
static bool stations(struct dnp3 *d, struct walk_link *w)
{
	const uint8_t *p = w->data;
	uint16_t destination = (uint16_t)(p[4] | p[5] << 8), source = (uint16_t)(p[6] | p[7] << 8);
	w->at = 0;
	if (source >= DNP3_RESERVED_FIRST)
		return bad(w, source >= DNP3_BROADCAST_FIRST ? REASON_BROADCAST : REASON_RESERVED,
			   "link.source", 6) == FRAME_PDU;
	if (destination >= DNP3_RESERVED_FIRST && destination <= DNP3_RESERVED_LAST)
		return bad(w, REASON_RESERVED, "link.destination", 4) == FRAME_PDU;
	/* A station does not speak to every master, and a master's own frames do not need an answer from all. */
	if (destination >= DNP3_SELF && d->in->from_server)
		return bad(w, REASON_BROADCAST, "link.destination", 4) == FRAME_PDU;
	if (destination >= DNP3_BROADCAST_FIRST &&
	    !(carries_data(p[3]) && (p[3] & LINK_FUNCTION) == LINK_DATA))
		return bad(w, REASON_BROADCAST, "link.destination", 4) == FRAME_PDU;
	d->unit = d->in->from_server ? source : destination;
	d->origin = d->in->from_server ? destination : source;
	d->control = p[3];
	return true;
}

bool dnp3_link(struct dnp3 *d)
{
	const struct pdu_in *in = d->in;
	struct walk_link w = {.data = in->data, .len = in->len, .fault = &d->out->fault};
	bool last = false;
	while (!last) {
		uint32_t user = 0;
		enum frame_state st = next_frame(&w, in->from_server, &user, &last);
		if (st == FRAME_BAD)
			return false;
		if (st == FRAME_MORE || w.at + frame_octets(user) > in->len) {
			*w.fault = (struct fault){
				.reason = REASON_SHORT, .offset = in->len, .field = "link.length"};
			return false;
		}
		if (user > 0 && !unblock(&w, user, d->out->scratch + w.app))
			return false;
		step(&w, user);
	}
	d->app_len = w.app;
	if (w.at != in->len) {
		*w.fault = (struct fault){.reason = REASON_TRAILING, .offset = w.at, .field = "link"};
		return false;
	}
	return stations(d, &w);
}

uint32_t dnp3_link_offset(const struct pdu_in *in, uint32_t at)
{
	uint32_t frame = 0;
	while (frame + DNP3_HEADER < in->len) {
		uint32_t user = in->data[frame + 2] - (uint32_t)DNP3_LENGTH_MIN;
		if (at < user - 1) {
			at++; /* the transport octet */
			return frame + DNP3_HEADER + at + at / DNP3_BLOCK * 2;
		}
		at -= user - 1;
		frame += frame_octets(user);
	}
	return in->len;
}
