/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7comm: blocks and program invocations (0x1a to 0x1f, 0x28, 0x29).
 *
 * A download turns the roles around. The client asks for one (0x1a, with the block's name); the controller then asks the client for
 * each part (0x1b), says when it has them all (0x1c), and the client puts the block in place with the service _INSE. An upload is asked for with
 * the block's name (0x1d), whose answer gives it a number; the parts (0x1e) and the end (0x1f) name that number alone.
 *
 *    name:  '_'  "0A"   "00001"  'P'       type (08 OB, 0A DB, 0B SDB, 0C FC, 0D SFC, 0E FB, 0F SFB), number, file system (A, B, P)
 *
 * So each operation carries type and number, those without a name take them from the transfer that goes on; a part of a transfer that nobody
 * began is refused (state). Refused are also names that are no blocks, and lengths that disagree. The blocks' content is not read.
 */
#include <string.h>

#include "protocols/s7.h"

uint32_t s7_block_type(struct cursor *c, const char *field)
{
	struct view v = cursor_bytes(c, 2, field);
	if (!cursor_ok(c))
		return 0;
	uint32_t type = 0;
	if (v.data[1] == '8')
		type = 8;
	else if (v.data[1] >= 'A' && v.data[1] <= 'F')
		type = v.data[1] - 'A' + 10u;
	cursor_check(c, v.data[0] == '0' && type != 0, 2, REASON_FIELD_VALUE, field);
	return type;
}

static uint32_t digits(struct cursor *c, uint32_t n, const char *field)
{
	struct view v = cursor_bytes(c, n, field);
	uint32_t x = 0;
	for (uint32_t i = 0; i < v.len; i++) {
		cursor_check(c, v.data[i] >= '0' && v.data[i] <= '9', n - i, REASON_FIELD_VALUE, field);
		x = x * 10 + (v.data[i] - '0');
	}
	return x;
}

uint32_t s7_block_number(struct cursor *c, const char *field)
{
	return digits(c, 5, field);
}

struct block {
	uint32_t type, number;
};

static void file_system(struct cursor *c)
{
	uint32_t fs = cursor_u8(c, "block.file-system");
	cursor_check(c, fs == 'A' || fs == 'B' || fs == 'P', 1, REASON_FIELD_VALUE, "block.file-system");
}

/* Length 9 and a block's name. */
static struct block block_name(struct cursor *c)
{
	uint32_t len = cursor_u8(c, "block.name-length");
	cursor_check(c, len == 9, 1, REASON_LENGTH, "block.name-length");
	uint32_t mark = cursor_u8(c, "block.name");
	cursor_check(c, mark == '_', 1, REASON_FIELD_VALUE, "block.name");
	struct block b;
	b.type = s7_block_type(c, "block.type");
	b.number = s7_block_number(c, "block.number");
	file_system(c);
	return b;
}

static struct op *block_op(struct s7 *s, enum direction dir, uint32_t function, struct block b)
{
	struct op *op = s7_op(s, dir, ACCESS_PROGRAM, function);
	s7_range(op, S7_SPACE_BLOCK, b.number, 1);
	s7_arg(op, S7_ARG_BLOCK_TYPE, b.type);
	return op;
}

static void ask_block(struct s7 *s, uint32_t function, struct block b)
{
	s7_ask(s, block_op(s, DIR_REQUEST, function, b))->aux[0] = b.type;
}

/* 0x1a: status, two octets and four of no known meaning, name, lengths in decimal. */
static void request_download(struct s7 *s)
{
	struct cursor *c = &s->param;
	cursor_bytes(c, 7, "download.status");
	struct block b = block_name(c);
	uint32_t len = cursor_u8(c, "download.length");
	cursor_check(c, len == 13, 1, REASON_LENGTH, "download.length");
	cursor_u8(c, "download.reserved");
	digits(c, 6, "download.load-length");
	digits(c, 6, "download.code-length");
	if (!s7_size(c, 0, "header.parameter-length"))
		return;
	ask_block(s, S7_REQUEST_DOWNLOAD, b);
}

/* 0x1d */
static void start_upload(struct s7 *s)
{
	cursor_bytes(&s->param, 7, "upload.status");
	struct block b = block_name(&s->param);
	if (s7_size(&s->param, 0, "header.parameter-length"))
		ask_block(s, S7_START_UPLOAD, b);
}

/* 0x1e, 0x1f */
static void upload(struct s7 *s, uint32_t function)
{
	if (!s7_size(&s->param, 7, "header.parameter-length"))
		return;
	cursor_bytes(&s->param, 3, "upload.status");
	uint32_t id = cursor_be32(&s->param, "upload.id");
	cursor_check(&s->param, s->st.upload_on && s->st.upload_id == id, 4, REASON_STATE, "upload.id");
	if (!cursor_ok(&s->c))
		return;
	ask_block(s, function, (struct block){.type = s->st.upload_type, .number = s->st.upload_number});
}

static bool is(struct view v, const char *name)
{
	return v.len == strlen(name) && memcmp(v.data, name, v.len) == 0;
}

/* _INSE, _DELE: count, 0, blocks without the leading mark. An operation each. */
static void block_list(struct s7 *s, struct cursor *c, uint32_t sub)
{
	uint32_t n = cursor_u8(c, "pi.block-count");
	cursor_check(c, n >= 1 && n <= S7_PI_BLOCKS_MAX, 1, REASON_COUNT, "pi.block-count");
	uint32_t zero = cursor_u8(c, "pi.reserved");
	cursor_check(c, zero == 0, 1, REASON_RESERVED, "pi.reserved");
	for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
		struct block b;
		b.type = s7_block_type(c, "block.type");
		b.number = s7_block_number(c, "block.number");
		file_system(c);
		if (cursor_ok(c))
			s7_sub(block_op(s, DIR_REQUEST, S7_PI_SERVICE, b), sub);
	}
	cursor_end(c, "pi.parameter-length");
}

