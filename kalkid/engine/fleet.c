/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/fleet.c - what the conditions of a device see of the others and of the local time, and
 * whom to ask again when a device changes. */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "engine/control.h"

#define SECOND_US ((int64_t)1000000)
/* A wall clock that jumps is seen after so long at the latest. */
#define LOCAL_TIME_US (600 * SECOND_US)

enum { WALL_SLACK_US = 1000000 };

struct watchers {
	struct control_device **items;
	unsigned count;
	uint64_t generation; /* of the fleet when they were looked for */
};

/* --- local time --- */

static int64_t zone_us(int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / SECOND_US);
	struct tm local = {0};
	localtime_r(&seconds, &local);
	return local.tm_gmtoff * SECOND_US;
}

/* The first moment in the next LOCAL_TIME_US at which the zone has another offset, or their end. */
static int64_t zone_ends_us(int64_t wall_us)
{
	int64_t offset_us = zone_us(wall_us), same_us = wall_us, other_us = wall_us + LOCAL_TIME_US;
	if (zone_us(other_us) == offset_us)
		return other_us;
	while (other_us - same_us > SECOND_US) {
		int64_t middle_us = same_us + (other_us - same_us) / 2;
		if (zone_us(middle_us) == offset_us)
			same_us = middle_us;
		else
			other_us = middle_us;
	}
	return other_us - other_us % SECOND_US;
}

static bool is_near(int64_t a, int64_t b)
{
	return a - b < WALL_SLACK_US && b - a < WALL_SLACK_US;
}

static void refresh_local_time(struct engine *engine)
{
	struct local_time *local = &engine->fleet.local;
	int64_t now_us = clock_now_us(engine->clock);
	int64_t wall_us = clock_wall_now_us(engine->clock);
	int64_t ahead_us = wall_us - now_us;
	if (local->known && now_us < local->until_us && is_near(engine->wall_ahead_us, ahead_us))
		return;
	int64_t before_us = local->offset_us;
	bool known = local->known;
	tzset();
	engine->wall_ahead_us = ahead_us;
	*local = (struct local_time){
		.known = true,
		.offset_us = ahead_us + zone_us(wall_us),
		.until_us = zone_ends_us(wall_us) - ahead_us,
	};
	struct control_device *device, *next;
	HASH_ITER(hh_name, engine->by_name, device, next)
		if (!known || !is_near(before_us, local->offset_us))
			machine_touch_clock(&device->machine);
}

/* --- members --- */

static bool watches(const struct policy *policy)
{
	for (unsigned i = 0; policy && i < policy->rule_count; i++)
		if (expression_needs(policy->rules[i].when)->fleet)
			return true;
	return false;
}

static void rebuild(struct engine *engine)
{
	struct fleet *fleet = &engine->fleet;
	struct control_device *device, *next;
	unsigned count = HASH_CNT(hh_name, engine->by_name);
	free(fleet->members);
	fleet->members = mem_alloc_array(count + 1, sizeof(*fleet->members));
	fleet->count = 0;
	HASH_ITER(hh_name, engine->by_name, device, next) {
		fleet->members[fleet->count++] = (struct fleet_member){
			.device = &device->device,
			.policy = device->policy,
			.machine = &device->machine,
		};
		machine_join(&device->machine, &device->device, fleet);
		device->watches = watches(device->policy);
		if (device->watches && engine->started)
			deadline_set(engine->deadlines, &device->deadline,
				     clock_now_us(engine->clock));
	}
	engine->fleet_generation++;
	engine->fleet_stale = false;
}

void control_fleet_changed(struct engine *engine)
{
	engine->fleet_stale = true;
}

void control_fleet_refresh(struct engine *engine)
{
	if (engine->fleet_stale)
		rebuild(engine);
	refresh_local_time(engine);
}

/* --- who watches whom --- */

static bool names(const struct policy *policy, const struct fleet_change *change)
{
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (expression_names_change(policy->rules[i].when, change))
			return true;
	return false;
}

static void find_watchers(struct control_device *device, const struct fleet_member *member)
{
	struct engine *engine = device->engine;
	struct fleet_change anything = {.kind = FLEET_STATE, .member = member};
	struct control_device *other, *next;
	if (!device->watchers)
		device->watchers = mem_alloc(sizeof(*device->watchers));
	struct watchers *watchers = device->watchers;
	if (watchers->generation == engine->fleet_generation)
		return;
	watchers->generation = engine->fleet_generation;
	watchers->count = 0;
	HASH_ITER(hh_name, engine->by_name, other, next) {
		if (other == device || !other->watches || !names(other->policy, &anything))
			continue;
		watchers->items = mem_resize(watchers->items, watchers->count + 1,
					     sizeof(struct control_device *));
		watchers->items[watchers->count++] = other;
	}
}

void control_tell_fleet(struct control_device *device, struct fleet_change change)
{
	struct engine *engine = device->engine;
	struct fleet_member member = {
		.device = &device->device,
		.policy = device->policy,
		.machine = &device->machine,
	};
	if (engine->fleet_stale || !device->policy) /* all are asked then */
		return;
	find_watchers(device, &member);
	change.member = &member;
	for (unsigned i = 0; i < device->watchers->count; i++) {
		struct control_device *other = device->watchers->items[i];
		if (machine_touch_fleet(&other->machine, other->policy, &change))
			deadline_set(engine->deadlines, &other->deadline,
				     clock_now_us(engine->clock));
	}
}

void control_forget_watchers(struct control_device *device)
{
	if (device->watchers)
		free(device->watchers->items);
	free(device->watchers);
}
