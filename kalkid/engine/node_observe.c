/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_observe.c - takes in what the driver sees: adoption by mark and sweep.
 *
 * What the node believes of a device gives way to the picture, unless a step or a notice has
 * changed the device since the look began: then it is looked at again.  A picture that is not
 * complete adds to what is known and takes no umbox away; what the kernel says of the way of the
 * frames holds whether Docker could be asked or not. */
#include "engine/node_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const int64_t AGAIN_SOON_US = 100000;   /* something moved while we looked */
static const int64_t AGAIN_TIMES = 10;         /* but longer where looking takes long */
static const int64_t AGAIN_LATER_US = 1000000; /* the driver could not see everything */

struct look {
	struct driver_call call;
	struct node *node;
	int64_t began_us;
	struct driver_picture picture; /* sorted once it is there */
};

static bool unchanged_since(const struct node_device *device)
{
	return !device->steps_running && device->change_at_look == device->change;
}

static int compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_number(const void *a, const void *b)
{
	const struct driver_device *one = a, *other = b;
	return compare(one->device, other->device);
}

static int by_device_and_id(const void *a, const void *b)
{
	const struct driver_umbox *one = a, *other = b;
	int order = compare(one->device, other->device);
	return order ? order : compare(one->id, other->id);
}

static void sort(struct driver_picture *picture)
{
	if (picture->device_count)
		qsort(picture->devices, picture->device_count, sizeof(*picture->devices),
		      by_number);
	if (picture->umbox_count)
		qsort(picture->umboxes, picture->umbox_count, sizeof(*picture->umboxes),
		      by_device_and_id);
}

static const struct driver_device *find_device(const struct driver_picture *picture,
					       uint32_t number)
{
	const struct driver_device key = {.device = number};
	return picture->device_count ? bsearch(&key, picture->devices, picture->device_count,
					       sizeof(key), by_number)
				     : NULL;
}

/* The first of the device that has this id or a greater one; the place after the last when there is
 * none. */
