/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node_step.c - starts the steps that were planned, takes their results in, and remembers
 * what failed. */
#include "engine/node_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const int64_t RETRY_FIRST_US = 250000;
static const int64_t RETRY_MAX_US = 30 * 1000000LL;
/* What went well for so long starts counting its failures anew. */
static const int64_t WELL_AGAIN_US = 30 * 1000000LL;
/* Who can make a umbox die now and then must not gain longer and longer times without it: so long
 * in force makes up for one failure of the chain. */
static const int64_t MADE_GOOD_US = 10 * 1000000LL;

/* One step under way. */
struct step_run {
	struct driver_call call;
	struct node_device *device;
	struct step step;
	char hop[NAME_BYTES];
	struct device_identity *identity; /* ENROL: as which */
	uint32_t generation;
	int64_t started_us;
};

static int failed_place(const struct world *have, const char *digest)
{
	for (unsigned i = 0; i < have->failed_count; i++)
		if (text_equal(have->failed[i], digest))
			return (int)i;
	return -1;
}

static void mark_failed(struct world *have, const char *digest)
{
	if (failed_place(have, digest) >= 0)
		return;
	if (have->failed_count ==
	    HOPS_MAX) { /* the oldest is forgotten: at worst it is waited for */
		memmove(have->failed[0], have->failed[1], sizeof(have->failed[0]) * (HOPS_MAX - 1));
		have->failed_count--;
	}
	TEXT_COPY(have->failed[have->failed_count++], digest);
}

void node_umbox_well(struct node_device *device, const struct umbox_view *view)
{
	if (text_equal(device->spare_failed, view->digest))
		device->spare_trouble[0] = '\0';
	struct world *have = &device->have;
	int place = failed_place(have, view->digest);
	if (place < 0)
		return;
	have->failed_count--;
	memmove(have->failed[place], have->failed[place + 1],
		sizeof(have->failed[0]) * (have->failed_count - (unsigned)place));
}

/* --- failures --- */

static int64_t retry_delay_us(unsigned failures)
{
	if (failures <= 1)
		return 0; /* a first death is made good at once */
	unsigned doublings = min_of(failures - 2, 10u);
	int64_t delay_us = RETRY_FIRST_US << doublings;
	return min_of(delay_us, RETRY_MAX_US);
}

static void note_failure(const struct node_device *device, struct node_delay *delay)
{
	int64_t now_us = clock_now_us(device->node->clock);
	int64_t try_us = device->node->config.ready_timeout_us; /* until it is known to be vain */
	if (now_us - delay->until_us > try_us + WELL_AGAIN_US)
		delay->failures = 0;
	delay->failures++;
	delay->until_us = now_us + retry_delay_us(delay->failures);
}

static void chain_failed(struct node_device *device, const char *words)
{
	struct node_delay *delay = &device->chain;
	if (device->told && device->goal == PLAN_CONVERGED) {
		int64_t well_us = clock_now_us(device->node->clock) - device->goal_since_us;
		delay->failures -= min_of(delay->failures, (unsigned)(well_us / MADE_GOOD_US));
	}
	note_failure(device, &device->chain);
	TEXT_COPY(device->trouble, words);
}

static void spare_failed(struct node_device *device, const char *digest, const char *words)
{
	note_failure(device, &device->spares);
	TEXT_COPY(device->spare_failed, digest);
	TEXT_COPY(device->spare_trouble, words);
}

void node_forget_failures(struct node_device *device)
{
	device->chain = device->spares = (struct node_delay){0};
	device->trouble[0] = device->spare_trouble[0] = '\0';
	device->path_failed = false;
}

static bool is_wanted(const struct node_device *device, const char *digest)
{
	const struct posture *posture = device->want.posture;
	for (unsigned i = 0; posture && i < posture->hop_count; i++)
		if (text_equal(posture->hops[i].digest, digest))
			return true;
	return false;
}

void node_umbox_failed(struct node_device *device, const struct umbox_view *view, const char *words)
{
	const struct node_umbox *umbox = &device->umboxes[view - device->have.umboxes];
	if (umbox->trial && !path_has(&device->have.path, view->id)) {
		spare_failed(device, view->digest, words);
		return;
	}
	mark_failed(&device->have, view->digest);
	if (is_wanted(device, view->digest))
		chain_failed(device, words);
	else
		spare_failed(device, view->digest, words);
}

/* --- results --- */

/* Committed to the kernel when the driver's `run` returns. */
static bool steers(enum step_kind kind)
{
	return kind == STEP_HOLD || kind == STEP_ROUTE || kind == STEP_PREPARE ||
	       kind == STEP_CLEAN;
}

/* Changes the way of the frames. */
static bool leads(enum step_kind kind)
{
	return kind == STEP_HOLD || kind == STEP_ROUTE;
}

