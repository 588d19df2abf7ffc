/* SPDX-License-Identifier: Apache-2.0 */
/* spread.c - how many different things per key; see umbox_guard.h. */
#include <stdlib.h>
#include <string.h>

#include "umbox_guard.h"
#include "umbox_table.h"

struct umbox_spread {
	struct umbox_table *table; /* key -> struct places */
	struct umbox_spread_limits limits;
	size_t thing_bytes, slot_bytes;
	uint32_t slots; /* as many as the larger limit needs */
};

/* A slot is the time when the thing was last seen, and behind it the thing. */
struct places {
	bool told;
	uint32_t used, since_told;
	int64_t told_us, seen_us;
	uint8_t slots[];
};

struct umbox_spread *umbox_spread_new(uint32_t capacity, size_t key_bytes, size_t thing_bytes,
				      const struct umbox_spread_limits *limits)
{
	struct umbox_spread *spread = calloc(1, sizeof(*spread));
	if (!spread || !limits->many || limits->many > UMBOX_TALLY_LIMIT_MAX ||
	    limits->slow_many > UMBOX_TALLY_LIMIT_MAX)
		abort();
	spread->limits = *limits;
	spread->thing_bytes = thing_bytes;
	spread->slot_bytes = sizeof(int64_t) + (thing_bytes + 7) / 8 * 8;
	spread->slots = limits->many > limits->slow_many ? limits->many : limits->slow_many;
	spread->table = umbox_table_new(capacity, key_bytes,
					sizeof(struct places) + spread->slots * spread->slot_bytes);
	return spread;
}

void umbox_spread_free(struct umbox_spread *spread)
{
	if (!spread)
		return;
	umbox_table_free(spread->table);
	free(spread);
}

static uint8_t *slot_of(const struct umbox_spread *spread, struct places *places, uint32_t i)
{
	return places->slots + i * spread->slot_bytes;
}

static int64_t time_of(const uint8_t *slot)
{
	int64_t time_us;
	memcpy(&time_us, slot, sizeof(time_us));
	return time_us;
}

/* The slot of a thing; a new thing takes a free one, or that of the one not seen for the longest.
 */
static void note(const struct umbox_spread *spread, struct places *places, const void *thing,
		 int64_t now_us)
{
	uint8_t *slot = NULL;
	for (uint32_t i = 0; i < places->used; i++) {
		uint8_t *other = slot_of(spread, places, i);
		if (!memcmp(other + sizeof(int64_t), thing, spread->thing_bytes)) {
			memcpy(other, &now_us, sizeof(now_us));
			return;
		}
		if (!slot || time_of(other) < time_of(slot))
			slot = other;
	}
	if (places->used < spread->slots)
		slot = slot_of(spread, places, places->used++);
	memcpy(slot, &now_us, sizeof(now_us));
	memcpy(slot + sizeof(now_us), thing, spread->thing_bytes);
	places->since_told++;
}

static uint32_t count_since(const struct umbox_spread *spread, struct places *places,
			    int64_t since_us)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < places->used; i++)
		count += time_of(slot_of(spread, places, i)) >= since_us;
	return count;
}

static int64_t longest_us(const struct umbox_spread_limits *limits)
{
	return limits->slow_many && limits->slow_interval_us > limits->interval_us
		       ? limits->slow_interval_us
		       : limits->interval_us;
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
	if (places->used && now_us - places->seen_us > longest_us(&spread->limits))
		places->since_told = 0;
	places->seen_us = now_us;
	return places;
}

void umbox_spread_add(struct umbox_spread *spread, const void *key, const void *thing,
		      int64_t now_us, struct umbox_spread_result *ret)
{
	const struct umbox_spread_limits *limits = &spread->limits;
	*ret = (struct umbox_spread_result){.interval_us = limits->interval_us};
	struct places *places = places_of(spread, key, now_us, ret);
	note(spread, places, thing, now_us);
	ret->count = count_since(spread, places, now_us - limits->interval_us);
	ret->over = ret->count >= limits->many;
	if (!ret->over && limits->slow_many) {
		uint32_t slow = count_since(spread, places, now_us - limits->slow_interval_us);
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
