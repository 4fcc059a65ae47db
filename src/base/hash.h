/* SPDX-License-Identifier: BSD-2-Clause */
/* FNV-1a, for tables and to tell things apart; of no use against who chooses the bytes. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH32_START 2166136261u
#define HASH64_START 0xcbf29ce484222325ull

/* The hash of what came before, continued with len more bytes. */
static inline uint32_t hash32(uint32_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619u;
	return hash;
}

static inline uint64_t hash64(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ull;
	return hash;
}

#endif
