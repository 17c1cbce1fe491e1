/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What decoders tell of a device: exactly what its answer says, and nothing of an answer that is refused, cut or of something else. */
#include "tests/unit/ident_rows.h"
#include "tests/unit/rows.h"

static struct played parts[PLAY_PARTS];
static struct play play;
static struct pdu pdu;

static void before(const struct ident_row *r, const struct proto *proto)
{
	play_open(&play);
	play.picked_up = r->picked_up;
	uint32_t n = play_parts(r->request, parts);
	for (uint32_t i = 0; i < n; i++) {
		play_pdu(&play, proto, parts[i].data, parts[i].n, parts[i].from_server, &pdu);
		if (pdu.fault.reason)
			fail_msg("before it, part %u: %s at %s, octet %u", i, reason_name(pdu.fault.reason),
				 pdu.fault.field, pdu.fault.offset);
		if (!parts[i].from_server)
			assert_int_equal(pdu.nidents, 0);
	}
}

/* The first n octets in memory of exactly that size, so that a sanitizer sees any step beyond; the text of what was told. */
static void told(const struct ident_row *r, const uint8_t *data, uint32_t n, char *text, size_t cap)
{
	const struct proto *proto = proto_get(r->proto);
	uint8_t *copy = malloc(n ? n : 1);
	size_t at = 0;

	assert_non_null(copy);
	memcpy(copy, data, n);
	before(r, proto);
	memset(&pdu, 0xa5, sizeof pdu);
	play_pdu(&play, proto, copy, n, true, &pdu);
	text[0] = '\0';
	assert_in_range(pdu.nidents, 0, PDU_IDENTS);
	for (uint32_t i = 0; i < pdu.nidents; i++) {
		const struct pdu_ident *id = &pdu.idents[i];
		at += (size_t)snprintf(text + at, cap - at, "%s ", ident_name(id->kind));
		if (!id->text.data && id->kind == IDENT_VERSION)
			at += (size_t)snprintf(text + at, cap - at, "%u.%u", id->number >> 16,
					       id->number & 0xffff);
		else if (!id->text.data)
			at += (size_t)snprintf(text + at, cap - at, "%u", id->number);
		else
			at += (size_t)snprintf(text + at, cap - at, "\"");
		const uint8_t *end = id->text.data + id->text.len;
		if (id->text.data)
			assert_true((id->text.data >= copy && end <= copy + n) ||
				    (id->text.data >= pdu.scratch && end <= pdu.scratch + PDU_SCRATCH));
		for (uint32_t k = 0; k < id->text.len; k++) {
			uint8_t c = id->text.data[k];
			bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
			at += (size_t)snprintf(text + at, cap - at, plain ? "%c" : "\\x%02x", c);
		}
		if (id->text.data)
			at += (size_t)snprintf(text + at, cap - at, "\"");
		if (id->has_unit)
			at += (size_t)snprintf(text + at, cap - at, " unit %u", id->unit);
		at += (size_t)snprintf(text + at, cap - at, "\n");
	}
	free(copy);
}

static void tells(void **state)
{
	const struct ident_row *r = *state;
	char text[4096];
	uint32_t n;
	uint8_t *data = rows_octets(r->hex, &n);

	told(r, data, n, text, sizeof text);
	if (r->told && pdu.fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(pdu.fault.reason), pdu.fault.field,
			 pdu.fault.offset);
	if (!r->told)
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
	assert_string_equal(text, r->told ? r->told : "");
	free(data);
}

/* Cut anywhere it is no answer, and tells nothing. */
static void tells_nothing_when_cut(void **state)
{
	const struct ident_row *r = *state;
	char text[4096];
	uint32_t whole;
	uint8_t *data = rows_octets(r->hex, &whole);

	for (uint32_t n = 0; n < whole; n++) {
		told(r, data, n, text, sizeof text);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		assert_string_equal(text, "");
	}
	free(data);
}

/* There is room for one of each kind, and what is empty or there already takes none of it. */
static void one_of_each_kind(void **state)
{
	(void)state;
	const struct pdu_ident nothing = {.kind = IDENT_NAME, .text = {.data = pdu.scratch, .len = 0}};
	pdu_open(&pdu);
	pdu_tell(&pdu, &nothing);
	assert_int_equal(pdu.nidents, 0);
	for (unsigned k = 0; k < 2 * PDU_IDENTS; k++) {
		const struct pdu_ident i = {.kind = (uint8_t)(k % IDENT_COUNT), .number = k};
		pdu_tell(&pdu, &i);
	}
	assert_int_equal(pdu.nidents, PDU_IDENTS);
	assert_true((int)IDENT_COUNT <= PDU_IDENTS);
	for (unsigned k = 0; k < IDENT_COUNT; k++) {
		assert_int_equal(pdu.idents[k].number, k);
		assert_non_null(ident_name(k));
	}
	assert_null(ident_name(IDENT_COUNT));
}

int main(void)
{
	static struct CMUnitTest tests[2 * ROWS(ident_rows) + 1];
	static char names[2 * ROWS(ident_rows)][96];
	size_t n = 0;

	for (size_t i = 0; i < ROWS(ident_rows); i++) {
		for (int cut = 0; cut < (ident_rows[i].told ? 2 : 1); cut++, n++) {
			(void)snprintf(names[n], sizeof names[n], cut ? "%s, cut" : "%s", ident_rows[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = cut ? tells_nothing_when_cut : tells,
						       .initial_state = (void *)(uintptr_t)&ident_rows[i]};
		}
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(one_of_each_kind);
	return _cmocka_run_group_tests("ident", tests, n, NULL, NULL);
}
