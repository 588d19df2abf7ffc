/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node.c - see node.h: asks the planner, and takes in what the driver tells. */
#include "engine/node_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* --- the device's umboxes --- */

/* Most devices never have more than a few. */
static void make_umbox_room(struct node_device *device)
{
	device->umbox_room = min_of(device->umbox_room * 2 + 2, (unsigned)WORLD_UMBOXES_MAX);
	device->umboxes = mem_resize(device->umboxes, device->umbox_room, sizeof(*device->umboxes));
}

int node_device_umbox(struct node_device *device, uint32_t umbox, bool make)
{
	struct world *have = &device->have;
	struct umbox_view *view = world_find(have, umbox);
	if (view)
		return (int)(view - have->umboxes);
	if (!make || have->umbox_count == WORLD_UMBOXES_MAX)
		return -1;
	if (have->umbox_count == device->umbox_room)
		make_umbox_room(device);
	have->umboxes[have->umbox_count] = (struct umbox_view){.id = umbox};
	device->umboxes[have->umbox_count] = (struct node_umbox){.ready_by_us = DEADLINE_NEVER};
	return (int)have->umbox_count++;
}

void node_device_forget_umbox(struct node_device *device, uint32_t umbox)
{
	int place = node_device_umbox(device, umbox, false);
	if (place < 0)
		return;
	unsigned last = --device->have.umbox_count;
	device->have.umboxes[place] = device->have.umboxes[last];
	device->umboxes[place] = device->umboxes[last];
}

/* --- planning --- */

static void took_too_long(struct node_device *device, unsigned place)
{
	struct umbox_view *view = &device->have.umboxes[place];
	const struct node_umbox *umbox = &device->umboxes[place];
	long long timeout_s = device->node->config.ready_timeout_us / 1000000;
	char words[TROUBLE_BYTES];
	view->overdue = true;
	snprintf(words, sizeof(words),
		 umbox->tried
			 ? "hop '%s' (umbox %u) is ready, and no frame came through it in %lld s"
			 : "hop '%s' (umbox %u) did not get ready in %lld s",
		 umbox->hop, view->id, timeout_s);
	node_umbox_failed(device, view, words);
	node_image_failed(device, place, false, words);
}

/* What time alone brings: deadlines of readiness, the end of a back-off, umboxes
 * that fell silent. */
static int64_t take_time_in(struct node_device *device, int64_t now_us)
{
	struct world *have = &device->have;
	int64_t next_us = node_device_drain(device, now_us);

	for (unsigned i = 0; i < have->umbox_count; i++) {
		struct umbox_view *view = &have->umboxes[i];
		if (view->ready || view->overdue || view->state != UMBOX_RUNNING)
			continue;
		if (device->umboxes[i].tried)
			next_us = min_of(next_us, node_umbox_try(device, i, now_us));
		if (!view->ready && now_us >= device->umboxes[i].ready_by_us)
			took_too_long(device, i);
		else if (!view->ready)
			next_us = min_of(next_us, device->umboxes[i].ready_by_us);
	}
	have->backing_off = now_us < device->chain.until_us;
	have->spares_backing_off = now_us < device->spares.until_us;
	if (have->backing_off)
		next_us = min_of(next_us, device->chain.until_us);
	return have->spares_backing_off ? min_of(next_us, device->spares.until_us) : next_us;
}

static void tell_goal(struct node_device *device, const struct plan *plan)
{
	struct node_listener *listener = device->node->listener;
	bool same = device->told && device->goal == plan->goal &&
		    device->goal_generation == device->want.generation;

	device->settled = plan->settled;
	if (plan->settled)
		device->spare_trouble[0] = '\0';
	if (same)
		return;
	if (plan->goal == PLAN_CONVERGED) {
		device->trouble[0] = '\0';
		device->generation_enforced = device->want.generation;
	}
	device->goal = plan->goal;
	device->goal_generation = device->want.generation;
	device->goal_since_us = clock_now_us(device->node->clock);
	device->told = true;
	if (device->want.enrolled)
		listener->on_goal(listener, device->number, device->want.generation, plan->goal,
				  &device->have.path);
}

static void device_free(struct node_device *device)
{
	deadline_remove(device->node->deadlines, &device->deadline);
	HASH_DEL(device->node->devices, device);
	free(device->umboxes);
	free(device);
}

static bool nothing_left(const struct node_device *device)
{
	return !device->want.enrolled && device->settled && !device->steps_running &&
	       !device->have.enrolled && !device->have.umbox_count && device->have.complete;
}

/* What tightens does not wait for the first look, which may wait for Docker: until then nothing is
 * known but how to take the ways in away. */
static void hold_unseen(struct node_device *device)
{
	const struct posture *posture = device->want.posture;
	const struct step hold = {.kind = STEP_HOLD, .cut = !posture || posture->cut};
	bool decided = device->told_want && device->want.generation != device->first_want;
	if (decided && !device->want.hold_old && !device->held_unseen && !device->path_failed)
		device->held_unseen = node_step_start(device, &hold);
}

