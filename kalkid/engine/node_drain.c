/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_drain.c - when a umbox that left the path holds no frame any more: its legs' counters
 * have stood still for a while.  One that does not fall silent in time is condemned, never reused.
 */
#include "engine/node_device.h"

static const int64_t DRAIN_POLL_US = 10000;

static uint64_t frames_of(struct node *node, uint32_t umbox, bool *ret_gone)
{
	struct umbox_counters counters;
	*ret_gone = node->driver->ops->counters(node->driver, umbox, &counters) < 0;
	if (*ret_gone)
		return 0;
	return counters.leg[LEG_IN].from_umbox_frames + counters.leg[LEG_IN].to_umbox_frames +
	       counters.leg[LEG_OUT].from_umbox_frames + counters.leg[LEG_OUT].to_umbox_frames;
}

static void look(struct node_device *device, unsigned place, int64_t now_us)
{
	struct node *node = device->node;
	struct umbox_view *view = &device->have.umboxes[place];
	struct node_umbox *umbox = &device->umboxes[place];
	bool legs_gone;
	uint64_t frames = frames_of(node, view->id, &legs_gone);

	if (!umbox->draining || frames != umbox->drain_frames) {
		if (!umbox->draining)
			umbox->drain_since_us = now_us;
		umbox->draining = true;
		umbox->still_since_us = now_us;
		umbox->drain_frames = frames;
	}
	if (legs_gone || now_us - umbox->still_since_us >= node->config.drain_quiet_us)
		view->quiet = true;
	else if (now_us - umbox->drain_since_us >= node->config.drain_max_us)
		view->state = UMBOX_GONE;
	if (view->quiet)
		umbox->draining = false;
}

int64_t node_device_drain(struct node_device *device, int64_t now_us)
{
	struct world *have = &device->have;
	int64_t next_us = DEADLINE_NEVER;

	for (unsigned i = 0; i < have->umbox_count; i++) {
		struct umbox_view *view = &have->umboxes[i];
		if (have->path.state == PATH_WHOLE && path_has(&have->path, view->id)) {
			view->quiet = false;
			device->umboxes[i].draining = false;
			continue;
		}
		if (view->quiet || view->state != UMBOX_RUNNING)
			continue;
		look(device, i, now_us);
		if (!view->quiet && view->state == UMBOX_RUNNING)
			next_us = now_us + DRAIN_POLL_US;
	}
	return next_us;
}
