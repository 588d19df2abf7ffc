/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.h - the rules in the kernel: who is blocked, and who gets blocked. */
#pragma once

#include "prefixes.h"
#include "umbox_kernel.h"

enum { TRIP_PORTS_MAX = 32 };

/* The tags of what the kernel tells. */
enum block_reason {
	BLOCK_LISTED,   /* was blocked before */
	BLOCK_TRIPPED,  /* touched a port that nobody has business with */
	BLOCK_ATTEMPTS, /* too many connections */
	BLOCK_CROWDED,  /* too many sources to count them */
	BLOCK_EVASIVE,
	BLOCK_REASONS,
};

struct blocks_settings {
	struct prefixes sources, exempt; /* tidy */
	int64_t trip_ports[TRIP_PORTS_MAX];
	size_t trip_count;
	uint32_t attempts, interval_s; /* attempts 0: not counted */
	uint32_t block_s;
	uint8_t bits4, bits6; /* of those who get blocked */
};

struct umbox_kernel *blocks_new(struct umbox *umbox, const struct blocks_settings *settings);
