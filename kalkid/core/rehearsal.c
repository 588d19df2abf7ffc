/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/rehearsal.c - see rehearsal.h. */
#include "core/rehearsal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	SETTLE_MAX = 10000, /* looks at one moment: more would be a policy that spins */
	PASS_MAX = 1000000, /* looks while time passes, once: what comes later is left out */
};

void rehearsal_init(struct rehearsal *rehearsal, unsigned device_room, int64_t start_us)
{
	*rehearsal = (struct rehearsal){.now_us = start_us};
	rehearsal->devices = mem_alloc_array(device_room, sizeof(*rehearsal->devices));
	rehearsal->fleet.members = mem_alloc_array(device_room, sizeof(struct fleet_member));
}

void rehearsal_done(struct rehearsal *rehearsal)
{
	for (unsigned i = 0; i < rehearsal->device_count; i++)
		machine_done(&rehearsal->devices[i].machine);
	free(rehearsal->devices);
	free(rehearsal->fleet.members);
	*rehearsal = (struct rehearsal){0};
}

unsigned rehearsal_add(struct rehearsal *rehearsal, const struct device *device,
		       const struct policy *policy)
{
	struct rehearsed_device *added = &rehearsal->devices[rehearsal->device_count];
	added->device = *device;
	added->policy = policy;
	machine_init(&added->machine, policy, rehearsal->now_us);
	rehearsal->fleet.members[rehearsal->fleet.count++] = (struct fleet_member){
		.device = &added->device,
		.policy = policy,
		.machine = &added->machine,
	};
	machine_join(&added->machine, &added->device, &rehearsal->fleet);
	return rehearsal->device_count++;
}

/* Says what of a device has changed to the others. */
static void tell_others(struct rehearsal *rehearsal, unsigned index, struct fleet_change change)
{
	change.member = &rehearsal->fleet.members[index];
	for (unsigned i = 0; i < rehearsal->device_count; i++) {
		struct rehearsed_device *other = &rehearsal->devices[i];
		if (i != index && machine_touch_fleet(&other->machine, other->policy, &change))
			other->due = true;
	}
}

/* --- tags, as actions put them on --- */

static unsigned find_tag(const struct device *device, const char *tag)
{
	unsigned i = 0;
	while (i < device->tag_count && !text_equal(device->tags[i], tag))
		i++;
	return i;
}

static void apply_tag(struct device *device, const struct action *action)
{
	unsigned i = find_tag(device, action->name);
	bool there = i < device->tag_count;
	if (action->kind == ACTION_TAG && !there && i < DEVICE_LABELS_MAX)
		TEXT_COPY(device->tags[device->tag_count++], action->name);
	if (action->kind == ACTION_UNTAG && there)
		TEXT_COPY(device->tags[i], device->tags[--device->tag_count]);
}

static void carry_out(struct rehearsal *rehearsal, unsigned index, const struct decision *decision)
{
	struct rehearsed_device *device = &rehearsal->devices[index];
	if (decision->cause == DECISION_NONE)
		return;
	if (decision->rule >= 0 && !decision->shadow) {
		const struct policy_rule *rule = &device->policy->rules[decision->rule];
		for (unsigned i = 0; i < rule->action_count; i++)
			apply_tag(&device->device, &rule->actions[i]);
	}
	tell_others(rehearsal, index, (struct fleet_change){.kind = FLEET_STATE});
	if (rehearsal->on_decision)
		rehearsal->on_decision(rehearsal->data, index, decision);
}

/* --- time --- */

/* The device that is due first, its moment in `ret_us`. */
static unsigned first_due(struct rehearsal *rehearsal, int64_t *ret_us)
{
	unsigned first = 0;
	*ret_us = INT64_MAX;
	for (unsigned i = 0; i < rehearsal->device_count; i++) {
		struct rehearsed_device *device = &rehearsal->devices[i];
		int64_t us = device->due ? rehearsal->now_us
					 : machine_next_us(&device->machine, device->policy,
							   rehearsal->now_us);
		if (us >= *ret_us)
			continue;
		*ret_us = us;
		first = i;
	}
	return first;
}

