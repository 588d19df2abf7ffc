/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/status.c - what the API may ask; changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/control.h"

const char *hop_role_name(enum hop_role role)
{
	static const char *const NAMES[HOP_ROLE_COUNT] = {
		[HOP_IN_FORCE] = "in_force", [HOP_COMING] = "coming", [HOP_DRAINING] = "draining",
		[HOP_STANDBY] = "standby",   [HOP_GOING] = "going",
	};
	return NAMES[role];
}

void engine_read_status(const struct engine *engine, struct engine_status *ret)
{
	*ret = (struct engine_status){
		.devices = HASH_CNT(hh_name, engine->by_name),
		.transitions = engine->transitions,
		.shadowed = engine->shadowed,
		.alerts = engine->alerts,
		.commands_dropped = engine->commands_dropped,
		.started_us = engine->started_us,
		.started_wall_us = engine->started_wall_us,
	};
	const struct control_device *device, *next;
	HASH_ITER(hh_name, engine->by_name, device, next) {
		ret->quarantined += device->quarantined;
		ret->in_shadow += control_in_shadow(device);
		ret->in_trouble += !device->policy;
		if (device->policy && device->machine.state == device->policy->initial)
			ret->devices_in_initial_state++;
		else
			ret->devices_in_other_state++;
	}
	node_read_status(engine->node, ret);
	store_read_status(engine->store, &ret->store);
}

/* The tightest state whose standby chain has this hop. */
static const char *standby_state(const struct control_device *device, const char *digest)
{
	const struct policy *policy = device->policy;
	for (unsigned state = policy->state_count; state-- > 0;) {
		const struct posture *posture = control_posture(device, state);
		for (unsigned i = 0; state != device->in_force && i < posture->hop_count; i++)
			if (text_equal(posture->hops[i].digest, digest))
				return policy->states[state].name;
	}
	return NULL;
}

/* First why traffic does not go as wanted, then what will not be there when it is needed. */
static void read_trouble(const struct control_device *device, const struct node_view *view,
			 struct device_status *ret)
{
	bool unwell = (view->goal != PLAN_CONVERGED || view->mute) && view->trouble &&
		      *view->trouble;
	ret->in_trouble = !device->policy || unwell;
	ret->standby_degraded = device->policy && view->spare_trouble && *view->spare_trouble;
	if (!device->policy) {
		TEXT_COPY(ret->trouble, "no file defines its type: it is held");
	} else if (unwell) {
		TEXT_COPY(ret->trouble, view->trouble);
	} else if (ret->standby_degraded) {
		const char *state = standby_state(device, view->spare_failed);
		snprintf(ret->trouble, sizeof(ret->trouble), "%s%s%s%s",
			 state ? "standby chain of " : "", state ? state : "", state ? ": " : "",
			 view->spare_trouble);
	}
}

static void read_device(const struct control_device *device, struct device_status *ret)
{
	const struct machine *machine = &device->machine;
	struct node_view view = {.goal = PLAN_HELD};
	node_read(device->engine->node, device->device.number, &view);
	*ret = (struct device_status){
		.device = device->device,
		.generation = machine->generation,
		/* What a shadow holds back the node is never to reach. */
		.generation_reached = view.generation_enforced == device->handed_generation &&
						      control_in_shadow(device)
					      ? machine->generation
					      : view.generation_enforced,
		.entered_us = machine->entered_us,
		.entered_wall_us = device->entered_wall_us,
		.manual = machine->manual,
		.manual_until_us = machine->manual_until_us,
		.quarantined = device->quarantined,
		.shadow = control_in_shadow(device),
		.goal = view.goal,
		.alerts = device->alerts,
		.last_alert_wall_us = device->last_alert_wall_us,
	};
	TEXT_COPY(ret->state, control_state(device));
	TEXT_COPY(ret->in_force, control_state_in_force(device));
	TEXT_COPY(ret->reason, device->quarantined ? device->quarantine_reason : device->reason);
	TEXT_COPY(ret->last_alert, device->last_alert);
	read_trouble(device, &view, ret);
}

int engine_next_device(const struct engine *engine, const char *after, struct device_status *ret)
{
	/* The table is kept sorted by name. */
	const struct control_device *device = engine->by_name;
	if (after) {
		for (; device; device = device->hh_name.next)
			if (strcmp(device->device.name, after) > 0)
				break;
	}
	if (!device)
		return -ENOENT;
	read_device(device, ret);
	return 0;
}

int engine_find_device(const struct engine *engine, const char *name, struct device_status *ret,
		       struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		read_device(device, ret);
	return r;
}

