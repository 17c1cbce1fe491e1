/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNP3: golden PDUs, every refusal with reason, field and offset, framing, pairing, select before operate, vocabulary. */
#include "protocols/dnp3.h"
#include "tests/laws/golden_dnp3.h"
#include "tests/laws/refused_dnp3.h"
#include "tests/unit/rows.h"

static const struct proto *dnp3;
static struct played parts[PLAY_PARTS];
static struct play play;
static struct pdu pdu;

/* A frame around application octets: from the master, or from the outstation. */
static uint32_t wrap(bool from_server, uint16_t unit, uint16_t master, const char *app_hex, uint8_t *out)
{
	uint8_t app[256];
	uint32_t n = play_unhex(app_hex, app + 1, NULL) + 1, at = 10;
	uint16_t destination = from_server ? master : unit, source = from_server ? unit : master;
	app[0] = 0xc0;
	out[0] = 0x05;
	out[1] = 0x64;
	out[2] = (uint8_t)(5 + n);
	out[3] = from_server ? 0x44 : 0xc4;
	out[4] = (uint8_t)destination;
	out[5] = (uint8_t)(destination >> 8);
	out[6] = (uint8_t)source;
	out[7] = (uint8_t)(source >> 8);
	uint16_t crc = dnp3_crc(out, 8);
	out[8] = (uint8_t)crc;
	out[9] = (uint8_t)(crc >> 8);
	for (uint32_t i = 0; i < n; i += 16) {
		uint32_t k = n - i < 16 ? n - i : 16;
		memcpy(out + at, app + i, k);
		crc = dnp3_crc(app + i, k);
		out[at + k] = (uint8_t)crc;
		out[at + k + 1] = (uint8_t)(crc >> 8);
		at += k + 2;
	}
	return at;
}

/* Sends it on the session at hand; what the decoder says. */
static enum reason send_as(bool from_server, uint16_t unit, uint16_t master, const char *app_hex)
{
	uint8_t data[320];
	uint32_t n = wrap(from_server, unit, master, app_hex, data);
	play_pdu(&play, dnp3, data, n, from_server, &pdu);
	return pdu.fault.reason;
}

static enum reason ask(const char *app_hex)
{
	return send_as(false, 4, 3, app_hex);
}

static enum reason answer(const char *app_hex)
{
	return send_as(true, 4, 3, app_hex);
}

static void inside(const struct op *op)
{
	const struct op_values *v = &op->values;
	if (v->form == VALUES_BITS) {
		assert_true(v->count >= 1);
		assert_true(v->data >= pdu.scratch &&
			    v->data + (v->count + 7) / 8 <= pdu.scratch + DNP3_APP_MAX);
	}
	if (v->form == VALUES_NUMBERS) {
		assert_true(v->count >= 1 && v->data >= pdu.scratch);
		assert_true(v->data + (size_t)(v->count - 1) * v->stride + v->width <=
			    pdu.scratch + DNP3_APP_MAX);
	}
	if (op->has & OP_KEY)
		assert_true(op->key.data >= pdu.scratch && op->key.len >= 1 &&
			    op->key.data + op->key.len <= pdu.scratch + sizeof pdu.scratch);
}

/* ---- golden ---- */

static void golden(void **state)
{
	const struct golden *g = *state;
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	struct frame f = dnp3->frame(data, len, g->from_server);
	assert_int_equal(f.state, FRAME_PDU);
	assert_int_equal(f.length, len);
	free(data);

	play_open(&play);
	memset(&pdu, 0xa5, sizeof pdu);
	play_golden(&play, dnp3, g->request, g->hex, g->from_server, parts, &pdu);
	if (pdu.fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(pdu.fault.reason), pdu.fault.field,
			 pdu.fault.offset);
	assert_null(pdu.fault.field);
	bool response = pdu.ops[0].dir == DIR_RESPONSE;
	assert_int_equal(pdu.answers >= 0, response && g->request);
	assert_true(g->from_server || pdu.claim == CLAIM_USE || pdu.claim == CLAIM_KEEP);
	if (g->from_server) {
		assert_false(pdu.answer_expected);
		assert_int_equal(pdu.claim, CLAIM_NONE);
	}
	char text[8192] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < pdu.nops; i++) {
		inside(&pdu.ops[i]);
		at += op_print(&pdu.ops[i], dnp3, 24, text + at, sizeof text - at);
		text[at++] = '\n';
		text[at] = '\0';
	}
	assert_string_equal(text, g->ops);
}