void rehearsal_pass(struct rehearsal *rehearsal, int64_t until_us)
{
	unsigned at_this_moment = 0, looks = 0;
	assert(until_us >= rehearsal->now_us);
	while (at_this_moment < SETTLE_MAX && looks++ < PASS_MAX) {
		int64_t us;
		unsigned due = first_due(rehearsal, &us);
		struct rehearsed_device *device = &rehearsal->devices[due];
		struct decision decision;
		if (us > until_us)
			break;
		at_this_moment = us > rehearsal->now_us ? 0 : at_this_moment + 1;
		rehearsal->now_us = us;
		device->due = false;
		machine_tick(&device->machine, device->policy, us, &decision);
		carry_out(rehearsal, due, &decision);
	}
	rehearsal->now_us = until_us;
}

static void settle(struct rehearsal *rehearsal, unsigned index, const struct decision *decision)
{
	carry_out(rehearsal, index, decision);
	rehearsal_pass(rehearsal, rehearsal->now_us);
}

/* --- facts --- */

void rehearsal_alert(struct rehearsal *rehearsal, unsigned index, const struct alert *alert)
{
	struct rehearsed_device *device = &rehearsal->devices[index];
	struct alert taken = *alert;
	struct decision decision;
	if (alert->shadow) /* of a umbox in shadow: no rule looks at it */
		return;
	taken.id = ++rehearsal->last_id;
	taken.time_us = rehearsal->now_us;
	taken.count = max_of(taken.count, 1u);
	machine_alert(&device->machine, device->policy, &taken, rehearsal->now_us, &decision);
	tell_others(rehearsal, index,
		    (struct fleet_change){.kind = FLEET_ALERT, .alert = taken.type});
	settle(rehearsal, index, &decision);
}

/* An alert of the daemon's own. */
static void tell(struct rehearsal *rehearsal, unsigned index, const char *type,
		 enum alert_severity severity, const char *detail)
{
	struct alert alert = {.severity = severity};
	TEXT_COPY(alert.type, type);
	TEXT_COPY(alert.detail, detail);
	rehearsal_alert(rehearsal, index, &alert);
}

void rehearsal_readings(struct rehearsal *rehearsal, unsigned index, const char *source,
			const struct sensor_reading *readings, unsigned count)
{
	struct rehearsed_device *device = &rehearsal->devices[index];
	struct decision decision;
	bool back = machine_set_unavailable(&device->machine, source, false);
	machine_readings(&device->machine, device->policy, source, readings, count,
			 rehearsal->now_us, &decision);
	tell_others(rehearsal, index,
		    (struct fleet_change){
			    .kind = FLEET_SENSORS, .readings = readings, .reading_count = count});
	settle(rehearsal, index, &decision);
	if (back)
		tell(rehearsal, index, "device-available", ALERT_LOW, source);
}

static bool mark_source(struct rehearsal *rehearsal, unsigned index, const char *source,
			bool unavailable)
{
	if (!machine_set_unavailable(&rehearsal->devices[index].machine, source, unavailable))
		return false;
	tell_others(rehearsal, index, (struct fleet_change){.kind = FLEET_SENSORS});
	return true;
}

void rehearsal_mark_source(struct rehearsal *rehearsal, unsigned index, const char *source,
			   bool unavailable)
{
	(void)mark_source(rehearsal, index, source, unavailable);
}

void rehearsal_give_up(struct rehearsal *rehearsal, unsigned index, const char *source)
{
	if (mark_source(rehearsal, index, source, true))
		tell(rehearsal, index, "device-unavailable", ALERT_MEDIUM, source);
}

void rehearsal_set_state(struct rehearsal *rehearsal, unsigned index, unsigned state,
			 int64_t for_us, const char *reason)
{
	struct rehearsed_device *device = &rehearsal->devices[index];
	struct decision decision;
	machine_set_state(&device->machine, device->policy, state,
			  for_us ? rehearsal->now_us + for_us : 0, reason, rehearsal->now_us,
			  &decision);
	settle(rehearsal, index, &decision);
}

void rehearsal_expire(struct rehearsal *rehearsal, unsigned index)
{
	rehearsal->devices[index].machine.manual_until_us = rehearsal->now_us;
	rehearsal_pass(rehearsal, rehearsal->now_us);
}

void rehearsal_release(struct rehearsal *rehearsal, unsigned index, const char *reason)
{
	struct rehearsed_device *device = &rehearsal->devices[index];
	struct decision decision;
	machine_release(&device->machine, device->policy, reason, rehearsal->now_us, &decision);
	settle(rehearsal, index, &decision);
}
