/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_mute.c - notices a umbox in force that takes frames and does nothing with them: none
 * comes out of it, and none does it account for, although it lives and says so.
 *
 * A few devices are looked at at a time, for each look asks the kernel.  Nothing is done but to say
 * it: nothing passes there anyway, and only somebody who looks can know whether a new one helps. */
#include "engine/node_device.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	DEVICES_AT_ONCE = 8,
	MUTE_FRAMES = 20, /* taken since the last one that was let out or accounted for, at least */
};

static const int64_t LOOK_US = 1000000;
static const int64_t ROUND_US = 5 * 1000000LL;
static const int64_t MUTE_US = 10 * 1000000LL; /* some heartbeats */

/* Too many for frames on their way must have been taken for a while. */
static bool is_mute(struct node_device *device, unsigned place, int64_t now_us)
{
	struct node_umbox *umbox = &device->umboxes[place];
	struct driver *driver = device->node->driver;
	struct umbox_counters counters;
	if (driver->ops->counters(driver, device->have.umboxes[place].id, &counters) < 0 ||
	    !counters.told)
		return false;
	const struct leg_counters *in = &counters.leg[LEG_IN], *out = &counters.leg[LEG_OUT];
	uint64_t taken = in->to_umbox_frames + out->to_umbox_frames;
	uint64_t done = in->from_umbox_frames + out->from_umbox_frames + counters.inside.dropped +
			counters.inside.answered;
	if (done != umbox->done_frames) {
		umbox->done_frames = done;
		umbox->taken_frames = taken;
	}
	if (taken - umbox->taken_frames < MUTE_FRAMES || !umbox->mute_since_us)
		umbox->mute_since_us = now_us;
	return now_us - umbox->mute_since_us >= MUTE_US;
}

static void tell(struct node_device *device, unsigned place)
{
	struct node_listener *listener = device->node->listener;
	uint32_t id = device->have.umboxes[place].id;
	device->mute = id;
	snprintf(device->trouble, sizeof(device->trouble),
		 "hop '%s' (umbox %" PRIu32 ") takes frames, lets none through and counts none as "
		 "dropped",
		 device->umboxes[place].hop, id);
	listener->on_remark(listener, device->number, "umbox-mute", 1, device->trouble);
}

static void look(struct node_device *device, int64_t now_us)
{
	const struct world *have = &device->have;
	int mute = -1;
	for (unsigned i = 0; i < have->umbox_count; i++) {
		if (device->goal != PLAN_CONVERGED || !path_has(&have->path, have->umboxes[i].id))
			device->umboxes[i].mute_since_us = 0;
		else if (is_mute(device, i, now_us))
			mute = (int)i;
	}
	if (mute >= 0 && have->umboxes[mute].id != device->mute) {
		tell(device, (unsigned)mute);
	} else if (mute < 0 && device->mute) {
		device->mute = 0;
		if (device->goal == PLAN_CONVERGED)
			device->trouble[0] = '\0';
	}
}

/* The next few devices, by the order of the table; true when it was the last of them. */
static bool look_at_some(struct node *node, int64_t now_us)
{
	struct node_device *device, *next;
	unsigned at = 0;
	HASH_ITER(hh, node->devices, device, next) {
		if (at >= node->mute_next + DEVICES_AT_ONCE) {
			node->mute_next = at;
			return false;
		}
		if (at++ >= node->mute_next)
			look(device, now_us);
	}
	node->mute_next = 0;
	return true;
}

void node_on_mute_due(struct deadline *deadline)
{
	struct node *node = container_of(deadline, struct node, mute_deadline);
	int64_t now_us = clock_now_us(node->clock);
	if (node->stopping)
		return;
	bool all = look_at_some(node, now_us);
	deadline_set(node->deadlines, deadline, now_us + (all ? ROUND_US : LOOK_US));
}
