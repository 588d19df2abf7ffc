/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_guard.h - what most detectors need: how often something happened within a sliding interval,
 * in how many different places, whether it is time for an alert, and which sources are blocked.
 * Pure; times never go back. */
#pragma once

#include "umbox_frame.h"

enum {
	UMBOX_TALLY_LIMIT_MAX = 255,
	/* What one takes at most: where the limit is high, fewer keys are remembered. */
	UMBOX_TALLY_BYTES = 512 * 1024,
	UMBOX_SPREAD_BYTES = 1024 * 1024,
	UMBOX_BLOCKS_MAX = 8192,
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

/* The IPv6 /64 that an address is in, all of which one machine may use; false for IPv4, and for a
 * link's own (fe80::/64), which is everybody's there. */
bool umbox_network_of(const struct umbox_ip *source, struct umbox_ip *ret);

/* Counts per source: of each address, and of all addresses of an IPv6 /64 together. */
struct umbox_sources;

struct umbox_sources_limits {
	uint32_t limit;         /* of one address */
	uint32_t network_limit; /* of one /64; 0: not counted */
	int64_t interval_us, alert_pause_us;
};

struct umbox_sources *umbox_sources_new(uint32_t capacity,
					const struct umbox_sources_limits *limits);
void umbox_sources_free(struct umbox_sources *sources);

struct umbox_sources_result {
	bool over, tell; /* as of a tally */
	bool network;    /* it is the /64 that is over, not the address */
	uint32_t count;
	/* Sources had to be forgotten whose interval had not passed, and it is time to say so. */
	bool crowded;
};
void umbox_sources_add(struct umbox_sources *sources, const struct umbox_ip *source, int64_t now_us,
		       struct umbox_sources_result *ret);

/* How many different things per key, of `thing_bytes` compared as they are (by a hash that nobody
 * can foretell): ports that a source knocks at, hosts that it looks for.  Two windows: many within
 * the interval, or, of those who take their time, slow_many within the slow interval (0: not
 * counted). */
struct umbox_spread;

struct umbox_spread_limits {
	uint32_t many, slow_many; /* at most UMBOX_TALLY_LIMIT_MAX */
	int64_t interval_us, slow_interval_us;
	int64_t alert_pause_us; /* of one key */
};

struct umbox_spread *umbox_spread_new(uint32_t capacity, size_t key_bytes, size_t thing_bytes,
				      const struct umbox_spread_limits *limits);
void umbox_spread_free(struct umbox_spread *spread);
/* So many keys are remembered at once. */
uint32_t umbox_spread_capacity(const struct umbox_spread *spread);

struct umbox_spread_result {
	bool over, tell, crowded; /* as of a tally */
	int64_t interval_us;      /* of the window that is over */
	uint32_t count; /* within it; when told, all new ones since the last alert if more */
};
void umbox_spread_add(struct umbox_spread *spread, const void *key, const void *thing,
		      int64_t now_us, struct umbox_spread_result *ret);

/* Sources that are cut off for a time.  Where there is no room who is cut off stays so, and a
 * newcomer finds none: nobody frees himself by making up others. */
struct umbox_blocks;

struct umbox_blocks *umbox_blocks_new(uint32_t capacity);
void umbox_blocks_free(struct umbox_blocks *blocks);
/* The longer time counts. */
void umbox_blocks_add(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t now_us,
		      int64_t until_us);
/* All of its IPv6 /64, where it has one that umbox_sources counts; otherwise as above. */
void umbox_blocks_add_network(struct umbox_blocks *blocks, const struct umbox_ip *source,
			      int64_t now_us, int64_t until_us);
bool umbox_blocks_has(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t now_us);