void node_device_plan(struct node_device *device)
{
	struct node *node = device->node;
	if (!node->started || node->stopping)
		return;
	if (!device->observed) {
		hold_unseen(device);
		return;
	}
	int64_t next_us = take_time_in(device, clock_now_us(node->clock));
	struct step lead;
	struct plan plan;
	if (node->rolling)
		node_images_mark(device);

	if (plan_lead(&lead, &device->want, &device->have) && node_step_start(device, &lead)) {
		/* All the rest when this step ends, a turn of the loop later. */
		deadline_set(node->deadlines, &device->deadline, next_us);
		return;
	}
	plan_next(&plan, &device->want, &device->have);
	for (unsigned i = 0; i < plan.count; i++)
		node_step_start(device, &plan.steps[i]);
	tell_goal(device, &plan);
	if (nothing_left(device)) {
		device_free(device);
	} else {
		deadline_set(node->deadlines, &device->deadline, next_us);
	}
	if (node->rolling)
		node_images_follow(node);
}

static void on_device_due(struct deadline *deadline)
{
	node_device_plan(container_of(deadline, struct node_device, deadline));
}

/* --- devices --- */

struct node_device *node_device_find(const struct node *node, uint32_t number)
{
	struct node_device *device;
	HASH_FIND(hh, node->devices, &number, sizeof(number), device);
	return device;
}

void node_device_compare(struct node_device *device)
{
	struct world *have = &device->have;
	bool there = have->enrolled && device->told_want && device->want.enrolled;
	bool same_place = device_same_place(&device->enrolled_as, &device->device);
	have->stale = there && !same_place;
	have->readdressed = there && same_place &&
			    !device_same_identity(&device->enrolled_as, &device->device);
}

struct node_device *node_device_new(struct node *node, uint32_t number)
{
	struct node_device *device = mem_alloc(sizeof(*device));
	device->node = node;
	device->number = number;
	device->device.number = number;
	deadline_add(node->deadlines, &device->deadline, on_device_due);
	HASH_ADD(hh, node->devices, number, sizeof(number), device);
	return device;
}

/* A umbox learns once, at its start, whom it serves. */
static void condemn_if_anothers(struct node_device *device, const struct device_identity *wanted)
{
	if (!device->told_want || device_same_addresses(&device->device, wanted))
		return;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		device->have.umboxes[i].state = UMBOX_GONE;
	device->change++;
}

void node_want(struct node *node, const struct device_identity *wanted, const struct want *want,
	       const char *state)
{
	struct node_device *device = node_device_find(node, wanted->number);
	if (!device) {
		device = node_device_new(node, wanted->number);
		/* Once everything was seen, a device that was not among it has nothing. */
		device->observed = device->have.complete = node->complete;
	}
	if (!device->told_want || device->want.generation != want->generation)
		node_forget_failures(device);
	condemn_if_anothers(device, wanted);
	if (!device->told_want)
		device->first_want = want->generation;
	device->held_unseen = device->held_unseen && device->want.generation == want->generation;
	device->told_want = true;
	device->device = *wanted;
	device->want = *want;
	TEXT_COPY(device->state, state);
	node_device_compare(device);
	node_device_plan(device);
}

void node_forget(struct node *node, uint32_t number)
{
	struct node_device *device = node_device_find(node, number);
	if (!device)
		return;
	device->want = (struct want){.generation = device->want.generation + 1};
	node_forget_failures(device);
	node_device_plan(device);
}

void node_try_images_again(struct node *node)
{
	node_images_ask(node, true);
}

/* --- what the driver tells --- */

static void umbox_gone(struct node_device *device, struct umbox_view *view, const char *words)
{
	struct node *node = device->node;
	uint32_t number = device->number; /* planning may end the device */
	int place = (int)(view - device->have.umboxes);
	if (view->state == UMBOX_GONE)
		return;
	view->state = UMBOX_GONE;
	view->ready = false;
	char line[TROUBLE_BYTES];
	snprintf(line, sizeof(line), "hop '%s' (umbox %u) died: %s", device->umboxes[place].hop,
		 view->id, words ? words : "no word why");
	node_umbox_failed(device, view, line);
	node_image_failed(device, (unsigned)place, false, line);
	device->change++;
	node_device_plan(device); /* first the kernel, then the words */
	node->listener->on_remark(node->listener, number, "umbox-died", 1, line);
}

static void umbox_ready(struct node_device *device, struct umbox_view *view)
{
	bool being_wired = view->state == UMBOX_RUNNING && view->busy;
	if (!view->wired && !being_wired) {
		umbox_gone(device, view, "it said ready before it had legs");
		return;
	}
	node_umbox_ready(device, (unsigned)(view - device->have.umboxes));
	device->change++;
	node_device_plan(device);
}

/* One that a look has found and not told of yet: what it was good for the next plan sees. */
static void stranger_gone(struct node *node, const struct driver_notice *notice, const char *why)
{
	char line[TROUBLE_BYTES];
	snprintf(line, sizeof(line), "umbox %u died: %s", notice->umbox, why ? why : "no word why");
	node->listener->on_remark(node->listener, notice->device, "umbox-died", 1, line);
}

