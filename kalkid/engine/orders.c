/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/orders.c - what operators order: checked in full, then done, then written
 * with their name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/device_parameters.h"
#include "core/data_plane.h"
#include "engine/act.h"
#include "engine/control.h"

static const char *const RELEASED = "released by the operator";

static void record_order(struct engine *engine, const struct device *device, uint32_t generation,
			 const struct operator_order *order, const char *action, const char *target)
{
	struct event event = events_begin(engine->events, EVENT_OPERATOR, device, generation);
	log_info("order", "who=\"%s\" action=%s device=%s target=%s", order->who, action,
		 device ? device->name : "", target ? target : "");
	events_emit(engine->events, &event,
		    event_json_operator(&event, order->who, action, target, order->reason));
}

/* --- devices --- */

static int check_against_others(struct engine *engine, const struct device *device,
				const struct control_device *itself, struct error *err)
{
	struct control_device *other, *next;
	HASH_ITER(hh_name, engine->by_name, other, next) {
		if (other == itself)
			continue;
		int r = device_check_pair(device, &other->device, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_type(struct engine *engine, const struct device *device, struct error *err)
{
	char hint[TEXT_HINT_BYTES];
	const struct definitions *defined = &engine->defined;
	const struct policy *policy = definitions_find_policy(defined, device->type);
	if (policy) {
		int r = device_parameters_check(device, policy, err);
		if (r < 0)
			error_prefix(err, "device '%s': parameters: ", device->name);
		return r;
	}
	cleanup_free const char **names = mem_alloc_array(defined->policy_count, sizeof(*names));
	for (unsigned i = 0; i < defined->policy_count; i++)
		names[i] = defined->policies[i]->type;
	text_hint(hint, device->type, names, defined->policy_count);
	return error_set(err, -EINVAL, "device '%s': no type is named '%s'%s", device->name,
			 device->type, hint);
}

static int check_port(const struct engine *engine, const struct device *device, struct error *err)
{
	const struct data_plane *plane = engine->config.data_plane;
	const char *names[DEVICE_PORTS_MAX];
	char hint[TEXT_HINT_BYTES];
	if (!plane)
		return 0;
	for (unsigned i = 0; i < plane->port_count; i++) {
		names[i] = plane->ports[i].name;
		if (text_equal(names[i], device->port))
			return 0;
	}
	text_hint(hint, device->port, names, plane->port_count);
	return error_set(err, -EINVAL,
			 "device '%s': kalkid has no device port '%s'%s (`device_ports` in "
			 "kalkid.yaml, which is read at the start)",
			 device->name, device->port, hint);
}

static int check_device(struct engine *engine, const struct device *device,
			const struct control_device *itself, struct error *err)
{
	int r = device_check(device, err);
	if (r == 0)
		r = check_type(engine, device, err);
	if (r == 0)
		r = check_port(engine, device, err);
	if (r == 0)
		r = check_against_others(engine, device, itself, err);
	if (r == 0 && !itself && HASH_CNT(hh_name, engine->by_name) >= DEVICES_MAX)
		r = error_set(err, -EBUSY, "%d devices are the most that one node protects",
			      DEVICES_MAX);
	return r;
}

static int check_not_of_file(const struct control_device *device, struct error *err)
{
	if (!device->device.file[0])
		return 0;
	return error_set(err, -EPERM,
			 "device '%s' is defined by %s (change it there, then reload kalkid)",
			 device->device.name, device->device.file);
}

int engine_add_device(struct engine *engine, const struct device *device,
		      const struct operator_order *order, struct error *err)
{
	int r = check_device(engine, device, NULL, err);
	if (r < 0 || order->dry_run)
		return r;
	struct device added = *device;
	added.file[0] = '\0';
	added.number = store_new_device_number(engine->store);
	if (!added.number)
		return error_set(err, -EBUSY, "no device number is free");
	struct control_device *taken = engine_take_device(engine, &added);
	control_keep_learnt(taken, &added);
	store_put_device(engine->store, &added);
	control_put_machine(taken);
	control_hand_over(taken);
	control_schedule(taken);
	record_order(engine, &added, taken->machine.generation, order, "add-device", added.type);
	return 0;
}

int engine_change_device(struct engine *engine, const struct device *device,
			 const struct operator_order *order, struct error *err)
{
	struct control_device *there;
	int r = engine_seek(engine, device->name, &there, err);
	if (r == 0)
		r = check_not_of_file(there, err);
	if (r == 0)
		r = check_device(engine, device, there, err);
	if (r < 0 || order->dry_run)
		return r;
	struct device changed = *device;
	changed.number = there->device.number;
	changed.file[0] = '\0';
	bool new_type = !text_equal(changed.type, there->device.type);
	if (new_type) {
		there->policy = engine_find_policy(engine, changed.type);
		control_begin_anew(there, there->machine.generation + 1);
	}
	struct device as_before = there->device;
	bool in_shadow = control_in_shadow(there);
	there->device = changed;
	control_fleet_changed(engine);
	control_keep_learnt(there, &as_before);
	/* Other parameters take over without a gap; another identity holds it all the same. */
	there->hold_old = !new_type && there->policy &&
			  there->policy->states[there->in_force].posture.hold != POSTURE_HOLD_HELD;
	store_put_device(engine->store, &there->device);
	control_put_machine(there);
	if (new_type) /* it may be looser */
		control_hand_over_written(there);
	else if (in_shadow && !control_in_shadow(there))
		control_end_shadow(there);
	else
		control_hand_over(there);
	control_schedule(there);
	record_order(engine, &changed, there->machine.generation, order, "change-device", NULL);
	return 0;
}

int engine_remove_device(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		r = check_not_of_file(device, err);
	if (r < 0 || order->dry_run)
		return r;
	struct device removed = device->device;
	uint32_t generation = device->machine.generation;
	engine_forget_device(device);
	/* Whoever looked at it looks again, and never at its memory. */
	control_fleet_refresh(engine);
	record_order(engine, &removed, generation, order, "remove-device", NULL);
	return 0;
}

/* --- states --- */

static int need_policy(const struct control_device *device, struct error *err)
{
	if (device->policy)
		return 0;
	return error_set(err, -EBUSY,
			 "device '%s': no file defines its type '%s', so it has no states",
			 device->device.name, device->device.type);
}

static int find_state(const struct policy *policy, const char *name, unsigned *ret,
		      struct error *err)
{
	const char *names[POLICY_STATES_MAX];
	int state = policy_find_state(policy, name);
	if (state >= 0) {
		*ret = (unsigned)state;
		return 0;
	}
	for (unsigned i = 0; i < policy->state_count; i++)
		names[i] = policy->states[i].name;
	char hint[TEXT_HINT_BYTES];
	text_hint(hint, name, names, policy->state_count);
	return error_set(err, -EINVAL, "type '%s' has no state named '%s'%s", policy->type, name,
			 hint);
}

int engine_set_state(struct engine *engine, const char *name, const char *state_name,
		     int64_t for_us, const struct operator_order *order, struct error *err)
{
	struct control_device *device;
	unsigned state = 0;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		r = need_policy(device, err);
	if (r == 0)
		r = find_state(device->policy, state_name, &state, err);
	if (r == 0 && for_us < 0)
		r = error_set(err, -EINVAL, "a time limit cannot be negative");
	if (r < 0 || order->dry_run)
		return r;
	struct decision decision;
	int64_t now_us = clock_now_us(engine->clock);
	bool was_manual = device->machine.manual;
	machine_set_state(&device->machine, device->policy, state, for_us ? now_us + for_us : 0,
			  order->reason ? order->reason : "set by the operator", now_us, &decision);
	if (!was_manual && control_in_shadow(device)) /* then back to what was in force */
		device->machine.manual_back = device->in_force;
	events_hold(engine->events);
	control_carry_out(device, &decision);
	control_schedule(device);
	record_order(engine, &device->device, device->machine.generation, order, "set-state",
		     state_name);
	events_release(engine->events);
	return 0;
}

int engine_quarantine(struct engine *engine, const char *name, const struct operator_order *order,
		      struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r < 0 || order->dry_run)
		return r;
	if (!device->quarantined) {
		device->quarantined = true;
		device->hold_old = false;
		device->machine.generation++;
		control_hand_over(device);
	}
	TEXT_COPY(device->quarantine_reason, order->reason ? order->reason : "");
	control_put_machine(device);
	record_order(engine, &device->device, device->machine.generation, order, "quarantine",
		     NULL);
	return 0;
}

int engine_release(struct engine *engine, const char *name, const struct operator_order *order,
		   struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		r = need_policy(device, err);
	if (r < 0 || order->dry_run)
		return r;
	struct decision decision;
	const char *reason = order->reason && order->reason[0] ? order->reason : RELEASED;
	machine_release(&device->machine, device->policy, reason, clock_now_us(engine->clock),
			&decision);
	telemetry_end_factor(device);
	if (device->quarantined) {
		device->quarantined = false;
		device->quarantine_reason[0] = '\0';
		device->machine.generation++;
		if (decision.cause == DECISION_NONE) /* the state stays, its posture comes back */
			decision = (struct decision){.cause = DECISION_RELEASE,
						     .from = device->machine.state,
						     .to = device->machine.state,
						     .rule = -1};
		device->hold_old = false;
	}
	events_hold(engine->events);
	control_carry_out(device, &decision);
	if (decision.cause != DECISION_NONE && decision.from == decision.to)
		control_hand_over_written(device);
	control_schedule(device);
	record_order(engine, &device->device, device->machine.generation, order, "release", NULL);
	events_release(engine->events);
	return 0;
}

/* Takes a device out of the shadow where its file or its definition allows. */
static int end_shadow(struct control_device *device, bool dry_run, struct error *err)
{
	bool was = control_in_shadow(device);
	if (device->device.shadow && device->device.file[0])
		return error_set(err, -EPERM,
				 "device '%s' is in shadow by %s (change it there, then reload "
				 "kalkid)",
				 device->device.name, device->device.file);
	if (dry_run || !was)
		return 0;
	device->shadowed = device->device.shadow = false;
	store_put_device(device->engine->store, &device->device);
	control_end_shadow(device);
	control_schedule(device);
	return 0;
}

static int set_shadow(struct engine *engine, const char *name, bool on,
		      const struct operator_order *order, struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0 && !on)
		r = end_shadow(device, order->dry_run, err);
	if (r < 0 || order->dry_run)
		return r;
	if (on) {
		device->shadowed = true;
		control_put_machine(device);
	}
	record_order(engine, &device->device, device->machine.generation, order,
		     on ? "shadow" : "enforce", control_state(device));
	return 0;
}

int engine_shadow(struct engine *engine, const char *device, const struct operator_order *order,
		  struct error *err)
{
	return set_shadow(engine, device, true, order, err);
}

int engine_enforce(struct engine *engine, const char *device, const struct operator_order *order,
		   struct error *err)
{
	return set_shadow(engine, device, false, order, err);
}

static int check_command(const struct control_device *device, const char *name, struct error *err)
{
	const struct policy *policy = device->policy;
	const char *names[COMMANDS_MAX];
	char hint[TEXT_HINT_BYTES];
	if (policy_find_command(policy, name))
		return 0;
	if (!policy->command_count)
		return error_set(err, -EINVAL,
				 "type '%s' has no commands (`commands:` in its file names them)",
				 policy->type);
	for (unsigned i = 0; i < policy->command_count; i++)
		names[i] = policy->commands[i].name;
	text_hint(hint, name, names, policy->command_count);
	return error_set(err, -EINVAL, "type '%s' has no command named '%s'%s", policy->type, name,
			 hint);
}

int engine_command(struct engine *engine, const char *name, const char *command,
		   const struct operator_order *order, struct error *err)
{
	struct control_device *device;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		r = need_policy(device, err);
	if (r == 0)
		r = check_command(device, command, err);
	if (r < 0 || order->dry_run)
		return r;
	record_order(engine, &device->device, device->machine.generation, order, "command",
		     command);
	act_command(engine->act, device, command, order);
	return 0;
}

int engine_test_notifier(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err)
{
	int r = notify_test(engine->notify, name, order->dry_run, order->reason, err);
	if (r == 0 && !order->dry_run)
		record_order(engine, NULL, 0, order, "test-notifier", name);
	return r;
}

int engine_remove_capture(struct engine *engine, uint64_t id, const struct operator_order *order,
			  struct error *err)
{
	struct capture_entry entry;
	struct control_device *device;
	char target[24];
	if (!engine->captures || engine->stopping)
		return error_set(err, -EBUSY, "kalkid keeps no captures now");
	int r = captures_find(engine->captures, id, &entry, err);
	if (r < 0 || order->dry_run)
		return r;
	r = captures_remove(engine->captures, id, err);
	if (r < 0)
		return r;
	bool known = engine_seek(engine, entry.device, &device, NULL) == 0;
	snprintf(target, sizeof(target), "%" PRIu64, id);
	record_order(engine, known ? &device->device : NULL, known ? device->machine.generation : 0,
		     order, "remove-capture", target);
	return 0;
}

/* --- on disk --- */

static const int64_t WRITTEN_WITHIN_US = 3000000;

/* Lives until the store has answered, which may be after the deadline. */
struct awaited {
	struct store_barrier barrier;
	struct deadline deadline;
	struct deadlines *deadlines;
	struct engine_written *written; /* NULL: was told */
};

static void tell_written(struct awaited *awaited, int result)
{
	struct engine_written *written = take(awaited->written);
	deadline_set(awaited->deadlines, &awaited->deadline, DEADLINE_NEVER);
	if (written)
		written->done(written, result);
}

static void on_late(struct deadline *deadline)
{
	tell_written(container_of(deadline, struct awaited, deadline), -ETIMEDOUT);
}

static void on_synced(struct store_barrier *barrier, int result)
{
	struct awaited *awaited = container_of(barrier, struct awaited, barrier);
	tell_written(awaited, result);
	deadline_remove(awaited->deadlines, &awaited->deadline);
	free(awaited);
}

void engine_await_written(struct engine *engine, struct engine_written *written)
{
	struct awaited *awaited = mem_alloc(sizeof(*awaited));
	awaited->written = written;
	awaited->deadlines = engine->deadlines;
	awaited->barrier.done = on_synced;
	deadline_add(engine->deadlines, &awaited->deadline, on_late);
	deadline_set(engine->deadlines, &awaited->deadline,
		     clock_now_us(engine->clock) + WRITTEN_WITHIN_US);
	store_sync(engine->store, &awaited->barrier);
}
