/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_status.c - what the API shows of the node; changes nothing. */
#include "engine/node_device.h"

#include "base/text.h"

bool node_read(const struct node *node, uint32_t number, struct node_view *ret)
{
	const struct node_device *device = node_device_find(node, number);
	if (!device)
		return false;
	*ret = (struct node_view){
		.goal = device->goal,
		.generation_enforced = device->generation_enforced,
		.enforced_us = device->enforced_us,
		.settled = device->settled,
		.trouble = device->trouble,
		.mute = device->mute != 0,
		.spare_trouble = device->spare_trouble,
		.spare_failed = device->spare_failed,
	};
	return true;
}

bool node_read_plan(struct node *node, uint32_t number, struct plan *ret)
{
	struct node_device *device = node_device_find(node, number);
	if (!device || !device->have.complete)
		return false;
	plan_next(ret, &device->want, &device->have);
	return true;
}

static const struct hop *find_hop(const struct posture *posture, const char *digest)
{
	for (unsigned i = 0; posture && i < posture->hop_count; i++)
		if (text_equal(posture->hops[i].digest, digest))
			return &posture->hops[i];
	return NULL;
}

static bool wanted_as_spare(const struct want *want, const char *digest, const struct hop **ret_hop)
{
	for (unsigned i = 0; i < want->standby_count; i++) {
		*ret_hop = find_hop(want->standby[i], digest);
		if (*ret_hop)
			return true;
	}
	return false;
}

const struct hop *node_device_hop(const struct node_device *device, const char *digest)
{
	const struct hop *hop = find_hop(device->want.posture, digest);
	if (!hop)
		(void)wanted_as_spare(&device->want, digest, &hop);
	return hop;
}

static int position_in(const struct path *path, uint32_t umbox)
{
	for (unsigned i = 0; path->state == PATH_WHOLE && i < path->count; i++)
		if (path->ids[i] == umbox)
			return (int)i;
	return -1;
}

/* The role follows from where the umbox stands now, not from why it was launched. */
static enum hop_role role_of(const struct node_device *device, unsigned place,
			     const struct hop **ret_hop)
{
	const struct umbox_view *view = &device->have.umboxes[place];
	*ret_hop = find_hop(device->want.posture, view->digest);
	if (position_in(&device->have.path, view->id) >= 0)
		return HOP_IN_FORCE;
	if (view->state == UMBOX_GONE)
		return HOP_GOING;
	if (!view->quiet && view->state == UMBOX_RUNNING)
		return HOP_DRAINING;
	if (*ret_hop && (device->goal != PLAN_CONVERGED || device->umboxes[place].trial))
		return HOP_COMING;
	return wanted_as_spare(&device->want, view->digest, ret_hop) ? HOP_STANDBY : HOP_GOING;
}

static void read_hop(struct node_device *device, unsigned place, struct hop_status *ret)
{
	struct node *node = device->node;
	const struct umbox_view *view = &device->have.umboxes[place];
	const struct node_umbox *umbox = &device->umboxes[place];
	const struct hop *hop;

	*ret = (struct hop_status){
		.umbox = view->id,
		.role = role_of(device, place, &hop),
		.generation = umbox->generation,
		.running = view->state == UMBOX_RUNNING,
		.wired = view->wired,
		.ready = view->ready,
	};
	int position = position_in(&device->have.path, view->id);
	ret->position = position < 0 ? 0 : (unsigned)position;
	TEXT_COPY(ret->name, umbox->hop);
	TEXT_COPY(ret->state, umbox->state);
	TEXT_COPY(ret->image_id, umbox->image_id);
	if (hop) {
		TEXT_COPY(ret->image, hop->image);
		ret->fail = hop->fail;
		ret->shadow = hop->shadow;
		if (ret->role == HOP_COMING)
			ret->position = (unsigned)(hop - device->want.posture->hops);
	}
	ret->counted = view->wired &&
		       node->driver->ops->counters(node->driver, view->id, &ret->counters) == 0;
}

/* Wanted hops that no umbox stands for yet. */
static void add_missing(const struct node_device *device, struct chain_status *ret)
{
	const struct posture *posture = device->want.posture;
	for (unsigned i = 0; posture && i < posture->hop_count; i++) {
		bool there = false;
		for (unsigned j = 0; j < device->have.umbox_count; j++)
			there |= device->have.umboxes[j].state != UMBOX_GONE &&
				 text_equal(device->have.umboxes[j].digest,
					    posture->hops[i].digest);
		if (there || ret->hop_count == ARRAY_SIZE(ret->hops))
			continue;
		struct hop_status *hop = &ret->hops[ret->hop_count++];
		*hop = (struct hop_status){.role = HOP_COMING, .position = i};
		TEXT_COPY(hop->name, posture->hops[i].name);
		TEXT_COPY(hop->image, posture->hops[i].image);
		TEXT_COPY(hop->state, device->state);
		hop->fail = posture->hops[i].fail;
		hop->shadow = posture->hops[i].shadow;
	}
}

static bool stands_before(const struct hop_status *a, const struct hop_status *b)
{
	if (a->role != b->role)
		return a->role < b->role;
	return a->position != b->position ? a->position < b->position : a->umbox < b->umbox;
}

static void sort_hops(struct chain_status *chain)
{
	for (unsigned i = 1; i < chain->hop_count; i++)
		for (unsigned j = i; j && stands_before(&chain->hops[j], &chain->hops[j - 1]);
		     j--) {
			struct hop_status moved = chain->hops[j];
			chain->hops[j] = chain->hops[j - 1];
			chain->hops[j - 1] = moved;
		}
}

void node_read_chain(struct node *node, uint32_t number, struct chain_status *ret)
{
	struct node_device *device = node_device_find(node, number);
	ret->hop_count = 0;
	ret->path = PATH_HELD;
	if (!device)
		return;
	ret->path = device->have.path.state;
	ret->goal = device->goal;
	ret->mode = device->want.posture ? device->want.posture->mode : POSTURE_BLOCK;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		read_hop(device, i, &ret->hops[ret->hop_count++]);
	add_missing(device, ret);
	sort_hops(ret);
}

void node_read_status(const struct node *node, struct engine_status *ret)
{
	unsigned *const goals[PLAN_GOAL_COUNT] = {
		[PLAN_CONVERGED] = &ret->converged,
		[PLAN_DEGRADED] = &ret->degraded,
		[PLAN_HELD] = &ret->held,
		[PLAN_OLD_CHAIN] = &ret->old_chain,
	};
	const struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next) {
		if (device->want.enrolled)
			++*goals[device->goal];
		ret->in_trouble += (device->goal != PLAN_CONVERGED || device->mute) &&
				   device->trouble[0];
		ret->standby_degraded += device->spare_trouble[0] != '\0';
		for (unsigned i = 0; i < device->have.umbox_count; i++) {
			ret->umboxes_running += device->have.umboxes[i].state == UMBOX_RUNNING;
			ret->umboxes_ready += device->have.umboxes[i].ready;
		}
	}
	ret->engine_reachable = node->started && !node->engine_down;
	ret->picture_complete = node->complete;
	TEXT_COPY(ret->trouble, node->trouble);
	ret->alerts_dropped = node->alerts_dropped;
	ret->drift_repairs = node->drift_repairs;
	ret->frames_spoofed = node->frames_spoofed;
}
