/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Warnings: what compiles and is likely not meant. */
#include <stdlib.h>
#include <string.h>

#include "rules/load.h"
#include "rules/scalar.h"
#include "rules/sets.h"

void load_warnings(struct load *l)
{
	(void)l;
}
