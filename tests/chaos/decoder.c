/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine that can be made to fail, for tests of what happens then. It is linked from the very objects of otfw-engine, with the
 * registry's proto_get() wrapped (-Wl,--wrap): Modbus here has a decoder with a few magic requests, reads of one holding register at
 *
 *   57000   crashes                          57001   loops for ever
 *   57002   ends the process                  57003   is slow: 20 ms
 *
 * Nothing of it is in any binary that is installed, and no released source knows of it.
 */
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocols/proto.h"

#define MAGIC_FIRST 57000u
#define SLOW_NS     20000000

const struct proto *__real_proto_get(unsigned id);
const struct proto *__wrap_proto_get(unsigned id);

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void decode(const struct pdu_in *in, struct pdu *out)
{
	if (!in->from_server && in->len == 12 && in->data[7] == 3) {
		unsigned at = (unsigned)in->data[8] << 8 | in->data[9];
		int64_t until = now_ns() + SLOW_NS;

		switch (at - MAGIC_FIRST) {
		case 0: __builtin_trap();
		case 1:
			for (volatile unsigned i = 0;; i++)
				;
		case 2: _exit(3);
		case 3:
			while (now_ns() < until)
				;
			break;
		default: break;
		}
	}
	__real_proto_get(PROTO_modbus)->decode(in, out);
}

const struct proto *__wrap_proto_get(unsigned id)
{
	static struct proto modbus;

	if (id != PROTO_modbus)
		return __real_proto_get(id);
	if (!modbus.decode) {
		modbus = *__real_proto_get(id);
		modbus.decode = decode;
	}
	return &modbus;
}