static void on_umbox_notice(struct node *node, const struct driver_notice *notice)
{
	struct node_device *device = node_device_find(node, notice->device);
	struct umbox_view *view = device ? world_find(&device->have, notice->umbox) : NULL;
	const char *why = notice->kind == DRIVER_UMBOX_SILENT ? "no heartbeat" : notice->words;
	if (view && notice->kind == DRIVER_UMBOX_READY)
		umbox_ready(device, view);
	else if (view)
		umbox_gone(device, view, why);
	else if (notice->kind != DRIVER_UMBOX_READY)
		stranger_gone(node, notice, why);
}

static void forget_all_failures(struct node *node)
{
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next)
		node_forget_failures(device);
}

static void on_node_notice(struct node *node, const struct driver_notice *notice)
{
	static const char *const KINDS[DRIVER_NOTICE_COUNT] = {
		[DRIVER_DROPPED] = "alerts-dropped",
		[DRIVER_RULES_CHANGED] = "rules-changed",
		[DRIVER_SPOOF] = "spoofed",
		[DRIVER_UNKNOWN] = "unknown-device",
		[DRIVER_IMPERSONATED] = "impersonated",
		[DRIVER_ENGINE_DOWN] = "engine-down",
		[DRIVER_ENGINE_UP] = "engine-up",
	};
	if (notice->kind == DRIVER_DROPPED)
		node->alerts_dropped += notice->count;
	if (notice->kind == DRIVER_SPOOF)
		node->frames_spoofed += notice->count;
	if (notice->kind == DRIVER_ENGINE_DOWN || notice->kind == DRIVER_ENGINE_UP)
		node->engine_down = notice->kind == DRIVER_ENGINE_DOWN;
	if (notice->kind == DRIVER_ENGINE_UP) {
		forget_all_failures(node); /* they were Docker's */
		node_images_ask(node, false);
	}
	if (notice->kind == DRIVER_ENGINE_UP || notice->kind == DRIVER_RULES_CHANGED)
		node_observe(node);
	const char *words = notice->words   ? notice->words
			    : notice->alert ? notice->alert->detail
					    : "";
	node->listener->on_remark(node->listener, notice->device, KINDS[notice->kind],
				  notice->count, words);
}

static void on_notice(struct driver_listener *listener, const struct driver_notice *notice)
{
	struct node *node = container_of(listener, struct node, driver_listener);
	if (node->stopping)
		return;
	switch (notice->kind) {
	case DRIVER_UMBOX_READY:
	case DRIVER_UMBOX_GONE:
	case DRIVER_UMBOX_SILENT: on_umbox_notice(node, notice); break;
	case DRIVER_ALERT:
		node->listener->on_alert(node->listener, notice->device, notice->alert);
		break;
	case DRIVER_RECORD:
		node->listener->on_record(node->listener, notice->device, notice->umbox,
					  notice->words);
		break;
	case DRIVER_CLAIM:
		node->listener->on_claim(node->listener, notice->device, notice->claim);
		break;
	case DRIVER_IMAGES_CHANGED: node_images_ask(node, false); break;
	case DRIVER_DROPPED:
	case DRIVER_RULES_CHANGED:
	case DRIVER_SPOOF:
	case DRIVER_IMPERSONATED:
	case DRIVER_UNKNOWN:
	case DRIVER_ENGINE_DOWN:
	case DRIVER_ENGINE_UP: on_node_notice(node, notice); break;
	case DRIVER_NOTICE_COUNT: break;
	}
}

/* --- the node --- */

static void on_observe_due(struct deadline *deadline)
{
	node_observe(container_of(deadline, struct node, observe_deadline));
}

struct node *node_new(struct deadlines *deadlines, const struct clock *clock,
		      const struct engine_config *config, struct node_listener *listener)
{
	struct node *node = mem_alloc(sizeof(*node));
	node->clock = clock;
	node->deadlines = deadlines;
	node->config = *config;
	node->listener = listener;
	node->driver_listener.on_notice = on_notice;
	deadline_add(deadlines, &node->observe_deadline, on_observe_due);
	deadline_add(deadlines, &node->mute_deadline, node_on_mute_due);
	return node;
}

void node_free(struct node *node)
{
	if (!node)
		return;
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next) {
		device_free(device);
	}
	deadline_remove(node->deadlines, &node->observe_deadline);
	deadline_remove(node->deadlines, &node->mute_deadline);
	node_images_forget(node);
	free(node);
}

struct driver_listener *node_driver_listener(struct node *node)
{
	return &node->driver_listener;
}

void node_start(struct node *node, struct driver *driver)
{
	node->driver = driver;
	node->started = true;
	node_observe(node);
	deadline_set(node->deadlines, &node->mute_deadline, clock_now_us(node->clock));
}

void node_call_ended(struct node *node)
{
	node->calls--;
	if (node->stopping && !node->calls && node->stopped) {
		void (*stopped)(void *data) = take(node->stopped);
		stopped(node->stopped_data);
	}
}

void node_stop(struct node *node, void (*stopped)(void *data), void *data)
{
	node->stopping = true;
	if (!node->calls) {
		stopped(data);
		return;
	}
	node->stopped = stopped;
	node->stopped_data = data;
}
