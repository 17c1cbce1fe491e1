/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "protocols/op.h"

static const char *const access_names[ACCESS_COUNT] = {
	[ACCESS_READ] = "read",           [ACCESS_WRITE] = "write",     [ACCESS_OPERATE] = "operate",
	[ACCESS_CONFIGURE] = "configure", [ACCESS_PROGRAM] = "program", [ACCESS_SESSION] = "session",
	[ACCESS_DIAGNOSE] = "diagnose",   [ACCESS_OPAQUE] = "opaque",
};

const char *access_name(unsigned access)
{
	return access < ACCESS_COUNT ? access_names[access] : NULL;
}

enum access access_find(const char *name, size_t len)
{
	unsigned i = 0;
	while (i < ACCESS_COUNT &&
	       !(strlen(access_names[i]) == len && memcmp(access_names[i], name, len) == 0))
		i++;
	return (enum access)i;
}

const char *direction_name(unsigned dir)
{
	static const char *const names[] = {"request", "response", "unsolicited"};
	return dir < sizeof names / sizeof *names ? names[dir] : NULL;
}

int64_t op_order_double(double d)
{
	int64_t bits;
	if (d == 0)
		d = 0; /* -0 is the same number: a bound of 0..100 holds it */
	memcpy(&bits, &d, sizeof bits);
	/* Negative doubles order backwards by their bits; the sign bit itself already sorts below. */
	return bits < 0 ? bits ^ INT64_MAX : bits;
}

double op_double_of(int64_t ordered)
{
	int64_t bits = ordered < 0 ? ordered ^ INT64_MAX : ordered;
	double d;
	memcpy(&d, &bits, sizeof d);
	return d;
}

static uint64_t number_load(const struct op_values *v, uint32_t i)
{
	const uint8_t *p = v->data + (size_t)i * v->stride;
	uint64_t n = 0;
	for (unsigned k = 0; k < v->width; k++)
		n = n << 8 | p[v->little ? v->width - 1u - k : k];
	return n;
}

static bool float_order(uint64_t raw, unsigned width, int64_t *out)
{
	double d;
	if (width == 4) {
		uint32_t half = (uint32_t)raw;
		float f;
		memcpy(&f, &half, sizeof f);
		d = (double)f;
	} else {
		memcpy(&d, &raw, sizeof d);
	}
	if (d != d)
		return false;
	*out = op_order_double(d);
	return true;
}

bool op_value(const struct op_values *v, uint32_t i, int64_t *out)
{
	switch (v->form) {
	case VALUES_ONE:
		if (i != 0)
			return false;
		*out = v->one;
		return true;
	case VALUES_BITS:
		if (i >= v->count)
			return false;
		*out = v->data[i / 8] >> (i % 8) & 1;
		return true;
	case VALUES_NUMBERS: break;
	default: return false;
	}
	if (i >= v->count)
		return false;
	uint64_t raw = number_load(v, i);
	if (v->kind == VALUES_FLOAT)
		return (v->width == 4 || v->width == 8) && float_order(raw, v->width, out);
	if (v->kind == VALUES_SIGNED) {
		/* Sign extension: the sign bit of `width` octets counts negative. */
		uint64_t sign = (uint64_t)1 << (v->width * 8u - 1u);
		raw = (raw ^ sign) - sign;
		memcpy(out, &raw, sizeof *out);
		return true;
	}
	/* Above what an int64_t holds it is the largest: it must not turn negative under an upper bound. */
	*out = raw > INT64_MAX ? INT64_MAX : (int64_t)raw;
	return true;
}
