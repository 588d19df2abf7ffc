/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node.c - see node.h: asks the planner, starts its steps, takes their results in. */
#include "engine/node_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static const int64_t RETRY_FIRST_US = 250000;
static const int64_t RETRY_MAX_US = 30 * 1000000LL;
/* What went well for so long starts counting its failures anew. */
static const int64_t WELL_AGAIN_US = 30 * 1000000LL;

/* One step under way. */
struct step_run {
	struct driver_call call;
	struct node_device *device;
	struct step step;
	char hop[NAME_BYTES];
	struct device identity; /* ENROL: as which */
	uint32_t generation;
	int64_t started_us;
};

/* --- the device's umboxes --- */

int node_device_umbox(struct node_device *device, uint32_t umbox, bool make)
{
	struct world *have = &device->have;
	struct umbox_view *view = world_find(have, umbox);
	if (view)
		return (int)(view - have->umboxes);
	if (!make || have->umbox_count == WORLD_UMBOXES_MAX)
		return -1;
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

static void unmark_failed(struct world *have, const char *digest)
{
	int place = failed_place(have, digest);
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

static void note_failure(struct node_device *device, struct node_delay *delay, const char *words)
{
	int64_t now_us = clock_now_us(device->node->clock);
	int64_t try_us = device->node->config.ready_timeout_us; /* until it is known to be vain */
	if (now_us - delay->until_us > try_us + WELL_AGAIN_US)
		delay->failures = 0;
	delay->failures++;
	delay->until_us = now_us + retry_delay_us(delay->failures);
	TEXT_COPY(device->trouble, words);
}

static void forget_failures(struct node_device *device)
{
	device->chain = device->spares = (struct node_delay){0};
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

static void umbox_failed(struct node_device *device, struct umbox_view *view, const char *words)
{
	bool wanted = is_wanted(device, view->digest);
	mark_failed(&device->have, view->digest);
	note_failure(device, wanted ? &device->chain : &device->spares, words);
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

static void launch_done(struct step_run *run, int result, const char *words)
{
	struct node_device *device = run->device;
	int place = node_device_umbox(device, run->step.umbox, false);
	if (place < 0)
		return;
	struct umbox_view *view = &device->have.umboxes[place];
	view->busy = false;
	if (result < 0) {
		umbox_failed(device, view, words);
		node_device_forget_umbox(device, run->step.umbox);
		return;
	}
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
			note_failure(device, &device->spares, words);
		else
			node_device_forget_umbox(device, run->step.umbox);
	} else if (result < 0) {
		view->state = UMBOX_GONE;
		umbox_failed(device, view, words);
	} else {
		view->wired = true;
	}
}

static void enrolment_done(struct step_run *run, int result, const char *words)
{
	struct node_device *device = run->device;
	if (result < 0) { /* perhaps it was done: nothing is routed before that is known */
		device->have.enrolled = device->have.stale = device->have.complete = false;
		note_failure(device, &device->chain, words);
		node_observe(device->node);
		return;
	}
	device->have.enrolled = run->step.kind == STEP_ENROL;
	device->enrolled_as = run->identity;
	device->have.stale = device->have.enrolled && device->want.enrolled &&
			     !device_same_identity(&device->enrolled_as, &device->device);
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
			note_failure(run->device, &run->device->chain, words);
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

/* The only completion on the control path: forget the step, look again, plan again. */
static void on_step_done(struct driver_call *call, int result, const struct error *err)
{
	struct step_run *run = container_of(call, struct step_run, call);
	struct node_device *device = run->device;
	struct node *node = device->node;
	const char *words = result < 0 ? (err && err->text[0] ? err->text : strerror(-result)) : "";

	device->steps_running--;
	device->change++;
	if (result == -ETIMEDOUT || result == -ECANCELED) {
		device->have.complete = false; /* done or not: look before anything else */
		node_observe(node);
	}
	run->step.hop = NULL; /* the policy it stood in may be gone */
	take_result(run, result, words);
	tell_step(run, result, words);
	free(run);
	node_call_ended(node);
	node_device_plan(device);
}

/* --- starting steps --- */

static bool start_launch(struct node_device *device, struct step_run *run, const struct step *step)
{
	struct node *node = device->node;
	if (device->have.umbox_count == WORLD_UMBOXES_MAX)
		return false;
	run->step.umbox = node->listener->new_umbox(node->listener);
	int place = node_device_umbox(device, run->step.umbox, true);
	struct umbox_view *view = &device->have.umboxes[place];
	struct node_umbox *umbox = &device->umboxes[place];
	view->busy = true;
	TEXT_COPY(view->digest, step->hop->digest);
	TEXT_COPY(umbox->hop, step->hop->name);
	TEXT_COPY(umbox->state, device->state);
	umbox->generation = device->want.generation;
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

/* While a failure is waited out only the way of the frames may change, and that not in the way that
 * just failed. */
static bool may_start(const struct node_device *device, const struct step *step)
{
	if (step->kind == STEP_REMOVE)
		return !device->have.spares_backing_off;
	if (leads(step->kind) && !device->path_failed)
		return true;
	return !device->have.backing_off;
}

static bool start_step(struct node_device *device, const struct step *step)
{
	struct node *node = device->node;
	if (!may_start(device, step))
		return false;
	struct step_run *run = mem_alloc(sizeof(*run));
	run->call.done = on_step_done;
	run->device = device;
	run->step = *step;
	run->identity = device->device;
	run->generation = device->want.generation;
	run->started_us = clock_now_us(node->clock);
	if (!mark_started(device, run, step)) {
		free(run);
		return false;
	}
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
		.state = device->state,
	};
	node->driver->ops->run(node->driver, &task, &run->call);
	if (steers(step->kind))
		steering_returned(run);
	return true;
}

/* --- planning --- */

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
		int64_t by_us = device->umboxes[i].ready_by_us;
		if (now_us >= by_us) {
			view->overdue = true;
			char words[TROUBLE_BYTES];
			snprintf(words, sizeof(words),
				 "hop '%s' (umbox %u) did not get ready in %lld s",
				 device->umboxes[i].hop, view->id,
				 (long long)(device->node->config.ready_timeout_us / 1000000));
			umbox_failed(device, view, words);
		} else {
			next_us = min_of(next_us, by_us);
		}
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
	if (same)
		return;
	if (plan->goal == PLAN_CONVERGED) {
		device->trouble[0] = '\0';
		device->generation_enforced = device->want.generation;
	}
	device->goal = plan->goal;
	device->goal_generation = device->want.generation;
	device->told = true;
	if (device->want.enrolled)
		listener->on_goal(listener, device->number, device->want.generation, plan->goal,
				  &device->have.path);
}

static bool nothing_left(const struct node_device *device)
{
	return !device->want.enrolled && device->settled && !device->steps_running &&
	       !device->have.enrolled && !device->have.umbox_count && device->have.complete;
}

void node_device_plan(struct node_device *device)
{
	struct node *node = device->node;
	if (!node->started || node->stopping || !device->observed)
		return;
	int64_t next_us = take_time_in(device, clock_now_us(node->clock));
	struct plan plan;

	plan_next(&plan, &device->want, &device->have);
	bool led = false;
	for (unsigned i = 0; i < plan.count; i++)
		led |= start_step(device, &plan.steps[i]) && leads(plan.steps[i].kind);
	if (!led) /* else it stands elsewhere by now, and is looked at again when the step ends */
		tell_goal(device, &plan);
	if (nothing_left(device)) {
		deadline_remove(node->deadlines, &device->deadline);
		HASH_DEL(node->devices, device);
		free(device);
		return;
	}
	deadline_set(node->deadlines, &device->deadline, next_us);
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
static void condemn_if_anothers(struct node_device *device, const struct device *wanted)
{
	struct device as_before = device->device;
	TEXT_COPY(as_before.port, wanted->port);
	as_before.multicast = wanted->multicast;
	if (!device->told_want || device_same_identity(&as_before, wanted))
		return;
	for (unsigned i = 0; i < device->have.umbox_count; i++)
		device->have.umboxes[i].state = UMBOX_GONE;
	device->change++;
}

void node_want(struct node *node, const struct device *wanted, const struct want *want,
	       const char *state)
{
	struct node_device *device = node_device_find(node, wanted->number);
	if (!device) {
		device = node_device_new(node, wanted->number);
		/* Once everything was seen, a device that was not among it has nothing. */
		device->observed = device->have.complete = node->complete;
	}
	if (!device->told_want || device->want.generation != want->generation)
		forget_failures(device);
	condemn_if_anothers(device, wanted);
	device->told_want = true;
	device->device = *wanted;
	device->want = *want;
	TEXT_COPY(device->state, state);
	device->have.stale = device->have.enrolled &&
			     !device_same_identity(&device->enrolled_as, wanted);
	node_device_plan(device);
}

void node_forget(struct node *node, uint32_t number)
{
	struct node_device *device = node_device_find(node, number);
	if (!device)
		return;
	device->want = (struct want){.generation = device->want.generation + 1};
	forget_failures(device);
	node_device_plan(device);
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
	umbox_failed(device, view, line);
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
	view->ready = view->state == UMBOX_RUNNING || view->state == UMBOX_STARTING;
	view->overdue = false;
	unmark_failed(&device->have, view->digest);
	device->change++;
	node_device_plan(device);
}

static void on_umbox_notice(struct node *node, const struct driver_notice *notice)
{
	struct node_device *device = node_device_find(node, notice->device);
	struct umbox_view *view = device ? world_find(&device->have, notice->umbox) : NULL;
	if (!view)
		return;
	if (notice->kind == DRIVER_UMBOX_READY)
		umbox_ready(device, view);
	else
		umbox_gone(device, view,
			   notice->kind == DRIVER_UMBOX_SILENT ? "no heartbeat" : notice->words);
}

static void forget_all_failures(struct node *node)
{
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next)
		forget_failures(device);
}

static void on_node_notice(struct node *node, const struct driver_notice *notice)
{
	static const char *const KINDS[DRIVER_NOTICE_COUNT] = {
		[DRIVER_DROPPED] = "alerts-dropped",  [DRIVER_RULES_CHANGED] = "rules-changed",
		[DRIVER_SPOOF] = "spoofed",           [DRIVER_UNKNOWN] = "unknown-device",
		[DRIVER_ENGINE_DOWN] = "engine-down", [DRIVER_ENGINE_UP] = "engine-up",
	};
	if (notice->kind == DRIVER_DROPPED)
		node->alerts_dropped += notice->count;
	if (notice->kind == DRIVER_SPOOF)
		node->frames_spoofed += notice->count;
	if (notice->kind == DRIVER_ENGINE_DOWN || notice->kind == DRIVER_ENGINE_UP)
		node->engine_down = notice->kind == DRIVER_ENGINE_DOWN;
	if (notice->kind == DRIVER_ENGINE_UP)
		forget_all_failures(node); /* they were Docker's */
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
	case DRIVER_DROPPED:
	case DRIVER_RULES_CHANGED:
	case DRIVER_SPOOF:
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
	return node;
}

void node_free(struct node *node)
{
	if (!node)
		return;
	struct node_device *device, *next;
	HASH_ITER(hh, node->devices, device, next) {
		HASH_DEL(node->devices, device);
		deadline_remove(node->deadlines, &device->deadline);
		free(device);
	}
	deadline_remove(node->deadlines, &node->observe_deadline);
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