/* 0x28: seven octets of no known meaning, parameter block, name. */
static void pi_service(struct s7 *s)
{
	struct cursor *c = &s->param;
	cursor_bytes(c, 7, "pi.reserved");
	uint32_t len = cursor_be16(c, "pi.parameter-length");
	struct cursor block = cursor_sub(c, len, "pi.parameter-length");
	uint32_t name_len = cursor_u8(c, "pi.name-length");
	cursor_check(c, name_len >= 1, 1, REASON_COUNT, "pi.name-length");
	struct view name = cursor_bytes(c, name_len, "pi.name");
	if (!s7_size(c, 0, "header.parameter-length"))
		return;
	if (is(name, "_INSE")) {
		block_list(s, &block, S7_PI_INSERT);
	} else if (is(name, "_DELE")) {
		block_list(s, &block, S7_PI_DELETE);
	} else {
		struct view v = cursor_bytes(&block, len, "pi.parameter");
		struct op *op = s7_op(s, DIR_REQUEST, ACCESS_PROGRAM, S7_PI_SERVICE);
		bool right = true;
		uint32_t sub = S7_PI_OTHER;
		if (is(name, "P_PROGRAM")) {
			sub = S7_PI_START;
			right = v.len == 0 || is(v, "C ");
			s7_arg(op, S7_ARG_START_KIND, v.len != 0);
		} else if (is(name, "_GARB")) {
			sub = S7_PI_COMPRESS;
			right = v.len == 0;
		} else if (is(name, "_MODU")) {
			sub = S7_PI_COPY;
			right = is(v, "EP");
		} else {
			op->has |= OP_KEY;
			op->key = name;
		}
		s7_sub(op, sub);
		cursor_check(&block, right, len, REASON_FIELD_VALUE, "pi.parameter");
	}
	if (!cursor_ok(&s->c))
		return;
	struct asked *a = s7_ask(s, &s->out->ops[0]);
	if (s->out->nops > 1)
		a->has &= (uint8_t) ~(OP_RANGE | OP_SPACE);
	if (a->has & OP_RANGE)
		a->aux[0] = (uint32_t)s->out->ops[0].args[0].value;
}

/* 0x29: five octets of no known meaning, "P_PROGRAM". */
static void plc_stop(struct s7 *s)
{
	struct cursor *c = &s->param;
	cursor_bytes(c, 5, "stop.reserved");
	uint32_t len = cursor_u8(c, "stop.name-length");
	struct view name = cursor_bytes(c, len, "stop.name");
	if (!s7_size(c, 0, "header.parameter-length"))
		return;
	cursor_check(c, is(name, "P_PROGRAM"), len, REASON_FIELD_VALUE, "stop.name");
	if (cursor_ok(c))
		s7_ask(s, s7_op(s, DIR_REQUEST, ACCESS_PROGRAM, S7_PLC_STOP));
}

