/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams that a message opens: from the decoder's words to the guardian's list, and to the kernel's language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/engine/opening.h"
#include "rules/plan_opening.h"

static struct shm *shm;

static int up(void **state)
{
	(void)state;
	shm = calloc(1, shm_size());
	assert_non_null(shm);
	shm_init(shm, 0, 0, FAILURE_CLOSED);
	return 0;
}

static int down(void **state)
{
	(void)state;
	free(shm);
	return 0;
}

static void address(uint8_t ip[16], uint8_t last)
{
	memset(ip, 0, 16);
	ip[10] = ip[11] = 0xff;
	ip[12] = 10;
	ip[15] = last;
}

/* The client is 10.0.0.1, the server 10.0.0.2. */
static struct flow flow_of(void)
{
	struct flow f = {.key = {.pa = 40000, .pb = 44818, .ipproto = 6}};

	address(f.key.a, 1);
	address(f.key.b, 2);
	return f;
}

static void ends(void **state)
{
	static struct pdu pdu;
	struct openings o = {.n = 0};
	struct flow f = flow_of();
	uint8_t client[16], server[16], group[16];

	(void)state;
	address(client, 1);
	address(server, 2);
	address(group, 99);
	pdu_open(&pdu);
	pdu.nopenings = 3;
	pdu.openings[0] = (struct pdu_opening){.port = 2222, .lo = 40, .hi = 40, .id = 0x11223344};
	pdu.openings[1] =
		(struct pdu_opening){.from_server = true, .port = 2222, .lo = 50, .hi = 50, .id = 7};
	pdu.openings[2] = (struct pdu_opening){.from_server = true, .to_group = true, .close = true, .id = 8};
	memcpy(pdu.openings[2].group, group, 16);
	opening_add(&o, &f, &pdu, 5, 9);
	assert_int_equal(o.n, 3);
	assert_int_equal(atomic_load(&shm->openings.head), 0); /* not before the segment goes */
	opening_publish(&o, shm);
	assert_int_equal(o.n, 0);
	assert_int_equal(atomic_load(&shm->openings.head), 3);
	const struct shm_opening *v = shm->openings.v;
	assert_memory_equal(v[0].from, client, 16);
	assert_memory_equal(v[0].to, server, 16);
	assert_memory_equal(v[1].from, server, 16);
	assert_memory_equal(v[1].to, client, 16);
	assert_memory_equal(v[2].from, server, 16);
	assert_memory_equal(v[2].to, group, 16);
	assert_int_equal(v[0].id, 0x11223344);
	assert_int_equal(v[0].rule, 5);
	assert_int_equal(v[0].generation, 9);
	assert_false(v[1].close);
	assert_true(v[2].close);
	/* The same from the other end of the key. */
	f.flags = FLOW_CLIENT_B;
	opening_add(&o, &f, &pdu, 5, 9);
	assert_memory_equal(o.v[0].from, server, 16);
}

/* A guardian that is slow costs openings, counted, and nothing else. */
static void full(void **state)
{
	static struct pdu pdu;
	struct openings o = {.n = 0};
	struct flow f = flow_of();

	(void)state;
	pdu_open(&pdu);
	pdu.nopenings = 1;
	for (uint32_t i = 0; i < SHM_OPENINGS + 10; i++) {
		pdu.openings[0] = (struct pdu_opening){.port = 2222, .lo = 40, .hi = 40, .id = i};
		opening_add(&o, &f, &pdu, 0, 1);
		opening_publish(&o, shm);
	}
	assert_int_equal(atomic_load(&shm->openings.head), SHM_OPENINGS);
	assert_int_equal(atomic_load(&shm->counters[SHM_OPENINGS_LOST]), 10);
	assert_int_equal(shm->openings.v[SHM_OPENINGS - 1].id, SHM_OPENINGS - 1);
	atomic_store(&shm->openings.tail, 1);
	opening_add(&o, &f, &pdu, 0, 1);
	opening_publish(&o, shm);
	assert_int_equal(shm->openings.v[0].id, SHM_OPENINGS + 9);
}

static void kernel_text(void **state)
{
	struct plan_opening o = {.id = 0x11223344, .port = 2222, .lo = 40, .hi = 40}, six = o, varied = o;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	address(o.from, 1);
	address(o.to, 2);
	memset(six.from, 0x20, 16);
	memset(six.to, 0x20, 16);
	plan_opening_put(false, &o, false, out);
	plan_opening_put(true, &o, true, out);
	plan_opening_put(false, &six, false, out);
	memcpy(six.to, o.to, 16);
	plan_opening_put(false, &six, false, out); /* of two families: no such datagram */
	address(varied.from, 1);
	address(varied.to, 2);
	varied.lo = 18;
	plan_opening_put(false, &varied, true, out);
	fclose(out);
	assert_string_equal(
		text,
		"add element inet otfw_opened opened4 { 10.0.0.1 . 10.0.0.2 . 0x08ae0030 . 0x11223344 }\n"
		"add element bridge otfw_opened opened4 { 10.0.0.1 . 10.0.0.2 . 0x08ae0030 . 0x11223344 }\n"
		"delete element bridge otfw_opened opened4 { 10.0.0.1 . 10.0.0.2 . 0x08ae0030 . 0x11223344 }\n"
		"add element inet otfw_opened opened6 { 2020:2020:2020:2020:2020:2020:2020:2020 . "
		"2020:2020:2020:2020:2020:2020:2020:2020 . 0x08ae0030 . 0x11223344 }\n"
		"add element inet otfw_opened varied4 { 10.0.0.1 . 10.0.0.2 . 0x08ae001a-0x08ae0030 . 0x11223344 }\n"
		"add element inet otfw_opened alive4 { 10.0.0.1 . 10.0.0.2 . 0x08ae . 0x11223344 }\n"
		"delete element inet otfw_opened varied4 { 10.0.0.1 . 10.0.0.2 . 0x08ae001a-0x08ae0030 . 0x11223344 }\n"
		"delete element inet otfw_opened alive4 { 10.0.0.1 . 10.0.0.2 . 0x08ae . 0x11223344 }\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends, up, down),
		cmocka_unit_test_setup_teardown(full, up, down),
		cmocka_unit_test(kernel_text),
	};
	return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