/* The engine's fault, not the image's. */
static bool is_engines(const struct node *node, int result)
{
	return node->engine_down || result == -ENOTCONN || result == -ECONNREFUSED ||
	       result == -ETIMEDOUT || result == -ECANCELED;
}

static void note_image(struct node_device *device, unsigned place, const char *id)
{
	struct node_umbox *umbox = &device->umboxes[place];
	if (!id[0] || text_equal(umbox->image_id, id))
		return;
	TEXT_COPY(umbox->image_id, id);
	device->node->rolling = true;
}

static void launch_done(struct step_run *run, int result, const char *words)
{
	struct node_device *device = run->device;
	int place = node_device_umbox(device, run->step.umbox, false);
	if (place < 0)
		return;
	struct umbox_view *view = &device->have.umboxes[place];
	view->busy = false;
	if (result < 0) {
		node_umbox_failed(device, view, words);
		if (!is_engines(device->node, result))
			node_image_failed(device, (unsigned)place, result == -ENOENT, words);
		node_device_forget_umbox(device, run->step.umbox);
		return;
	}
	note_image(device, (unsigned)place, run->call.image_id);
	if (view->state == UMBOX_STARTING) /* else it died before we heard that it runs */
		view->state = UMBOX_RUNNING;
	view->quiet = true;
	device->umboxes[place].ready_by_us = clock_now_us(device->node->clock) +
					     device->node->config.ready_timeout_us;
}

static void umbox_step_done(struct step_run *run, int result, const char *words)
{
	struct node_device *device = run->device;
	struct umbox_view *view = world_find(&device->have, run->step.umbox);
	if (!view)
		return;
	view->busy = false;
	if (run->step.kind == STEP_REMOVE) {
		if (result < 0)
			spare_failed(device, "", words);
		else
			node_device_forget_umbox(device, run->step.umbox);
	} else if (result < 0) {
		view->state = UMBOX_GONE;
		node_umbox_failed(device, view, words);
	} else {
		view->wired = true;
	}
}

static void enrolment_done(struct step_run *run, int result, const char *words)
{
	struct node_device *device = run->device;
	if (result < 0) { /* perhaps it was done: nothing is routed before that is known */
		device->have.enrolled = device->have.complete = false;
		device->have.stale = device->have.readdressed = false;
		chain_failed(device, words);
		node_observe(device->node);
		return;
	}
	device->have.enrolled = run->step.kind == STEP_ENROL;
	if (run->identity)
		device->enrolled_as = *run->identity;
	node_device_compare(device);
}

/* At once when the driver's `run` has returned: the picture, the drain, and whoever listens. */
static void steering_returned(struct step_run *run)
{
	struct node_device *device = run->device;
	struct node_listener *listener = device->node->listener;
	int64_t now_us = clock_now_us(device->node->clock);
	bool committed = run->call.committed >= 0;

	plan_steered(&device->have, &run->step, committed);
	if (!leads(run->step.kind))
		return;
	node_device_flipped(device, now_us);
	device->path_failed = !committed;
	if (!committed)
		return;
	device->generation_enforced = run->generation;
	device->enforced_us = now_us;
	listener->on_enforced(listener, device->number, run->generation, &device->have.path,
			      now_us);
}

static void take_result(struct step_run *run, int result, const char *words)
{
	switch (run->step.kind) {
	case STEP_LAUNCH: launch_done(run, result, words); break;
	case STEP_WIRE:
	case STEP_REMOVE: umbox_step_done(run, result, words); break;
	case STEP_ENROL:
	case STEP_UNENROL:
		enrolment_done(run, result, words);
		run->device->have.busy = false;
		break;
	case STEP_HOLD:
	case STEP_ROUTE:
	case STEP_PREPARE:
	case STEP_CLEAN:
		if (result < 0) {
			chain_failed(run->device, words);
			node_observe(run->device->node);
		}
		break;
	case STEP_KIND_COUNT: break;
	}
}

static void tell_step(struct step_run *run, int result, const char *words)
{
	struct node_listener *listener = run->device->node->listener;
	struct node_step told = {
		.step = &run->step,
		.hop = run->hop,
		.result = result,
		.words = words,
		.started_us = run->started_us,
		.ended_us = clock_now_us(run->device->node->clock),
	};
	listener->on_step(listener, run->device->number, run->generation, &told);
}

static void wake_waiting(struct node *node)
{
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next)
		if (device->waits)
			node_device_plan(device);
}