/* Every strict prefix is not yet a PDU, and no PDU; nor is the PDU with an octet behind it. */
static void golden_prefix(void **state)
{
	const struct golden *g = *state;
	uint32_t whole;
	uint8_t *data = rows_octets(g->hex, &whole);
	play_open(&play);
	for (uint32_t len = 0; len < whole; len++) {
		uint8_t *part = malloc(len ? len : 1);
		assert_non_null(part);
		memcpy(part, data, len);
		struct frame f = dnp3->frame(part, len, g->from_server);
		assert_int_not_equal(f.state, FRAME_BAD);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, whole);
		play_pdu(&play, dnp3, part, len, g->from_server, &pdu);
		assert_int_equal(pdu.fault.reason, REASON_SHORT);
		free(part);
	}
	uint8_t *longer = calloc(1, whole + 1);
	assert_non_null(longer);
	memcpy(longer, data, whole);
	play_pdu(&play, dnp3, longer, whole + 1, g->from_server, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_TRAILING);
	assert_int_equal(pdu.fault.offset, whole);
	free(longer);
	free(data);
}

/* Any one bit that is wrong is noticed. */
static void golden_bit(void **state)
{
	const struct golden *g = *state;
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	play_open(&play);
	for (uint32_t i = 0; i < len * 8; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		play_pdu(&play, dnp3, data, len, g->from_server, &pdu);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(data);
}

/* What the vocabulary says of a function is what its requests carry. */
static void golden_vocabulary(void **state)
{
	const struct golden *g = *state;
	play_open(&play);
	play_golden(&play, dnp3, g->request, g->hex, g->from_server, parts, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		const struct vocab_function *f = proto_function(dnp3, op_function_key(op));
		assert_non_null(f);
		assert_true(f->access & 1u << op->access);
		assert_int_equal(op->has & (OP_UNIT | OP_ORIGIN | OP_SUB), OP_UNIT | OP_ORIGIN);
		if (op->has & OP_SPACE) {
			const struct vocab_space *s = proto_space(dnp3, op->space);
			assert_non_null(s);
			assert_true(op->has & OP_RANGE);
			assert_true(op->first <= op->last && op->first >= s->min && op->last <= s->max);
			if (op->access == ACCESS_WRITE || op->access == ACCESS_OPERATE)
				assert_true(s->writable);
		}
		if (op->dir == DIR_RESPONSE)
			continue;
		assert_int_equal(!!(f->flags & FN_RANGE), !!(op->has & OP_RANGE));
		assert_int_equal(!!(f->flags & FN_OPAQUE), op->access == ACCESS_OPAQUE);
		if (op->dir == DIR_REQUEST && op->values.form != VALUES_NONE)
			assert_true(f->flags & FN_VALUES);
		if (op->has & OP_KEY)
			assert_true(f->flags & FN_KEY);
		for (uint32_t k = 0; k < op->nargs; k++)
			assert_true(f->flags & FN_ARG(op->args[k].name));
	}
}

/* ---- refused ---- */

static void refused(void **state)
{
	const struct refusal *r = *state;
	uint32_t len;
	uint8_t *data = rows_octets(r->hex, &len);
	play_open(&play);
	uint32_t n = play_parts(r->request, parts);
	for (uint32_t i = 0; i < n; i++) {
		play_pdu(&play, dnp3, parts[i].data, parts[i].n, parts[i].from_server, &pdu);
		assert_int_equal(pdu.fault.reason, REASON_NONE);
	}
	play_pdu(&play, dnp3, data, len, r->from_server, &pdu);
	assert_string_equal(reason_name(pdu.fault.reason), reason_name(r->reason));
	assert_string_equal(pdu.fault.field, r->field);
	assert_int_equal(pdu.fault.offset, r->offset);
	assert_true(pdu.fault.offset <= len);
	assert_int_equal(pdu.nops, 0);
	assert_false(pdu.answer_expected);
	free(data);
}

/* What frame() already refuses it refuses for the same reason, and never takes back what it said of fewer octets. */
static void refused_frame(void **state)
{
	const struct refusal *r = *state;
	uint32_t len;
	uint8_t *data = rows_octets(r->hex, &len);
	struct frame was = {.state = FRAME_MORE};
	for (uint32_t n = 0; n <= len; n++) {
		struct frame f = dnp3->frame(data, n, r->from_server);
		if (was.state != FRAME_MORE) {
			assert_int_equal(f.state, was.state);
			assert_int_equal(f.length, was.length);
			assert_int_equal(f.fault.reason, was.fault.reason);
			assert_int_equal(f.fault.offset, was.fault.offset);
		}
		if (f.state == FRAME_BAD) {
			assert_int_equal(f.fault.reason, r->reason);
			assert_string_equal(f.fault.field, r->field);
			assert_int_equal(f.fault.offset, r->offset);
		}
		was = f;
	}
	free(data);
}

/* ---- link ---- */

static void checksum(void **state)
{
	(void)state;
	/* A link reset from 1024 to 1, as the literature gives it. */
	static const uint8_t header[] = {0x05, 0x64, 0x05, 0xc0, 0x01, 0x00, 0x00, 0x04};
	assert_int_equal(dnp3_crc(header, sizeof header), 0x21e9);
	assert_int_equal(dnp3_crc(header, 0), 0xffff);
	/* And as the polynomial says, bit by bit, at every length that a frame has. */
	uint8_t data[16];
	uint32_t seed = 1;
	for (uint32_t round = 0; round < 4096; round++) {
		uint32_t n = round % 17, c = 0;
		for (uint32_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			data[i] = (uint8_t)(seed >> 24);
			c ^= data[i];
			for (unsigned k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ 0xa6bc : c >> 1;
		}
		assert_int_equal(dnp3_crc(data, n), (uint16_t)~c);
	}
}

/* The longest fragment, in the frames that masters cut it into, and in the most frames that fit. */
static void longest(void **state)
{
	(void)state;
	static uint8_t data[DNP3_PDU_MAX + 300], app[DNP3_APP_MAX];
	for (unsigned each = 249; each > 40; each--) {
		uint32_t n = 0, left = sizeof app, seq = 0;
		memset(app, 0, sizeof app);
		app[0] = 0xc0;
		app[1] = 0x01;
		/* Reads of one point each; the last one shorter, to end with the fragment. */
		for (uint32_t i = 2; i < sizeof app; i += 3) {
			app[i] = 60;
			app[i + 1] = 2;
			app[i + 2] = 6;
		}
		bool fits = true;
		while (left > 0) {
			uint32_t k = left < each ? left : each, at = n + 10;
			uint8_t user[250];
			user[0] = (uint8_t)((left == sizeof app ? 0x40 : 0) | (k == left ? 0x80 : 0) | seq++);
			memcpy(user + 1, app + sizeof app - left, k);
			uint8_t *h = data + n;
			memcpy(h, (const uint8_t[]){0x05, 0x64, (uint8_t)(6 + k), 0xc4, 4, 0, 3, 0}, 8);
			uint16_t crc = dnp3_crc(h, 8);
			h[8] = (uint8_t)crc;
			h[9] = (uint8_t)(crc >> 8);
			for (uint32_t i = 0; i < k + 1; i += 16) {
				uint32_t m = k + 1 - i < 16 ? k + 1 - i : 16;
				memcpy(data + at, user + i, m);
				crc = dnp3_crc(user + i, m);
				data[at + m] = (uint8_t)crc;
				data[at + m + 1] = (uint8_t)(crc >> 8);
				at += m + 2;
			}
			n = at;
			left -= k;
			fits = n + (left ? 14 : 0) <= DNP3_PDU_MAX;
			if (!fits)
				break;
		}
		struct frame f = dnp3->frame(data, n, false);
		assert_int_equal(f.state, fits ? FRAME_PDU : FRAME_BAD);
		if (!fits) {
			assert_int_equal(f.fault.reason, REASON_OVERSIZE);
			return; /* smaller frames do not fit either */
		}
		assert_int_equal(f.length, n);
		play_open(&play);
		play_pdu(&play, dnp3, data, n, false, &pdu);
		/* 682 headers: too many operations, which is found where the 65th would be. */
		assert_int_equal(pdu.fault.reason, REASON_TOO_MANY_OPERATIONS);
		assert_memory_equal(pdu.scratch, app, sizeof app);
	}
	fail_msg("no frame size was too small");
}

/* ---- pairing ---- */

#define READ "c3 01 3c0106"
#define DATA "c3 81 0000 1e0400 0000 0700"

static void a_repeated_request(void **state)
{
	(void)state;
	play_open(&play);
	assert_int_equal(ask(READ), REASON_NONE);
	uint32_t first = pdu.ask.id;
	assert_int_equal(ask(READ), REASON_NONE);
	assert_true(pdu.answer_expected && pdu.ask.id != first);
	uint32_t second = pdu.ask.id;
	/* The answer is the last one's; the next answer is the first one's. */
	assert_int_equal(answer(DATA), REASON_NONE);
	assert_int_equal(play.asked[pdu.answers].id, second);
	assert_int_equal(answer(DATA), REASON_NONE);
	assert_int_equal(play.asked[pdu.answers].id, first);
	assert_int_equal(answer(DATA), REASON_NONE);
	assert_int_equal(pdu.answers, -1);
}

static void answers_of_several_stations(void **state)
{
	(void)state;
	play_open(&play);
	for (uint16_t unit = 10; unit < 14; unit++)
		assert_int_equal(send_as(false, unit, 3, READ), REASON_NONE);
	for (uint16_t unit = 13; unit >= 10; unit--) {
		assert_int_equal(send_as(true, unit, 3, DATA), REASON_NONE);
		assert_int_equal(pdu.answers, unit - 10);
		assert_int_equal(pdu.ops[0].unit, unit);
	}
	/* Another number, another master, another station: nobody's answer. */
	assert_int_equal(send_as(false, 10, 3, READ), REASON_NONE);
	assert_int_equal(send_as(true, 10, 3, "c4 81 0000"), REASON_NONE);
	assert_int_equal(pdu.answers, -1);
	assert_int_equal(send_as(true, 10, 2, DATA), REASON_NONE);
	assert_int_equal(pdu.answers, -1);
	assert_int_equal(send_as(true, 11, 3, DATA), REASON_NONE);
	assert_int_equal(pdu.answers, -1);
	/* Whoever was asked under the address for any station answers under its own. */
	assert_int_equal(send_as(false, DNP3_SELF, 7, READ), REASON_NONE);
	assert_int_equal(send_as(true, 99, 7, DATA), REASON_NONE);
	assert_true(pdu.answers >= 0);
}

static void an_answer_in_parts(void **state)
{
	(void)state;
	play_open(&play);
	assert_int_equal(ask("cf 01 3c0106"), REASON_NONE);
	assert_int_equal(answer("af 81 0000 1e0400 0000 0700"), REASON_NONE);
	assert_true(pdu.answers == 0 && pdu.answer_more);
	assert_int_equal(answer("20 81 0000 1e0400 0101 0700"), REASON_NONE);
	assert_true(pdu.answers == 0 && pdu.answer_more);
	/* A confirmation does not disturb, nor does what comes unasked. */
	assert_int_equal(ask("c0 00"), REASON_NONE);
	assert_int_equal(answer("f0 82 0000"), REASON_NONE);
	assert_int_equal(answer("61 81 0000 1e0400 0202 0700"), REASON_NONE);
	assert_true(pdu.answers == 0 && !pdu.answer_more);
	/* A part more than the last belongs to nothing. */
	assert_int_equal(answer("62 81 0000"), REASON_NONE);
	assert_int_equal(pdu.answers, -1);
}

static void what_expects_no_answer(void **state)
{
	(void)state;
	static const struct {
		const char *app;
		bool expected;
	} rows[] = {{"c0 00", false},
		    {"c0 01 3c0106", true},
		    {"c0 06 290217 01 00 0100 00", false},
		    {"c0 05 290217 01 00 0100 00", true},
		    {"c0 08 140006", false},
		    {"c0 0a 140006", false},
		    {"c0 0c 320207 01 000000000000 00000000 140006", false},
		    {"c0 0d", true},
		    {"c0 20 78025b 01 0a00 01000000 0100 deadbeef", false},
		    {"c0 20 780407 01 0100", true},
		    {"c0 21 780407 01 0100", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		play_open(&play);
		assert_int_equal(ask(rows[i].app), REASON_NONE);
		assert_int_equal(pdu.answer_expected, rows[i].expected);
		assert_int_equal(send_as(false, 65533, 3, "c0 0d"), REASON_NONE);
		assert_false(pdu.answer_expected);
		assert_int_equal(pdu.claimed, CLAIM_SERVER);
	}
}

/* ---- select before operate ---- */

#define SELECTED "0c0117 01 05 03 01 00000000 00000000 00"

static void select_ends(void **state)
{
	(void)state;
	play_open(&play);
	assert_int_equal(ask("c1 03 " SELECTED), REASON_NONE);
	play.now_us += DNP3_SELECT_US;
	assert_int_equal(ask("c2 04 " SELECTED), REASON_NONE);
	/* A repetition of it does no more. */
	assert_int_equal(ask("c2 04 " SELECTED), REASON_NONE);
	play.now_us += 1;
	assert_int_equal(ask("c2 04 " SELECTED), REASON_NOT_SELECTED);
	/* A later select counts alone. */
	assert_int_equal(ask("c3 03 " SELECTED), REASON_NONE);
	assert_int_equal(ask("c2 04 " SELECTED), REASON_NOT_SELECTED);
	assert_int_equal(ask("c4 04 " SELECTED), REASON_NONE);
}

/* A select that did not pass was not kept, so nothing can be operated after it. */
static void select_denied(void **state)
{
	(void)state;
	uint8_t before[PROTO_STATE_MAX];
	play_open(&play);
	memcpy(before, play.state, sizeof before);
	assert_int_equal(ask("c1 03 " SELECTED), REASON_NONE);
	memcpy(play.state, before, sizeof before);
	assert_int_equal(ask("c2 04 " SELECTED), REASON_NOT_SELECTED);
}

/* As many stations as are remembered can be selected at once; of one more, the oldest is forgotten. */
static void select_many(void **state)
{
	(void)state;
	play_open(&play);
	for (uint16_t unit = 0; unit < DNP3_STATIONS; unit++)
		assert_int_equal(send_as(false, unit, 3, "c1 03 " SELECTED), REASON_NONE);
	for (uint16_t unit = 0; unit < DNP3_STATIONS; unit++)
		assert_int_equal(send_as(false, unit, 3, "c2 04 " SELECTED), REASON_NONE);
	assert_int_equal(send_as(false, 100, 3, "c1 03 " SELECTED), REASON_NONE);
	assert_int_equal(send_as(false, 0, 3, "c2 04 " SELECTED), REASON_NOT_SELECTED);
	assert_int_equal(send_as(false, 1, 3, "c2 04 " SELECTED), REASON_NONE);
	assert_int_equal(send_as(false, 100, 3, "c2 04 " SELECTED), REASON_NONE);
}

/* ---- files: a handle is good for what it was given for ---- */

#define OPEN(seq, mode, id)                                                                                  \
	seq " 19 46035b01 1c00 1a000200 000000000000 ff01 00000000 ffffffff " mode "00 0002 " id "00 2f61"
#define STATUS(seq, handle, id, code) seq " 81 0000 46045b01 0d00 " handle " 00100000 0002 " id "00 " code
#define BLOCK(seq, function, handle)  seq " " function " 46055b01 0800 " handle " 00000000"
#define CLOSE(seq, handle)            seq " 1a 46045b01 0d00 " handle " 00000000 0000 0000 00"
#define ITS(seq, handle, block)       seq " 81 0000 46055b01 0900 " handle " " block "000000 61"

static void a_handle_is_good_for(void **state)
{
	(void)state;
	play_open(&play);
	/* Never given. */
	assert_int_equal(ask(BLOCK("c0", "01", "11000000")), REASON_STATE);
	assert_string_equal(pdu.fault.field, "file-handle");
	assert_int_equal(ask(BLOCK("c0", "02", "11000000")), REASON_STATE);
	assert_int_equal(ask(CLOSE("c0", "11000000")), REASON_STATE);
	/* Asked for, not yet given: 0 is no handle. */
	assert_int_equal(ask(OPEN("c1", "01", "07")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c2", "01", "00000000")), REASON_STATE);
	assert_int_equal(answer(STATUS("c1", "11000000", "07", "00")), REASON_NONE);
	/* Opened to read: not to write, not of another station, not for another master. */
	assert_int_equal(ask(BLOCK("c2", "02", "11000000")), REASON_STATE);
	assert_int_equal(send_as(false, 5, 3, BLOCK("c2", "01", "11000000")), REASON_STATE);
	assert_int_equal(send_as(false, 4, 2, BLOCK("c2", "01", "11000000")), REASON_STATE);
	assert_int_equal(ask(BLOCK("c2", "01", "12000000")), REASON_STATE);
	assert_int_equal(ask(BLOCK("c2", "01", "11000000")), REASON_NONE);
	/* The answer is that block. */
	assert_int_equal(answer(ITS("c2", "11000000", "01")), REASON_ANSWER_CONTENT);
	assert_int_equal(answer(ITS("c2", "12000000", "00")), REASON_ANSWER_CONTENT);
	assert_int_equal(answer(ITS("c2", "11000000", "00")), REASON_NONE);
	/* Closed, which may be said again. */
	assert_int_equal(ask(CLOSE("c3", "11000000")), REASON_NONE);
	assert_int_equal(ask(CLOSE("c4", "11000000")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c5", "01", "11000000")), REASON_STATE);
	/* The same handle again, now to write; and to append. */
	assert_int_equal(ask(OPEN("c6", "02", "07")), REASON_NONE);
	assert_int_equal(answer(STATUS("c6", "11000000", "07", "00")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c7", "01", "11000000")), REASON_STATE);
	assert_int_equal(ask(BLOCK("c7", "02", "11000000")), REASON_NONE);
	assert_int_equal(ask(OPEN("c8", "03", "08")), REASON_NONE);
	assert_int_equal(answer(STATUS("c8", "12000000", "08", "00")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c9", "02", "12000000")), REASON_NONE);
}

static void a_handle_that_was_refused(void **state)
{
	(void)state;
	play_open(&play);
	assert_int_equal(ask(OPEN("c1", "01", "07")), REASON_NONE);
	assert_int_equal(answer(STATUS("c1", "11000000", "07", "03")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c2", "01", "11000000")), REASON_STATE);
	/* The status of another request says nothing of this one. */
	assert_int_equal(ask(OPEN("c3", "01", "08")), REASON_NONE);
	assert_int_equal(answer(STATUS("c3", "11000000", "09", "00")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c4", "01", "11000000")), REASON_STATE);
	/* It may come later, as an event. */
	assert_int_equal(answer("d5 82 0000 46045b01 0d00 11000000 00100000 0002 0800 00"), REASON_NONE);
	assert_int_equal(ask(BLOCK("c5", "01", "11000000")), REASON_NONE);
}

/* What the opening of a file said was never seen: the handle is believed, for what it is used for first. */
static void a_handle_in_a_session_found_in_its_middle(void **state)
{
	(void)state;
	play_open(&play);
	play.picked_up = true;
	assert_int_equal(ask(BLOCK("c1", "02", "11000000")), REASON_NONE);
	play.picked_up = false;
	assert_int_equal(ask(BLOCK("c2", "02", "11000000")), REASON_NONE);
	assert_int_equal(ask(BLOCK("c3", "01", "11000000")), REASON_STATE);
	assert_int_equal(ask(BLOCK("c3", "02", "12000000")), REASON_STATE);
}

/* As many files as are remembered; one more takes the place of one that was closed, else of the oldest. */
static void many_files(void **state)
{
	char text[200];
	(void)state;
	play_open(&play);
	for (unsigned i = 1; i <= DNP3_FILES + 2; i++) {
		(void)snprintf(text, sizeof text, OPEN("c1", "01", "%02x"), i);
		assert_int_equal(ask(text), REASON_NONE);
		(void)snprintf(text, sizeof text, STATUS("c1", "%02x000000", "%02x", "00"), i, i);
		assert_int_equal(answer(text), REASON_NONE);
		if (i == DNP3_FILES)
			assert_int_equal(ask(CLOSE("c2", "05000000")), REASON_NONE);
	}
	for (unsigned i = 1; i <= DNP3_FILES + 2; i++) {
		(void)snprintf(text, sizeof text, BLOCK("c3", "01", "%02x000000"), i);
		assert_int_equal(ask(text), i == 1 || i == 5 ? REASON_STATE : REASON_NONE);
	}
}

/* ---- answers with more headers than operations ---- */

static void many_headers(void **state)
{
	(void)state;
	static uint8_t data[2400];
	static char app[2000];
	size_t at = 0;
	/* 32 binary events with indexes that grow, among analog ones: each its own header, as they happened. */
	at += (size_t)snprintf(app, sizeof app, "f0820000");
	for (unsigned i = 0; i < 16; i++)
		at += (size_t)snprintf(app + at, sizeof app - at,
				       "02011701%02x81"
				       "20021701%02x010000",
				       i, 100 + i);
	play_open(&play);
	uint32_t n = wrap(true, 4, 3, app, data);
	play_pdu(&play, dnp3, data, n, true, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.nops, 33);
	/* And more of them than there are operations, in a fragment of several frames. */
	static uint8_t big[1600];
	uint32_t len = 0, seq = 0, m = 0;
	memcpy(big, (const uint8_t[]){0xf0, 0x82, 0, 0}, 4);
	len = 4;
	for (unsigned i = 0; i < 100; i++) {
		memcpy(big + len, (const uint8_t[]){2, 1, 0x17, 1, (uint8_t)(200 - i), 0x81}, 6);
		memcpy(big + len + 6, (const uint8_t[]){32, 2, 0x17, 1, (uint8_t)i, 1, 0, 0}, 8);
		len += 14;
	}
	for (uint32_t done = 0; done < len;) {
		uint32_t k = len - done < 15 * 16 ? len - done : 15 * 16 - 1;
		uint8_t user[256];
		user[0] = (uint8_t)((done == 0 ? 0x40 : 0) | (done + k == len ? 0x80 : 0) | (seq++ & 63));
		memcpy(user + 1, big + done, k);
		memcpy(data + m, (const uint8_t[]){0x05, 0x64, (uint8_t)(6 + k), 0x44, 3, 0, 4, 0}, 8);
		uint16_t crc = dnp3_crc(data + m, 8);
		data[m + 8] = (uint8_t)crc;
		data[m + 9] = (uint8_t)(crc >> 8);
		m += 10;
		for (uint32_t i = 0; i < k + 1; i += 16) {
			uint32_t b = k + 1 - i < 16 ? k + 1 - i : 16;
			memcpy(data + m, user + i, b);
			crc = dnp3_crc(user + i, b);
			data[m + b] = (uint8_t)crc;
			data[m + b + 1] = (uint8_t)(crc >> 8);
			m += b + 2;
		}
		done += k;
	}
	play_pdu(&play, dnp3, data, m, true, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.nops, 48);
	uint32_t lowest = UINT32_MAX, highest = 0;
	for (uint32_t i = 1; i < pdu.nops; i++) {
		if (pdu.ops[i].space != SP_BINARY_INPUT)
			continue;
		lowest = pdu.ops[i].first < lowest ? pdu.ops[i].first : lowest;
		highest = pdu.ops[i].last > highest ? pdu.ops[i].last : highest;
	}
	assert_int_equal(lowest, 101);
	assert_int_equal(highest, 200);
}

/* ---- vocabulary ---- */

static void vocabulary_is_sound(void **state)
{
	(void)state;
	unsigned n = 0;
	for (const struct vocab_function *f = dnp3->functions; f->name; f++, n++) {
		assert_true(f->lo <= f->hi);
		assert_int_not_equal(f->access, 0);
		assert_non_null(f->doc);
		assert_ptr_equal(proto_function_find(dnp3, f->name, strlen(f->name)), f);
		if (!(f->flags & FN_GROUP))
			assert_ptr_equal(proto_function(dnp3, f->hi), f);
		assert_int_equal(!!(f->flags & FN_OPAQUE), f->access == 1u << ACCESS_OPAQUE);
	}
	assert_true(n >= 34 + 3 + 8);
	for (unsigned i = 0; i < SP_COUNT; i++) {
		const struct vocab_space *s = proto_space(dnp3, i);
		assert_non_null(s);
		assert_non_null(s->doc);
		assert_ptr_equal(proto_space_find(dnp3, s->name, strlen(s->name)), s);
	}
	assert_null(proto_space(dnp3, SP_COUNT));
	/* Every object that decodes has a name, and every name decodes. */
	for (uint32_t g = 0; g < 256; g++) {
		for (uint32_t v = 0; v < 256; v++) {
			const struct dnp3_group *group = dnp3_group(g);
			bool known = group && dnp3_layout(group, v)->lay != LAY_NONE;
			const struct vocab_name *name = dnp3_args[DNP3_ARG_OBJECT].names;
			unsigned found = 0;
			char text[16];
			(void)snprintf(text, sizeof text, "g%uv%u", g, v);
			for (; name->name; name++)
				if (name->value == (int64_t)(g << 8 | v)) {
					assert_string_equal(name->name, text);
					found++;
				}
			assert_true(found <= 1);
			if (known)
				assert_int_equal(found, 1);
		}
	}
}

static void registry(void **state)
{
	(void)state;
	assert_int_equal(proto_find("dnp3", 4), PROTO_dnp3);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 20000), PROTO_dnp3);
	assert_int_equal(proto_by_port(TRANSPORT_UDP, 20000), PROTO_dnp3);
	assert_true(dnp3->state_size <= PROTO_STATE_MAX);
	assert_int_equal(dnp3->max_pdu, 9 * 292);
}

int main(void)
{
	static struct CMUnitTest tests[GOLDEN_DNP3 * 5 + ROWS(refused_dnp3) * 2 + 16];
	static char names[GOLDEN_DNP3 * 5 + ROWS(refused_dnp3)][120];
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} golden_runs[] = {{"golden", golden},
			   {"text", rows_text},
			   {"prefix", golden_prefix},
			   {"one bit", golden_bit},
			   {"vocabulary", golden_vocabulary}};
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(checksum),
		cmocka_unit_test(longest),
		cmocka_unit_test(a_repeated_request),
		cmocka_unit_test(answers_of_several_stations),
		cmocka_unit_test(an_answer_in_parts),
		cmocka_unit_test(what_expects_no_answer),
		cmocka_unit_test(select_ends),
		cmocka_unit_test(select_denied),
		cmocka_unit_test(select_many),
		cmocka_unit_test(a_handle_is_good_for),
		cmocka_unit_test(a_handle_that_was_refused),
		cmocka_unit_test(a_handle_in_a_session_found_in_its_middle),
		cmocka_unit_test(many_files),
		cmocka_unit_test(many_headers),
		cmocka_unit_test(vocabulary_is_sound),
		cmocka_unit_test(registry)};
	size_t n = 0, k = 0;
	dnp3 = proto_get(PROTO_dnp3);
	rows_proto = dnp3;
	for (size_t r = 0; r < ROWS(golden_runs); r++) {
		for (size_t i = 0; i < GOLDEN_DNP3; i++, n++, k++) {
			(void)snprintf(names[k], sizeof names[k], "%s: %s", golden_runs[r].name,
				       golden_dnp3[i].name);
			tests[n] = (struct CMUnitTest){.name = names[k],
						       .test_func = golden_runs[r].run,
						       .initial_state = (void *)(uintptr_t)&golden_dnp3[i]};
		}
	}
	for (size_t i = 0; i < ROWS(refused_dnp3); i++) {
		void *row = (void *)(uintptr_t)&refused_dnp3[i];
		tests[n++] = (struct CMUnitTest){
			.name = refused_dnp3[i].name, .test_func = refused, .initial_state = row};
		(void)snprintf(names[k], sizeof names[k], "frame: %s", refused_dnp3[i].name);
		tests[n++] = (struct CMUnitTest){
			.name = names[k++], .test_func = refused_frame, .initial_state = row};
	}
	for (size_t i = 0; i < ROWS(singles); i++)
		tests[n++] = singles[i];
	return _cmocka_run_group_tests("dnp3", tests, n, NULL, NULL);
}
