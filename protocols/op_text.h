/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What op_print.c and op_parse.c share. */
#ifndef OTFW_PROTOCOLS_OP_TEXT_H
#define OTFW_PROTOCOLS_OP_TEXT_H

#include "protocols/proto.h"

/* Whether operations of this function code carry a sub-function, as far as the vocabulary says. */
bool op_function_has_sub(const struct proto *proto, uint16_t function);

#endif
