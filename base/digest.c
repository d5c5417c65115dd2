/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By libcrypto's plain functions: they take no memory and read no configuration file, so they
 * can't fail. SHA256() and EVP_Digest() can, and leave the digest as it was.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/sha.h>

const char *sha256_hex(struct arena *a, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char md[SHA256_DIGEST_LENGTH];
	SHA256_CTX ctx;
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, data, size);
	SHA256_Final(md, &ctx);
	char *hex = arena_alloc(a, 2 * sizeof(md) + 1);
	for (size_t i = 0; i < sizeof(md); i++) {
		hex[2 * i] = digits[md[i] >> 4];
		hex[2 * i + 1] = digits[md[i] & 15];
	}
	return hex;
}
