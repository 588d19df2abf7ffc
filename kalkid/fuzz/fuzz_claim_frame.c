/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_claim_frame.c - arbitrary frames as claims to addresses.
 *
 * Input: one byte (0: IPv4, 1: IPv6, 2: ARP; with 4: from a device), then the frame from its
 * network header on. */
#include <assert.h>
#include <linux/if_ether.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/claim_frame.h"
#include "codec/log_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, 0};
	struct claim claim = {.kind = CLAIM_KIND_COUNT};
	if (!size)
		return 0;
	uint8_t *copy = mem_copy(data + 1, size - 1); /* of the exact length */
	const struct claim_frame frame = {.from = {{2, 0, 0, 0, 0, 10}},
					  .protocol = protocols[data[0] & 3],
					  .payload = copy,
					  .bytes = size - 1,
					  .from_device = data[0] & 4};
	if (claim_parse(&claim, &frame)) {
		assert(claim.kind < CLAIM_KIND_COUNT);
		assert((claim.kind == CLAIM_LEASE) == !frame.from_device);
		assert((claim.kind == CLAIM_ASK) == !claim.ip.family);
		assert(claim.lease_us >= 0);
	}
	free(copy);
	return 0;
}
