/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

/* SHA-256 (FIPS 180-4), by libcrypto: the digest of what was read, and fingerprints. */

#include <stddef.h>

#include "base/arena.h"

/* 64 lower-case hex digits in the arena. */
const char *sha256_hex(struct arena *a, const void *data, size_t size);

#endif
