/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_try.c - when a umbox counts as ready: once it says so, and if its image or its
 * parameters are new, once frames of ours came through it both ways.
 *
 * An image that need not let everything through has to account for what it does not: its heartbeat
 * will do as well.  Only what takes the place of a umbox that works is tried: nothing is lost while
 * that stays.  Of its legs nobody else makes use yet, so their counters tell. */
#include "engine/node_device.h"

#include "base/text.h"

enum { LOOK_US = 20000, SEND_AGAIN_US = 500000 };

static void count_as_ready(struct node_device *device, unsigned place)
{
	struct umbox_view *view = &device->have.umboxes[place];
	device->umboxes[place].tried = false;
	view->ready = view->state == UMBOX_RUNNING || view->state == UMBOX_STARTING;
	node_umbox_well(device, view);
	node_image_ready(device, place);
}

/* False: it is to be believed. */
static bool send_frames(struct node_device *device, unsigned place)
{
	struct driver *driver = device->node->driver;
	uint32_t umbox = device->have.umboxes[place].id;
	int result = driver->ops->try_frames(driver, umbox, &device->device);
	if (result >= 0)
		device->umboxes[place].may_account = result == 1;
	return result != -EOPNOTSUPP;
}

/* In force, for the same hop, is one of another image or with other parameters. */
static bool follows_another(const struct node_device *device, unsigned place)
{
	const struct world *have = &device->have;
	const struct node_umbox *umbox = &device->umboxes[place];
	for (unsigned i = 0; i < have->umbox_count; i++) {
		const struct node_umbox *other = &device->umboxes[i];
		if (path_has(&have->path, have->umboxes[i].id) &&
		    text_equal(other->hop, umbox->hop) &&
		    (!text_equal(have->umboxes[i].digest, have->umboxes[place].digest) ||
		     !text_equal(other->image_id, umbox->image_id)))
			return true;
	}
	return false;
}

/* What was found after a restart may have been on trial before it. */
static bool is_to_be_tried(const struct node_device *device, unsigned place)
{
	const struct path *path = &device->have.path;
	if (path_has(path, device->have.umboxes[place].id))
		return false;
	return node_image_is_new(device, place) ||
	       (path->state == PATH_WHOLE &&
		(device->umboxes[place].found || follows_another(device, place)));
}

void node_umbox_ready(struct node_device *device, unsigned place)
{
	struct umbox_view *view = &device->have.umboxes[place];
	struct node_umbox *umbox = &device->umboxes[place];
	if (view->ready || umbox->tried)
		return;
	view->overdue = false;
	umbox->ready_by_us = clock_now_us(device->node->clock) +
			     device->node->config.ready_timeout_us;
	umbox->tried = is_to_be_tried(device, place) && send_frames(device, place);
	if (!umbox->tried)
		count_as_ready(device, place);
}

/* One that says so once wired may need longer than the first frame. */
static unsigned frames_due(const struct node_device *device, unsigned place, int64_t now_us)
{
	int64_t timeout_us = device->node->config.ready_timeout_us;
	int64_t since_us = device->umboxes[place].ready_by_us - timeout_us;
	return 1 + (unsigned)((now_us - since_us) / SEND_AGAIN_US);
}

int64_t node_umbox_try(struct node_device *device, unsigned place, int64_t now_us)
{
	struct driver *driver = device->node->driver;
	struct umbox_counters counters;
	if (!is_to_be_tried(device, place)) { /* nothing passes: it is needed now */
		count_as_ready(device, place);
		return DEADLINE_NEVER;
	}
	if (driver->ops->counters(driver, device->have.umboxes[place].id, &counters) < 0)
		return now_us + LOOK_US;
	const struct leg_counters *in = &counters.leg[LEG_IN], *out = &counters.leg[LEG_OUT];
	uint64_t came = in->from_umbox_frames + out->from_umbox_frames;
	uint64_t told = counters.inside.dropped + counters.inside.answered;
	if ((in->from_umbox_frames && out->from_umbox_frames) ||
	    (device->umboxes[place].may_account && came + told >= 2)) {
		count_as_ready(device, place);
		return DEADLINE_NEVER;
	}
	if (in->to_umbox_frames < frames_due(device, place, now_us))
		(void)send_frames(device, place);
	return now_us + LOOK_US;
}