void s7_block_request(struct s7 *s, uint32_t function)
{
	s7_size(&s->data, 0, "header.data-length");
	switch (function) {
	case S7_REQUEST_DOWNLOAD: request_download(s); break;
	case S7_START_UPLOAD: start_upload(s); break;
	case S7_UPLOAD:
	case S7_END_UPLOAD: upload(s, function); break;
	case S7_PI_SERVICE: pi_service(s); break;
	case S7_PLC_STOP: plc_stop(s); break;
	default: /* 0x1b, 0x1c: the controller asks for those */
		cursor_check(&s->param, false, 1, REASON_STATE, "param.function");
	}
}

void s7_block_server_job(struct s7 *s, uint32_t function)
{
	s7_size(&s->data, 0, "header.data-length");
	cursor_bytes(&s->param, 7, "download.status");
	struct block b = block_name(&s->param);
	if (!s7_size(&s->param, 0, "header.parameter-length"))
		return;
	bool wanted = s->st.download_on && s->st.download_type == b.type && s->st.download_number == b.number;
	if (s->in->answers_known && !wanted)
		cursor_check(&s->param, false, 9, REASON_STATE, "block.name");
	if (!cursor_ok(&s->c))
		return;
	s7_ask(s, block_op(s, DIR_UNSOLICITED, function, b))->aux[0] = b.type;
	if (function == S7_DOWNLOAD_ENDED)
		s->st.download_on = 0;
}

/* Data of a part: length, 0x00fb, the block's octets. */
static void part(struct s7 *s)
{
	uint32_t len = cursor_be16(&s->data, "data.length");
	uint32_t mark = cursor_be16(&s->data, "data.mark");
	cursor_check(&s->data, mark == 0xfb, 2, REASON_MAGIC, "data.mark");
	cursor_bytes(&s->data, len, "data.length");
	cursor_end(&s->data, "header.data-length");
}

void s7_block_answer(struct s7 *s, uint32_t function)
{
	uint32_t status = 0;
	switch (function) {
	case S7_DOWNLOAD_BLOCK:
	case S7_UPLOAD:
		status = cursor_u8(&s->param, "param.status");
		cursor_check(&s->param, status <= 3, 1, REASON_FIELD_VALUE, "param.status");
		s7_size(&s->param, 0, "header.parameter-length");
		part(s);
		break;
	case S7_START_UPLOAD: {
		cursor_bytes(&s->param, 3, "upload.status");
		uint32_t id = cursor_be32(&s->param, "upload.id");
		uint32_t len = cursor_u8(&s->param, "upload.length");
		digits(&s->param, len, "upload.length");
		s7_size(&s->param, 0, "header.parameter-length");
		s7_size(&s->data, 0, "header.data-length");
		if (!cursor_ok(&s->c) || !s->asked)
			break;
		s->st.upload_on = 1;
		s->st.upload_id = id;
		s->st.upload_type = (uint8_t)s->asked->aux[0];
		s->st.upload_number = s->asked->first;
		break;
	}
	default:
		/* Nothing more, or a status. */
		if (cursor_left(&s->param) > 0)
			cursor_u8(&s->param, "param.status");
		s7_size(&s->param, 0, "header.parameter-length");
		s7_size(&s->data, 0, "header.data-length");
		break;
	}
	if (!cursor_ok(&s->c))
		return;
	struct op *op = s7_answer_op(s, ACCESS_PROGRAM, function);
	if (function == S7_PI_SERVICE && !s->asked)
		s7_sub(op, S7_PI_OTHER);
	if (op->has & OP_RANGE)
		s7_arg(op, S7_ARG_BLOCK_TYPE, s->asked->aux[0]);
	if (s->asked && function == S7_REQUEST_DOWNLOAD) {
		s->st.download_on = 1;
		s->st.download_type = (uint8_t)s->asked->aux[0];
		s->st.download_number = s->asked->first;
	}
	if (function == S7_END_UPLOAD)
		s->st.upload_on = 0;
}
