/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - SipHash; see hash.h. */
#include "hash.h"

#include <stdbool.h>
#include <string.h>

static uint64_t rotate(uint64_t word, unsigned by)
{
	return word << by | word >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
	v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

uint64_t umbox_sip_hash(const uint64_t secret[2], const void *bytes, size_t count)
{
	uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575, secret[1] ^ 0x646f72616e646f6d,
			 secret[0] ^ 0x6c7967656e657261, secret[1] ^ 0x7465646279746573};
	for (size_t at = 0; at <= count; at += 8) {
		uint64_t word = 0;
		bool last = count - at < 8;
		memcpy(&word, (const uint8_t *)bytes + at, last ? count - at : 8);
		if (last)
			word |= (uint64_t)count << 56;
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