int engine_find_machine(const struct engine *engine, const char *name,
			const struct machine **ret_machine, const struct policy **ret_policy,
			int64_t *ret_now_us, struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r < 0)
		return r;
	if (!device->policy)
		return error_set(err, -EBUSY, "no file defines the type '%s' of device '%s'",
				 device->device.type, name);
	*ret_machine = &device->machine;
	*ret_policy = device->policy;
	*ret_now_us = clock_now_us(engine->clock);
	return 0;
}

int engine_read_chain(const struct engine *engine, const char *name, struct chain_status *ret,
		      struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r < 0)
		return r;
	struct device_status status;
	read_device(device, &status);
	*ret = (struct chain_status){
		.device = device->device,
		.generation = device->machine.generation,
		.goal = PLAN_HELD,
		.quarantined = device->quarantined,
	};
	TEXT_COPY(ret->trouble, status.trouble);
	TEXT_COPY(ret->state, control_state_in_force(device));
	node_read_chain(engine->node, device->device.number, ret);
	return 0;
}

int engine_read_plan(const struct engine *engine, const char *name, struct plan *ret,
		     struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r < 0)
		return r;
	if (!node_read_plan(engine->node, device->device.number, ret))
		return error_set(err, -EBUSY,
				 "device '%s': what is there has not been seen in full yet", name);
	return 0;
}

unsigned engine_policy_count(const struct engine *engine)
{
	return engine->defined.policy_count;
}

const struct policy *engine_policy(const struct engine *engine, unsigned index)
{
	return index < engine->defined.policy_count ? engine->defined.policies[index] : NULL;
}

void engine_read_events(struct engine *engine, struct event_read *read)
{
	store_start_event_read(engine->store, read);
}

void engine_cancel_read(struct engine *engine, struct store_read *read)
{
	store_cancel_read(engine->store, read);
}

int engine_device_number(const struct engine *engine, const char *name, uint32_t *ret,
			 struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		*ret = device->device.number;
	return r;
}

int engine_device_numbers(const struct engine *engine, const char *type, const char *group,
			  struct device_set *ret, struct error *err)
{
	const struct control_device *device, *next;
	ret->count = 0;
	HASH_ITER(hh_name, engine->by_name, device, next) {
		if ((!type || text_equal(device->device.type, type)) &&
		    (!group || device_in_group(&device->device, group)))
			device_set_add(ret, device->device.number);
	}
	if (ret->count)
		return 0;
	return error_set(err, -ENOENT, "no device is%s%s%s%s", type ? " of type " : "",
			 type ? type : "", group ? " in group " : "", group ? group : "");
}

void engine_subscribe(struct engine *engine, struct engine_subscriber *subscriber)
{
	events_subscribe(engine->events, subscriber);
}

void engine_unsubscribe(struct engine *engine, struct engine_subscriber *subscriber)
{
	events_unsubscribe(engine->events, subscriber);
}

static void on_logs(struct driver_call *call, int result, const struct error *err)
{
	struct engine_logs *logs = container_of(call, struct engine_logs, call);
	char *text = take(logs->text);
	logs->done(logs, result, text ? text : "", err);
	free(text);
}

int engine_read_logs(struct engine *engine, uint32_t umbox, size_t bytes_max,
		     struct engine_logs *logs, struct error *err)
{
	if (!engine->driver || engine->stopping)
		return error_set(err, -EBUSY, "kalkid is starting or stopping");
	logs->text = NULL;
	logs->call.done = on_logs;
	engine->driver->ops->logs(engine->driver, umbox, bytes_max, &logs->text, &logs->call);
	return 0;
}

int engine_read_notifier(const struct engine *engine, unsigned index, struct notifier_status *ret)
{
	const struct notify_queue *queue = notify_queue_at(engine->notify, index);
	if (!queue)
		return -ENOENT;
	*ret = (struct notifier_status){
		.kind = NOTIFIER_KIND_NAMES[queue->notifier.kind],
		.waiting = queue->count,
		.failures = queue->failures,
		.sent = queue->sent,
		.refused = queue->refused,
		.dropped = queue->dropped,
		.held_back = queue->held_back,
		.attempts = queue->attempts,
		.last_success_wall_us = queue->last_success_wall_us,
		.last_error_wall_us = queue->last_error_wall_us,
	};
	if (queue->failures)
		ret->next_try_wall_us = clock_wall_now_us(engine->clock) + queue->next_try_us -
					clock_now_us(engine->clock);
	TEXT_COPY(ret->name, queue->notifier.name);
	TEXT_COPY(ret->last_error, queue->last_error);
	return 0;
}
