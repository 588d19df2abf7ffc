/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_drain.c - when no frame of a path before is inside a umbox any more: the legs'
 * counters of all that left have stood still for a while.  One that does not fall silent in time is
 * condemned, never reused.
 *
 * What is still in force goes on counting, so for frames in there the time alone must do: it is the
 * longest that a umbox may keep a frame. */
#include "engine/node_device.h"

static const int64_t DRAIN_POLL_US = 10000;

static uint64_t frames_of(struct node *node, uint32_t umbox)
{
	struct umbox_counters counters;
	if (node->driver->ops->counters(node->driver, umbox, &counters) < 0)
		return 0; /* no legs, no frames */
	return counters.leg[LEG_IN].from_umbox_frames + counters.leg[LEG_IN].to_umbox_frames +
	       counters.leg[LEG_OUT].from_umbox_frames + counters.leg[LEG_OUT].to_umbox_frames;
}

static bool left_the_path(const struct world *have, const struct umbox_view *view)
{
	bool in_force = have->path.state == PATH_WHOLE && path_has(&have->path, view->id);
	return !in_force && !view->quiet && view->state == UMBOX_RUNNING;
}

void node_device_flipped(struct node_device *device, int64_t at_us)
{
	device->draining = true;
	device->drain_since_us = device->still_since_us = at_us;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		device->umboxes[i].drain_frames = 0;
}

int64_t node_device_drain(struct node_device *device, int64_t now_us)
{
	const struct engine_config *config = &device->node->config;
	struct world *have = &device->have;
	bool late = now_us - device->drain_since_us >= config->drain_max_us;

	if (!device->draining || have->path.state == PATH_BROKEN)
		return DEADLINE_NEVER;
	for (unsigned i = 0; i < have->umbox_count; i++) {
		struct umbox_view *view = &have->umboxes[i];
		if (!left_the_path(have, view))
			continue;
		uint64_t frames = frames_of(device->node, view->id);
		if (frames == device->umboxes[i].drain_frames)
			continue;
		device->umboxes[i].drain_frames = frames;
		device->still_since_us = now_us;
		if (late)
			view->state = UMBOX_GONE;
	}
	if (!late && now_us - device->still_since_us < config->drain_quiet_us)
		return now_us + DRAIN_POLL_US;
	world_drained(have);
	device->draining = false;
	return DEADLINE_NEVER;
}
