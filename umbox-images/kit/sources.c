/* SPDX-License-Identifier: Apache-2.0 */
/* sources.c - counts per source and per IPv6 network, and who is blocked; see umbox_guard.h. */
#include <stdlib.h>

#include "umbox_guard.h"
#include "umbox_table.h"

enum { NETWORK_BITS = 64, ROOM_TRIES = 8 };

bool umbox_network_of(const struct umbox_ip *source, struct umbox_ip *ret)
{
	if (source->family != 6 || umbox_ip_link_local(source))
		return false;
	*ret = *source;
	umbox_ip_cut(ret, NETWORK_BITS);
	return true;
}

/* --- counts --- */

struct umbox_sources {
	struct umbox_tally *addresses, *networks; /* networks NULL: not counted */
	int64_t alert_pause_us, crowd_told_us;
	bool crowd_told;
};

struct umbox_sources *umbox_sources_new(uint32_t capacity,
					const struct umbox_sources_limits *limits)
{
	struct umbox_sources *sources = calloc(1, sizeof(*sources));
	if (!sources)
		abort();
	sources->alert_pause_us = limits->alert_pause_us;
	sources->addresses = umbox_tally_new(capacity, sizeof(struct umbox_ip), limits->limit,
					     limits->interval_us, limits->alert_pause_us);
	if (limits->network_limit)
		sources->networks = umbox_tally_new((capacity + 3) / 4, sizeof(struct umbox_ip),
						    limits->network_limit, limits->interval_us,
						    limits->alert_pause_us);
	return sources;
}

void umbox_sources_free(struct umbox_sources *sources)
{
	if (!sources)
		return;
	umbox_tally_free(sources->addresses);
	umbox_tally_free(sources->networks);
	free(sources);
}

static bool tell_crowd(struct umbox_sources *sources, int64_t now_us)
{
	if (sources->crowd_told && now_us - sources->crowd_told_us < sources->alert_pause_us)
		return false;
	sources->crowd_told = true;
	sources->crowd_told_us = now_us;
	return true;
}

void umbox_sources_add(struct umbox_sources *sources, const struct umbox_ip *source, int64_t now_us,
		       struct umbox_sources_result *ret)
{
	struct umbox_tally_result alone, together = {.over = false};
	struct umbox_ip network;
	umbox_tally_add(sources->addresses, source, now_us, &alone);
	if (sources->networks && umbox_network_of(source, &network))
		umbox_tally_add(sources->networks, &network, now_us, &together);
	*ret = (struct umbox_sources_result){
		.over = alone.over || together.over,
		.tell = alone.tell || together.tell,
		.network = together.over && !alone.over,
		.count = alone.tell ? alone.count : together.count,
	};
	if (alone.crowded || together.crowded)
		ret->crowded = tell_crowd(sources, now_us);
}

/* --- blocks --- */

struct umbox_blocks {
	struct umbox_table *table; /* struct umbox_prefix -> struct blocked */
};

struct blocked {
	struct umbox_prefix prefix; /* the key */
	int64_t until_us;
};

struct umbox_blocks *umbox_blocks_new(uint32_t capacity)
{
	struct umbox_blocks *blocks = calloc(1, sizeof(*blocks));
	if (!blocks)
		abort();
	blocks->table = umbox_table_new(capacity, sizeof(struct umbox_prefix),
					sizeof(struct blocked));
	return blocks;
}

void umbox_blocks_free(struct umbox_blocks *blocks)
{
	if (!blocks)
		return;
	umbox_table_free(blocks->table);
	free(blocks);
}

static bool make_room(struct umbox_blocks *blocks, int64_t now_us)
{
	for (int i = 0; i < ROOM_TRIES && umbox_table_full(blocks->table); i++) {
		const struct blocked *oldest = umbox_table_oldest(blocks->table);
		struct umbox_prefix prefix = oldest->prefix;
		if (now_us >= oldest->until_us)
			umbox_table_remove(blocks->table, &prefix);
		else
			umbox_table_find(blocks->table, &prefix); /* now the newest */
	}
	return !umbox_table_full(blocks->table);
}

static void add(struct umbox_blocks *blocks, const struct umbox_prefix *prefix, int64_t now_us,
		int64_t until_us)
{
	struct blocked *blocked = umbox_table_find(blocks->table, prefix);
	if (!blocked && !make_room(blocks, now_us))
		return;
	blocked = umbox_table_put(blocks->table, prefix);
	blocked->prefix = *prefix;
	if (until_us > blocked->until_us)
		blocked->until_us = until_us;
}

void umbox_blocks_add(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t now_us,
		      int64_t until_us)
{
	struct umbox_prefix prefix = {*source, source->family == 6 ? 128 : 32};
	add(blocks, &prefix, now_us, until_us);
}

void umbox_blocks_add_network(struct umbox_blocks *blocks, const struct umbox_ip *source,
			      int64_t now_us, int64_t until_us)
{
	struct umbox_prefix prefix = {.bits = NETWORK_BITS};
	if (umbox_network_of(source, &prefix.ip))
		add(blocks, &prefix, now_us, until_us);
	else
		umbox_blocks_add(blocks, source, now_us, until_us);
}

static bool has(const struct umbox_blocks *blocks, const struct umbox_prefix *prefix,
		int64_t now_us)
{
	const struct blocked *blocked = umbox_table_find(blocks->table, prefix);
	return blocked && now_us < blocked->until_us;
}

bool umbox_blocks_has(struct umbox_blocks *blocks, const struct umbox_ip *source, int64_t now_us)
{
	struct umbox_prefix alone = {*source, source->family == 6 ? 128 : 32};
	struct umbox_prefix network = {.bits = NETWORK_BITS};
	if (!umbox_table_count(blocks->table))
		return false;
	return has(blocks, &alone, now_us) ||
	       (umbox_network_of(source, &network.ip) && has(blocks, &network, now_us));
}