static unsigned first_umbox(const struct driver_picture *picture, uint32_t device, uint32_t id)
{
	const struct driver_umbox key = {.device = device, .id = id};
	unsigned low = 0, high = picture->umbox_count;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (by_device_and_id(&picture->umboxes[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_umbox(const struct driver_picture *picture, uint32_t device, uint32_t id)
{
	unsigned at = first_umbox(picture, device, id);
	return at < picture->umbox_count && picture->umboxes[at].device == device &&
	       picture->umboxes[at].id == id;
}

/* The steering of one device; true when it is not what was believed. */
static bool merge_steering(struct node_device *device, const struct driver_device *seen)
{
	static const struct driver_device nothing = {.path = {.state = PATH_HELD}};
	struct world *have = &device->have;
	if (!seen)
		seen = &nothing;
	bool drifted = device->observed &&
		       (have->enrolled != seen->enrolled || !path_equal(&have->path, &seen->path));
	have->enrolled = seen->enrolled;
	device->enrolled_as = seen->as;
	node_device_compare(device);
	if (!path_equal(&have->path, &seen->path)) {
		world_flip(have, &seen->path);
		node_device_flipped(device, clock_now_us(device->node->clock));
	}
	have->leftovers = seen->leftovers;
	have->prepared_count = seen->prepared_count;
	memcpy(have->prepared, seen->prepared, sizeof(have->prepared));
	device->path_failed = false;
	return drifted;
}

/* A umbox learns once, at its start, whom it serves. */
static bool serves(const struct node_device *device, const struct driver_umbox *umbox)
{
	char addresses[DIGEST_TEXT_BYTES];
	device_addresses_digest(&device->device, addresses);
	return text_equal(umbox->serves, addresses);
}

/* One umbox; true when it is not what was believed. */
static bool merge_umbox(struct node_device *device, const struct driver_umbox *seen)
{
	bool known = world_find(&device->have, seen->id);
	int place = node_device_umbox(device, seen->id, true);
	if (place < 0)
		return false; /* more than a device can have: looked at again when some are gone */
	struct umbox_view *view = &device->have.umboxes[place];
	struct node_umbox *umbox = &device->umboxes[place];
	bool drifted = known && view->state == UMBOX_RUNNING &&
		       (seen->state != UMBOX_RUNNING || (view->wired && !seen->wired));

	TEXT_COPY(view->digest, seen->digest);
	if (view->state != UMBOX_GONE) /* condemned stays condemned */
		view->state = seen->state;
	view->wired = seen->wired;
	device->node->rolling = device->node->rolling || !known;
	if (!known) { /* adopted: in force it is as good as ready, elsewhere it may hold frames */
		bool in_force = device->have.path.state == PATH_WHOLE &&
				path_has(&device->have.path, seen->id);
		view->ready = in_force;
		view->quiet = false;
		view->stray_up = view->stray_down = in_force;
		umbox->found = true;
		if (device->told_want && !serves(device, seen))
			view->state = UMBOX_GONE;
		node_device_flipped(device, clock_now_us(device->node->clock));
		umbox->ready_by_us = clock_now_us(device->node->clock) +
				     device->node->config.ready_timeout_us;
	}
	TEXT_COPY(umbox->hop, seen->hop);
	TEXT_COPY(umbox->image_id, seen->image_id);
	if (!known && view->ready)
		node_image_ready(device, (unsigned)place);
	if (seen->ready)
		node_umbox_ready(device, (unsigned)place);
	umbox->generation = seen->generation;
	return drifted;
}

static bool sweep_umboxes(struct node_device *device, const struct driver_picture *picture)
{
	bool drifted = false;
	for (unsigned i = device->have.umbox_count; i-- > 0;) {
		struct umbox_view *view = &device->have.umboxes[i];
		if (has_umbox(picture, device->number, view->id))
			continue;
		drifted = drifted || view->state == UMBOX_RUNNING;
		node_device_forget_umbox(device, view->id);
	}
	return drifted;
}

static void merge(struct look *look, struct node_device *device)
{
	struct node *node = look->node;
	const struct driver_picture *picture = &look->picture;
	const struct driver_device *seen = find_device(picture, device->number);
	bool first = !device->observed;
	bool drifted = false;

	if (seen || picture->steered)
		drifted = merge_steering(device, seen);
	for (unsigned i = first_umbox(picture, device->number, 0);
	     i < picture->umbox_count && picture->umboxes[i].device == device->number; i++)
		drifted |= merge_umbox(device, &picture->umboxes[i]);
	node_images_mark(device);
	if (picture->complete) {
		drifted |= sweep_umboxes(device, picture);
		device->have.complete = true;
	}
	device->observed = true;
	if (drifted && !first) {
		node->drift_repairs++;
		node->listener->on_remark(node->listener, device->number, "repaired", 1,
					  "rules, links or containers were changed by others");
	}
}

/* Devices that only the world knows: left over from before; wanted by nobody, so they will go. */
static void adopt_strangers(struct node *node, const struct driver_picture *picture)
{
	for (unsigned i = 0; i < picture->device_count; i++)
		if (!node_device_find(node, picture->devices[i].device))
			node_device_new(node, picture->devices[i].device)->device =
				picture->devices[i].as;
	for (unsigned i = 0; i < picture->umbox_count; i++)
		if (!node_device_find(node, picture->umboxes[i].device))
			node_device_new(node, picture->umboxes[i].device);
}

static void note_numbers(struct node *node, const struct driver_picture *picture)
{
	for (unsigned i = 0; i < picture->umbox_count; i++)
		node->umbox_seen = max_of(node->umbox_seen, picture->umboxes[i].id);
}

static void plan_all(struct node *node)
{
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next)
		node_device_plan(device);
}

/* That Docker cannot be reached is told by its own notice. */
static void take_result(struct node *node, int result, const struct error *err)
{
	const char *words = result < 0 && !node->engine_down ? err->text : "";
	if (text_equal(node->trouble, words))
		return;
	TEXT_COPY(node->trouble, words);
	if (words[0])
		node->listener->on_remark(node->listener, 0, "look-failed", 1, words);
}

static void on_observed(struct driver_call *call, int result, const struct error *err)
{
	struct look *look = container_of(call, struct look, call);
	struct node *node = look->node;
	bool moved = false;

	node->observing = false;
	if (!node->stopping) {
		int64_t now_us = clock_now_us(node->clock);
		int64_t soon_us =
			min_of(max_of(AGAIN_SOON_US, (now_us - look->began_us) * AGAIN_TIMES),
			       AGAIN_LATER_US);
		sort(&look->picture);
		note_numbers(node, &look->picture);
		adopt_strangers(node, &look->picture);
		struct node_device *device, *next;
		HASH_ITER(hh, node->devices, device, next) {
			if (unchanged_since(device))
				merge(look, device);
			else
				moved = true;
		}
		node->complete = node->complete || look->picture.complete;
		take_result(node, result, err);
		int64_t wait_us = node->observe_again       ? AGAIN_SOON_US
				  : moved                   ? soon_us
				  : !look->picture.complete ? AGAIN_LATER_US
							    : node->config.observe_every_us;
		deadline_set(node->deadlines, &node->observe_deadline, now_us + wait_us);
		plan_all(node);
	}
	driver_picture_done(&look->picture);
	free(look);
	node_call_ended(node);
}

void node_observe(struct node *node)
{
	if (!node->started || node->stopping)
		return;
	if (node->observing) {
		node->observe_again = true;
		return;
	}
	node->observing = true;
	node->observe_again = false;
	deadline_set(node->deadlines, &node->observe_deadline, DEADLINE_NEVER);

	struct look *look = mem_alloc(sizeof(*look));
	look->node = node;
	look->began_us = clock_now_us(node->clock);
	look->call.done = on_observed;
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next)
		device->change_at_look = device->change;
	node->calls++;
	node->driver->ops->observe(node->driver, &look->picture, &look->call);
}
