/* SPDX-License-Identifier: Apache-2.0 */
/* spread.c - how many different things per key; see umbox_guard.h. */
#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hash.h"
#include "umbox_guard.h"
#include "umbox_table.h"

struct umbox_spread {
	struct umbox_table *table; /* key -> struct places */
	struct umbox_spread_limits limits;
	size_t thing_bytes;
	uint32_t slots;      /* as many as the larger limit needs */
	uint32_t longest_ms; /* of the two intervals */
	uint64_t secret[2];
};

/* A thing is remembered by its hash; the low half of its milliseconds is enough for a time, as none
 * is kept for longer than an interval. */
struct slot {
	uint32_t hash, seen_ms;
};

struct places {
	bool told;
	uint32_t used, since_told;
	int64_t told_us, seen_us;
	struct slot slots[];
};

struct umbox_spread *umbox_spread_new(uint32_t capacity, size_t key_bytes, size_t thing_bytes,
				      const struct umbox_spread_limits *limits)
{
	struct umbox_spread *spread = calloc(1, sizeof(*spread));
	if (!spread || !limits->many || limits->many > UMBOX_TALLY_LIMIT_MAX ||
	    limits->slow_many > UMBOX_TALLY_LIMIT_MAX ||
	    getrandom(spread->secret, sizeof(spread->secret), 0) != sizeof(spread->secret))
		abort();
	int64_t longest_us = limits->slow_many && limits->slow_interval_us > limits->interval_us
				     ? limits->slow_interval_us
				     : limits->interval_us;
	assert(longest_us / 1000 <= INT32_MAX / 2);
	spread->limits = *limits;
	spread->thing_bytes = thing_bytes;
	spread->longest_ms = (uint32_t)(longest_us / 1000);
	spread->slots = limits->many > limits->slow_many ? limits->many : limits->slow_many;
	spread->table =
		umbox_table_new_within(UMBOX_SPREAD_BYTES, capacity, key_bytes,
				       sizeof(struct places) + spread->slots * sizeof(struct slot));
	return spread;
}

void umbox_spread_free(struct umbox_spread *spread)
{
	if (!spread)
		return;
	umbox_table_free(spread->table);
	free(spread);
}

uint32_t umbox_spread_capacity(const struct umbox_spread *spread)
{
	return umbox_table_capacity(spread->table);
}

static void forget_old(const struct umbox_spread *spread, struct places *places, uint32_t now_ms)
{
	for (uint32_t i = places->used; i-- > 0;)
		if (now_ms - places->slots[i].seen_ms > spread->longest_ms)
			places->slots[i] = places->slots[--places->used];
}

/* The slot of a thing; a new thing takes a free one, or that of the one not seen for the longest.
 */
static void note(const struct umbox_spread *spread, struct places *places, const void *thing,
		 uint32_t now_ms)
{
	uint32_t hash = (uint32_t)umbox_sip_hash(spread->secret, thing, spread->thing_bytes);
	struct slot *slot = &places->slots[0];
	for (uint32_t i = 0; i < places->used; i++) {
		struct slot *other = &places->slots[i];
		if (other->hash == hash) {
			other->seen_ms = now_ms;
			return;
		}
		if (now_ms - other->seen_ms > now_ms - slot->seen_ms)
			slot = other;
	}
	if (places->used < spread->slots)
		slot = &places->slots[places->used++];
	*slot = (struct slot){hash, now_ms};
	places->since_told++;
}

static uint32_t count_within(const struct places *places, uint32_t now_ms, int64_t interval_us)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < places->used; i++)
		count += now_ms - places->slots[i].seen_ms <= interval_us / 1000;
	return count;
}

static struct places *places_of(struct umbox_spread *spread, const void *key, int64_t now_us,
				struct umbox_spread_result *ret)
{
	struct places *places = umbox_table_find(spread->table, key);
	if (!places) {
		const struct places *oldest = umbox_table_oldest(spread->table);
		ret->crowded = umbox_table_full(spread->table) &&
			       now_us - oldest->seen_us <= spread->limits.interval_us;
		places = umbox_table_put(spread->table, key);
	}
	if (places->used && (now_us - places->seen_us) / 1000 > spread->longest_ms)
		places->since_told = places->used = 0;
	places->seen_us = now_us;
	return places;
}

void umbox_spread_add(struct umbox_spread *spread, const void *key, const void *thing,
		      int64_t now_us, struct umbox_spread_result *ret)
{
	const struct umbox_spread_limits *limits = &spread->limits;
	*ret = (struct umbox_spread_result){.interval_us = limits->interval_us};
	struct places *places = places_of(spread, key, now_us, ret);
	uint32_t now_ms = (uint32_t)(now_us / 1000);
	forget_old(spread, places, now_ms);
	note(spread, places, thing, now_ms);
	ret->count = count_within(places, now_ms, limits->interval_us);
	ret->over = ret->count >= limits->many;
	if (!ret->over && limits->slow_many) {
		uint32_t slow = count_within(places, now_ms, limits->slow_interval_us);
		if (slow >= limits->slow_many) {
			ret->over = true;
			ret->count = slow;
			ret->interval_us = limits->slow_interval_us;
		}
	}
	ret->tell = ret->over &&
		    (!places->told || now_us - places->told_us >= limits->alert_pause_us);
	if (!ret->tell)
		return;
	if (places->told && places->since_told > ret->count)
		ret->count = places->since_told;
	places->told = true;
	places->told_us = now_us;
	places->since_told = 0;
}
