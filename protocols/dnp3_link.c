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

/*
 * The CRC of 9.2.4.3: polynomial x^16+x^13+x^12+x^11+x^10+x^8+x^6+x^5+x^2+1, least significant bit first (0xA6BC), inverted. Eight
 * octets at a time: crc_table[k][i] is what octet i leaves behind k octets of zeros. A table is linear in the bits of i, so
 * the eight numbers that single bits leave make it.
 */
#define BIT(i, n, k) ((i) >> (n)&1 ? (k) : 0)
#define LEAVES(i, a, b, c, d, e, f, g, h)                                                                    \
	(uint16_t)(BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ \
		   BIT(i, 6, g) ^ BIT(i, 7, h))
#define BEFORE_0(i)     LEAVES(i, 0x365e, 0x6cbc, 0xd978, 0xff89, 0xb26b, 0x29af, 0x535e, 0xa6bc)
#define BEFORE_1(i)     LEAVES(i, 0xab4e, 0x1be5, 0x37ca, 0x6f94, 0xdf28, 0xf329, 0xab2b, 0x1b2f)
#define BEFORE_2(i)     LEAVES(i, 0x19b8, 0x3370, 0x66e0, 0xcdc0, 0xd6f9, 0xe08b, 0x8c6f, 0x55a7)
#define BEFORE_3(i)     LEAVES(i, 0xc2e8, 0xc8a9, 0xdc2b, 0xf52f, 0xa727, 0x0337, 0x066e, 0x0cdc)
#define BEFORE_4(i)     LEAVES(i, 0x2306, 0x460c, 0x8c18, 0x5549, 0xaa92, 0x185d, 0x30ba, 0x6174)
#define BEFORE_5(i)     LEAVES(i, 0xb5e7, 0x26b7, 0x4d6e, 0x9adc, 0x78c1, 0xf182, 0xae7d, 0x1183)
#define BEFORE_6(i)     LEAVES(i, 0x5f62, 0xbec4, 0x30f1, 0x61e2, 0xc3c4, 0xcaf1, 0xd89b, 0xfc4f)
#define BEFORE_7(i)     LEAVES(i, 0x1612, 0x2c24, 0x5848, 0xb090, 0x2c59, 0x58b2, 0xb164, 0x2fb1)
#define OCTETS_4(t, i)  t(i), t((i) + 1), t((i) + 2), t((i) + 3)
#define OCTETS_16(t, i) OCTETS_4(t, i), OCTETS_4(t, (i) + 4), OCTETS_4(t, (i) + 8), OCTETS_4(t, (i) + 12)
#define OCTETS_64(t, i)                                                                                      \
	OCTETS_16(t, i), OCTETS_16(t, (i) + 16), OCTETS_16(t, (i) + 32), OCTETS_16(t, (i) + 48)
#define OCTETS(t)                                                                                            \
	{                                                                                                    \
		OCTETS_64(t, 0), OCTETS_64(t, 64), OCTETS_64(t, 128), OCTETS_64(t, 192)                      \
	}

static const uint16_t crc_table[8][256] = {OCTETS(BEFORE_0), OCTETS(BEFORE_1), OCTETS(BEFORE_2),
					   OCTETS(BEFORE_3), OCTETS(BEFORE_4), OCTETS(BEFORE_5),
					   OCTETS(BEFORE_6), OCTETS(BEFORE_7)};

uint16_t dnp3_crc(const uint8_t *p, uint32_t n)
{
	uint32_t c = 0;
	for (; n >= 8; n -= 8, p += 8)
		c = (uint32_t)(crc_table[7][(c ^ p[0]) & 0xff] ^ crc_table[6][(c >> 8 ^ p[1]) & 0xff]) ^
		    (uint32_t)(crc_table[5][p[2]] ^ crc_table[4][p[3]] ^ crc_table[3][p[4]]) ^
		    (uint32_t)(crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]]);
	for (uint32_t i = 0; i < n; i++)
		c = c >> 8 ^ crc_table[0][(c ^ p[i]) & 0xff];
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