/* The only completion on the control path: forget the step, look again, plan again. */
static void on_step_done(struct driver_call *call, int result, const struct error *err)
{
	struct step_run *run = container_of(call, struct step_run, call);
	struct node_device *device = run->device;
	struct node *node = device->node;
	const char *words = result < 0 ? (err && err->text[0] ? err->text : strerror(-result)) : "";
	bool unenrolled = run->step.kind == STEP_UNENROL;

	device->steps_running--;
	device->change++;
	if (result == -ETIMEDOUT || result == -ECANCELED) {
		device->have.complete = false; /* done or not: look before anything else */
		node_observe(node);
	}
	run->step.hop = NULL; /* the policy it stood in may be gone */
	take_result(run, result, words);
	tell_step(run, result, words);
	free(run->identity);
	free(run);
	node_call_ended(node);
	node_device_plan(device);
	if (unenrolled)
		wake_waiting(node);
}

/* --- starting steps --- */

static bool start_launch(struct node_device *device, struct step_run *run, const struct step *step)
{
	struct node *node = device->node;
	if (device->have.umbox_count == WORLD_UMBOXES_MAX)
		return false;
	run->step.umbox = node->listener->new_umbox(node->listener, node->umbox_seen);
	int place = node_device_umbox(device, run->step.umbox, true);
	struct umbox_view *view = &device->have.umboxes[place];
	struct node_umbox *umbox = &device->umboxes[place];
	view->busy = true;
	TEXT_COPY(view->digest, step->hop->digest);
	TEXT_COPY(umbox->hop, step->hop->name);
	TEXT_COPY(umbox->state, device->state);
	TEXT_COPY(umbox->image_id, node_image_for(device, step));
	umbox->generation = device->want.generation;
	umbox->trial = step->renews;
	return true;
}

static bool mark_started(struct node_device *device, struct step_run *run, const struct step *step)
{
	struct umbox_view *view;
	switch (step->kind) {
	case STEP_LAUNCH: return start_launch(device, run, step);
	case STEP_WIRE:
	case STEP_REMOVE:
		view = world_find(&device->have, step->umbox);
		if (!view)
			return false;
		view->busy = true;
		if (step->kind == STEP_REMOVE)
			view->state = UMBOX_GONE;
		return true;
	case STEP_ENROL:
	case STEP_UNENROL: device->have.busy = true; return true;
	case STEP_HOLD:
	case STEP_ROUTE:
	case STEP_PREPARE:
	case STEP_CLEAN: return true; /* over when the driver returns */
	case STEP_KIND_COUNT: break;
	}
	return false;
}

static bool shares_address(const struct device_identity *a, const struct device_identity *b)
{
	if (mac_equal(&a->mac, &b->mac))
		return true;
	for (unsigned i = 0; i < a->ip_count; i++)
		if (device_has_ip(b, &a->ips[i]))
			return true;
	return false;
}

/* One that is to go, or to change: the kernel takes an address from one device at a time. */
static bool waits_for_another(struct node_device *device)
{
	struct node_device *other, *next;
	HASH_ITER(hh, device->node->devices, other, next) {
		if (other == device || !other->have.enrolled ||
		    !shares_address(&device->device, &other->enrolled_as))
			continue;
		snprintf(device->trouble, sizeof(device->trouble),
			 "it waits for device number %u, which has the same address, to be gone",
			 other->number);
		return true;
	}
	return false;
}

/* While a failure is waited out only the way of the frames may change, and that not in the way that
 * just failed. */
static bool may_start(struct node_device *device, const struct step *step)
{
	if (step->kind == STEP_REMOVE)
		return !device->have.spares_backing_off;
	if (step->kind == STEP_ENROL && (device->waits = waits_for_another(device)))
		return false;
	if (leads(step->kind) && !device->path_failed)
		return true;
	return !device->have.backing_off;
}

bool node_step_start(struct node_device *device, const struct step *step)
{
	struct node *node = device->node;
	if (!may_start(device, step))
		return false;
	struct step_run *run = mem_alloc(sizeof(*run));
	run->call.done = on_step_done;
	run->device = device;
	run->step = *step;
	run->generation = device->want.generation;
	run->started_us = clock_now_us(node->clock);
	if (!mark_started(device, run, step)) {
		free(run);
		return false;
	}
	if (step->kind == STEP_ENROL)
		run->identity = mem_copy(&device->device, sizeof(device->device));
	int place = node_device_umbox(device, run->step.umbox, false);
	if (place >= 0)
		TEXT_COPY(run->hop, device->umboxes[place].hop);
	device->steps_running++;
	device->change++;
	node->calls++;
	struct driver_task task = {
		.step = &run->step,
		.device = &device->device,
		.generation = device->want.generation,
		.image = place >= 0 ? device->umboxes[place].image_id : "",
		.state = device->state,
	};
	node->driver->ops->run(node->driver, &task, &run->call);
	if (steers(step->kind))
		steering_returned(run);
	return true;
}
