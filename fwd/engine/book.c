/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/book.h"

#include <string.h>

#define BOOK_NONE 0u
#define BOOK_LAST (SHM_BOOKS - 1u)

/* The book of that name, made if there is none. Names are written before anybody may read them. */
static uint8_t find(struct shm_book *books, const char *zone)
{
	for (uint8_t i = 1; i < BOOK_LAST; i++) {
		if (atomic_load_explicit(&books[i].used, memory_order_relaxed) == 0) {
			strncpy(books[i].zone, zone, sizeof books[i].zone - 1);
			atomic_store_explicit(&books[i].used, 1, memory_order_release);
			return i;
		}
		if (strncmp(books[i].zone, zone, sizeof books[i].zone - 1) == 0)
			return i;
	}
	return BOOK_LAST;
}

void book_policy(struct books *b, struct shm *shm, const struct policy *p)
{
	struct shm_book *books = (struct shm_book *)shm_at(shm, shm->books_at);
	struct policy_zone z;

	b->shm = shm;
	if (!p)
		return;
	memset(b->of, BOOK_LAST, sizeof b->of);
	strncpy(books[BOOK_NONE].zone, "no-zone", sizeof books[BOOK_NONE].zone - 1);
	atomic_store_explicit(&books[BOOK_NONE].used, 1, memory_order_release);
	strncpy(books[BOOK_LAST].zone, "other-zones", sizeof books[BOOK_LAST].zone - 1);
	atomic_store_explicit(&books[BOOK_LAST].used, 1, memory_order_release);
	for (unsigned i = 0; i < BOOK_ZONES && policy_zone_get(p, i, &z); i++)
		b->of[i] = find(books, z.name);
}

uint32_t book_entry(const struct books *b, const struct policy *p, const struct tuple *t,
		    enum shm_book_kind kind, enum reason reason)
{
	int zone;
	uint8_t book = BOOK_NONE;

	if (!p || !b->shm)
		return 0;
	zone = policy_zone_of(p, t->dst);
	if (zone < 0)
		zone = policy_zone_of(p, t->src);
	if (zone >= 0)
		book = (unsigned)zone < BOOK_ZONES ? b->of[zone] : BOOK_LAST;
	return SHM_BOOK_AT(book, kind, reason);
}

void book_add(struct shm *shm, uint32_t at, int n)
{
	_Atomic uint64_t *entry = shm_book_at(shm, at);

	if (entry)
		atomic_store_explicit(
			entry, atomic_load_explicit(entry, memory_order_relaxed) + (uint64_t)(int64_t)n,
			memory_order_relaxed);
}
