/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_drain.c - when no frame of a path before is inside a umbox any more: the legs'
 * counters of all that left have stood still for a while.  One that does not fall silent in time is
 * condemned, never reused.
 *
 * What is still in force goes on counting, so for frames in there the time alone must do: it is the
 * longest that a umbox may keep a frame. */
#include "engine/node_device.h"

static const int64_t DRAIN_POLL_US = 10000;

/* False when it has no legs, and so no frames. */
static bool count_frames(struct node *node, uint32_t umbox, uint64_t *ret_frames)
{
	struct umbox_counters counters;
	if (node->driver->ops->counters(node->driver, umbox, &counters) < 0)
		return false;
	*ret_frames =
		counters.leg[LEG_IN].from_umbox_frames + counters.leg[LEG_IN].to_umbox_frames +
		counters.leg[LEG_OUT].from_umbox_frames + counters.leg[LEG_OUT].to_umbox_frames;
	return true;
}

static bool left_the_path(const struct world *have, const struct umbox_view *view)
{
	bool in_force = have->path.state == PATH_WHOLE && path_has(&have->path, view->id);
	return !in_force && !view->quiet && view->state != UMBOX_STARTING;
}

void node_device_flipped(struct node_device *device, int64_t at_us)
{
	device->draining = true;
	device->drain_since_us = device->still_since_us = at_us;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		device->umboxes[i].drain_frames = 0;
}

/* Looks at one that left; false while something may yet come out of it, into its old neighbours. */
static bool look(struct node_device *device, unsigned place, int64_t now_us, bool late)
{
	struct umbox_view *view = &device->have.umboxes[place];
	uint64_t frames;

	if (!left_the_path(&device->have, view) || !count_frames(device->node, view->id, &frames))
		return true;
	if (frames != device->umboxes[place].drain_frames) {
		device->umboxes[place].drain_frames = frames;
		device->still_since_us = now_us;
		if (late)
			view->state = UMBOX_GONE;
	}
	return view->state == UMBOX_RUNNING;
}

int64_t node_device_drain(struct node_device *device, int64_t now_us)
{
	const struct engine_config *config = &device->node->config;
	struct world *have = &device->have;
	bool late = now_us - device->drain_since_us >= config->drain_max_us;
	bool all_done = true;

	if (!device->draining || have->path.state == PATH_BROKEN)
		return DEADLINE_NEVER;
	for (unsigned i = 0; i < have->umbox_count; i++)
		all_done &= look(device, i, now_us, late);
	if (!all_done || (!late && now_us - device->still_since_us < config->drain_quiet_us))
		return now_us + DRAIN_POLL_US;
	world_drained(have);
	device->draining = false;
	return DEADLINE_NEVER;
}
