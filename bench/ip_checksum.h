/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksum of IPv4 headers without options, for the programs here that build packets. */
#ifndef BENCH_IP_CHECKSUM_H
#define BENCH_IP_CHECKSUM_H

#include <netinet/ip.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of a header that may lie anywhere, and whose own checksum is 0. As it stands in the header. */
static inline uint16_t ip_checksum(const void *ip)
{
	uint16_t words[sizeof(struct iphdr) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof words);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

#endif
