/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files are open in a session (group 70). A name is said once, when a file is opened, and rules judge it there; from then on
 * a handle stands for it, which the outstation gives:
 *
 *   request   open-file  70/3   ... mode (20..21), block size (22..23), request id (24..25), name
 *   answer    status     70/4   handle (0..3), size (4..7), block size (8..9), request id (10..11), status (12)
 *   request   read, write, close-file, abort-file   handle (0..3) ...
 *
 * So a handle is good for the two stations between which it was given, in this session, and for what the file was opened for. The
 * status may come in the answer to the request, or later among events: it is found by the request id. A handle in use in a
 * session that was found in its middle is believed, from then on for what it was seen to be used for.
 */
#include "protocols/dnp3.h"

enum { MODE_READ = 1, MODE_WRITE = 2, MODE_APPEND = 3, MODE_CLOSED = 4 };

static uint32_t handle_of(struct view v)
{
	return (uint32_t)(view_u8(v, 0) | view_u8(v, 1) << 8 | view_u8(v, 2) << 16) | (uint32_t)view_u8(v, 3)
											      << 24;
}

static uint16_t request_id(struct view v, uint32_t at)
{
	return (uint16_t)(view_u8(v, at) | view_u8(v, at + 1) << 8);
}

static bool ours(const struct dnp3 *d, const struct dnp3_file *f)
{
	return f->mode != 0 && f->unit == d->unit && f->origin == d->origin;
}

/* A place for another one: a free one, else one that was closed, else the one that has been there longest. */
static struct dnp3_file *place(struct dnp3 *d)
{
	struct dnp3_file *closed = NULL;
	for (unsigned i = 0; i < DNP3_FILES; i++) {
		struct dnp3_file *f = &d->state->files[i];
		if (f->mode == 0)
			return f;
		if (f->mode == MODE_CLOSED)
			closed = f;
	}
	return closed ? closed : &d->state->files[d->state->opened++ % DNP3_FILES];
}

static struct dnp3_file *known(struct dnp3 *d, uint32_t handle)
{
	for (unsigned i = 0; i < DNP3_FILES; i++) {
		struct dnp3_file *f = &d->state->files[i];
		if (ours(d, f) && !f->waits && f->handle == handle)
			return f;
	}
	return NULL;
}

void dnp3_file_opening(struct dnp3 *d, struct view v, uint32_t mode)
{
	uint16_t id = request_id(v, 24);
	struct dnp3_file *to = NULL;
	/* Asked again, before anything was said to it. */
	for (unsigned i = 0; i < DNP3_FILES && !to; i++) {
		struct dnp3_file *f = &d->state->files[i];
		if (ours(d, f) && f->waits && f->id == id)
			to = f;
	}
	if (!to)
		to = place(d);
	*to = (struct dnp3_file){
		.unit = d->unit, .origin = d->origin, .id = id, .mode = (uint8_t)mode, .waits = true};
}

void dnp3_file_status(struct dnp3 *d, struct view v)
{
	uint32_t handle = handle_of(v);
	uint16_t id = request_id(v, 10);
	bool good = view_u8(v, 12) == 0 && handle != 0;
	for (unsigned i = 0; i < DNP3_FILES; i++) {
		struct dnp3_file *f = &d->state->files[i];
		if (!ours(d, f) || !f->waits || f->id != id)
			continue;
		/* A handle that is given anew no longer stands for what it was given for before. */
		struct dnp3_file *before = good ? known(d, handle) : NULL;
		if (before)
			before->mode = 0;
		f->handle = handle;
		f->waits = false;
		f->mode = good ? f->mode : 0;
		return;
	}
}

void dnp3_file_use(struct dnp3 *d, struct view v)
{
	uint32_t handle = handle_of(v), at = (uint32_t)(v.data - d->c.data);
	bool read = d->function == DNP3_READ, write = d->function == DNP3_WRITE;
	struct dnp3_file *f = known(d, handle);
	if (!f && !d->in->answers_known) {
		f = place(d);
		*f = (struct dnp3_file){.handle = handle,
					.unit = d->unit,
					.origin = d->origin,
					.mode = write ? MODE_WRITE : MODE_READ};
	}
	if (!f || (read && f->mode != MODE_READ) ||
	    (write && f->mode != MODE_WRITE && f->mode != MODE_APPEND))
		dnp3_fail(d, REASON_STATE, "file-handle", at);
	else if (!read && !write)
		f->mode = MODE_CLOSED; /* which may be said again */
}

/* Handle and number of a block, without the bit that says it is the last. */
void dnp3_file_block_hash(struct dnp3 *d, struct view v)
{
	const uint8_t last = view_u8(v, 7) & 0x7f;
	d->command = dnp3_hash(d->command, v.data, 7);
	d->command = dnp3_hash(d->command, &last, 1);
}
