/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BEHIND_DIGEST (offsetof(struct image, digest) + IMAGE_DIGEST)

_Static_assert(IMAGE_DIGEST == crypto_hash_sha256_BYTES, "the digest is SHA-256");
_Static_assert(sizeof(struct image) % 8 == 0, "the first part is aligned");

bool image_is(const void *data, size_t size)
{
	return size >= sizeof(IMAGE_MAGIC) - 1 && memcmp(data, IMAGE_MAGIC, sizeof(IMAGE_MAGIC) - 1) == 0;
}

static void digest_of(const void *image, size_t size, uint8_t out[IMAGE_DIGEST])
{
	crypto_hash_sha256(out, (const uint8_t *)image + BEHIND_DIGEST, size - BEHIND_DIGEST);
}

void image_seal(void *image, size_t size)
{
	digest_of(image, size, (uint8_t *)image + offsetof(struct image, digest));
}

int image_verify(const void *image, size_t size, char *err, size_t errcap)
{
	struct image h;

	if (!image_is(image, size)) {
		snprintf(err, errcap, "this is no policy image");
		return -1;
	}
	if (size < sizeof(h)) {
		snprintf(err, errcap, "image is cut off: %zu octets are less than its header", size);
		return -1;
	}
	memcpy(&h, image, sizeof(h));
	if (h.order != IMAGE_ORDER) {
		snprintf(err, errcap, "image was compiled for a machine of another byte order");
		return -1;
	}
	if (h.version != IMAGE_VERSION) {
		snprintf(err, errcap, "image version %u, this is version %u", (unsigned)h.version,
			 IMAGE_VERSION);
		return -1;
	}
	if (h.size != size) {
		snprintf(err, errcap, "image size does not match: %zu octets, its header says %u", size,
			 (unsigned)h.size);
		return -1;
	}
	uint8_t digest[IMAGE_DIGEST];
	digest_of(image, size, digest);
	if (memcmp(digest, h.digest, sizeof(digest)) != 0) {
		snprintf(err, errcap, "image digest does not match: it was changed after it was compiled");
		return -1;
	}
	return 0;
}
