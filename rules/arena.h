/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for everything a policy becomes on its way to an image: given back all at once. Loader and compiler only;
 * nothing between packet and verdict may use it.
 */
#ifndef OTFW_RULES_ARENA_H
#define OTFW_RULES_ARENA_H

#include <stddef.h>

struct arena;

/*
 * None of these returns NULL: a loader without memory has nothing left to do, so it says so once and exits with
 * status 2. It runs in short-lived processes only (otfwctl, the guardian's compiler).
 */
struct arena *arena_new(void);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_text(struct arena *a, const char *text, size_t len); /* copied, terminated */
char *arena_print(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

/*
 * Room for one more element of an array that holds n: returns the array, moved and doubled when n has reached a power
 * of two. Start with NULL and 0.
 */
void *arena_more(struct arena *a, void *array, size_t n, size_t size);

#endif
