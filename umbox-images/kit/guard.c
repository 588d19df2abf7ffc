/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - see umbox_guard.h. */
#include "umbox_guard.h"

#include <stdlib.h>

#include "umbox_table.h"

struct umbox_tally {
	struct umbox_table *table; /* key -> struct events */
	uint32_t limit;
	int64_t interval_us, alert_pause_us;
};

/* All times of the ring lie within one interval, so that the low half of their milliseconds is
 * enough. */
struct events {
	bool told;
	uint32_t since_told;
	uint32_t count, next; /* of the ring: how many lie within the interval, the next place */
	int64_t told_us, newest_us;
	uint32_t times_ms[]; /* a ring of `limit` */
};

struct umbox_tally *umbox_tally_new(uint32_t capacity, size_t key_bytes, uint32_t limit,
				    int64_t interval_us, int64_t alert_pause_us)
{
	struct umbox_tally *tally = calloc(1, sizeof(*tally));
	if (!tally || !limit || limit > UMBOX_TALLY_LIMIT_MAX)
		abort();
	*tally = (struct umbox_tally){
		.table = umbox_table_new_within(UMBOX_TALLY_BYTES, capacity, key_bytes,
						sizeof(struct events) + limit * sizeof(uint32_t)),
		.limit = limit,
		.interval_us = interval_us,
		.alert_pause_us = alert_pause_us,
	};
	return tally;
}

void umbox_tally_free(struct umbox_tally *tally)
{
	if (!tally)
		return;
	umbox_table_free(tally->table);
	free(tally);
}

static uint32_t oldest_ms(const struct umbox_tally *tally, const struct events *events)
{
	return events->times_ms[(events->next + tally->limit - events->count) % tally->limit];
}

/* Takes one more into the ring, and what is too old out of it. */
static void note_event(const struct umbox_tally *tally, struct events *events, int64_t now_us)
{
	uint32_t now_ms = (uint32_t)(now_us / 1000);
	if (now_us - events->newest_us > tally->interval_us)
		events->count = 0;
	events->newest_us = now_us;
	events->times_ms[events->next] = now_ms;
	events->next = (events->next + 1) % tally->limit;
	if (events->count < tally->limit)
		events->count++;
	while (now_ms - oldest_ms(tally, events) > tally->interval_us / 1000)
		events->count--;
	events->since_told = events->count == 1 ? 1 : events->since_told + 1;
}

/* Whether what would be forgotten for a newcomer is still of use. */
static bool is_crowded(const struct umbox_tally *tally, int64_t now_us)
{
	const struct events *oldest = umbox_table_oldest(tally->table);
	return umbox_table_full(tally->table) && now_us - oldest->newest_us <= tally->interval_us;
}

void umbox_tally_add(struct umbox_tally *tally, const void *key, int64_t now_us,
		     struct umbox_tally_result *ret)
{
	*ret = (struct umbox_tally_result){.over = false};
	struct events *events = umbox_table_find(tally->table, key);
	if (!events) {
		ret->crowded = is_crowded(tally, now_us);
		events = umbox_table_put(tally->table, key);
	}
	note_event(tally, events, now_us);
	ret->count = events->count;
	ret->over = events->count == tally->limit;
	ret->tell = ret->over &&
		    (!events->told || now_us - events->told_us >= tally->alert_pause_us);
	if (!ret->tell)
		return;
	if (events->told && events->since_told > ret->count)
		ret->count = events->since_told;
	events->told = true;
	events->told_us = now_us;
	events->since_told = 0;
}
