/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/policy_inner.h"

bool policy_host_get(const struct policy *p, unsigned i, struct policy_host *out)
{
	if (i >= image_n_hosts(p->image))
		return false;
	const struct image_host *h = &image_hosts(p->image)[i];
	for (int k = 0; k < 8; k++) {
		out->ip[k] = (uint8_t)(h->hi >> (56 - 8 * k));
		out->ip[8 + k] = (uint8_t)(h->lo >> (56 - 8 * k));
	}
	out->unit = h->unit;
	out->name = image_strings(p->image) + h->name;
	return true;
}
