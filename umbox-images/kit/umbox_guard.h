/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_guard.h - what most detectors need: how often something happened within a sliding interval,
 * whether it is time for an alert, and which sources are blocked.  Pure; times never go back. */
#pragma once

#include "umbox_frame.h"

enum {
	UMBOX_TALLY_LIMIT_MAX = 255,
	UMBOX_BLOCKS_MAX = 16384,
};

/* Counts per key, of `key_bytes` compared as they are (clear the padding). */
struct umbox_tally;

/* `limit` events within the interval are too many; of one key at most one in `alert_pause_us` is to
 * be told. */
struct umbox_tally *umbox_tally_new(uint32_t capacity, size_t key_bytes, uint32_t limit,
				    int64_t interval_us, int64_t alert_pause_us);
void umbox_tally_free(struct umbox_tally *tally);

struct umbox_tally_result {
	bool over;      /* this event is one too many */
	bool tell;      /* and it is time for an alert */
	uint32_t count; /* within the interval; when told, all since the last alert if more */
	/* A key had to be forgotten whose interval had not passed: somebody comes under many. */
	bool crowded;
};
void umbox_tally_add(struct umbox_tally *tally, const void *key, int64_t now_us,
		     struct umbox_tally_result *ret);

/* Sources that are cut off for a time. */
struct umbox_blocks;

struct umbox_blocks *umbox_blocks_new(uint32_t capacity);
void umbox_blocks_free(struct umbox_blocks *blocks);
/* The longer time counts. */
void umbox_blocks_add(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t until_us);
bool umbox_blocks_has(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t now_us);
