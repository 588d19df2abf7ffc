/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/decide.c - what becomes of a decision, and in which order: one that tightens is enforced,
 * then written; one that loosens is written, then enforced. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/notice.h"
#include "engine/control.h"

static const struct posture BLOCKED = {.mode = POSTURE_BLOCK, .cut = true};

const char *control_state(const struct control_device *device)
{
	return device->policy ? device->policy->states[device->machine.state].name : "";
}

const char *control_state_in_force(const struct control_device *device)
{
	return device->policy ? device->policy->states[device->in_force].name : "";
}

/* NULL when no rule decided. */
static const struct policy_rule *rule_of(const struct control_device *device,
					 const struct decision *decision)
{
	return decision->rule >= 0 ? &device->policy->rules[decision->rule] : NULL;
}

/* --- shadow --- */

bool control_in_shadow(const struct control_device *device)
{
	return device->shadowed || device->device.shadow;
}

/* The one place where what is decided and what is enforced part.  Of a rule in shadow nothing but
 * its event comes; of what the policy decides for a device in shadow, that the machine goes on to
 * its state.  An operator's word is enforced all the same, and so is its end. */
static bool is_enforced(const struct control_device *device, const struct decision *decision)
{
	switch (decision->cause) {
	case DECISION_MANUAL:
	case DECISION_EXPIRED:
	case DECISION_RELEASE: return true;
	case DECISION_NONE:
	case DECISION_RULE:
	case DECISION_CALM:
	case DECISION_POLICY:
	case DECISION_CAUSE_COUNT: break;
	}
	return !decision->shadow && !control_in_shadow(device);
}

/* --- in force --- */

/* A decision uses up what it rests on; what stood beside may count for the next one. */
static void note_unused(const struct control_device *device, struct machine_record *ret)
{
	ret->decided_event = device->decided_event;
	ret->unused_count = 0;
	for (unsigned i = 0; i < device->machine.alert_count; i++) {
		const struct machine_alert *alert = machine_alert_at(&device->machine, i);
		if (!alert->used && alert->id <= device->decided_event)
			ret->unused[ret->unused_count++] = alert->id;
	}
}

void control_write_down(const struct control_device *device, const struct policy *policy,
			struct machine_record *ret)
{
	const struct machine *machine = &device->machine;
	*ret = (struct machine_record){
		.device = device->device.number,
		.generation = machine->generation,
		.entered_us = machine->entered_us,
		.last_alert_us = machine->last_alert_us,
		.manual = machine->manual,
		.manual_until_us = machine->manual_until_us,
	};
	TEXT_COPY(ret->state, policy->states[machine->state].name);
	TEXT_COPY(ret->in_force, policy->states[device->in_force].name);
	TEXT_COPY(ret->manual_back, policy->states[machine->manual_back].name);
	TEXT_COPY(ret->manual_reason, machine->manual_reason);
}

static void make_record(const struct control_device *device, struct machine_record *ret)
{
	*ret = (struct machine_record){.device = device->device.number};
	if (device->policy)
		control_write_down(device, device->policy, ret);
	else if (device->parked)
		*ret = *device->parked;
	ret->generation = device->machine.generation;
	ret->quarantined = device->quarantined;
	ret->shadowed = device->shadowed;
	TEXT_COPY(ret->quarantine_reason, device->quarantine_reason);
	note_unused(device, ret);
}

/* Before the kernel has it: a kill from here on does not bring the looser state back. */
static void witness(struct control_device *device)
{
	if (device->witnessed == device->machine.generation)
		return;
	struct machine_record record;
	make_record(device, &record);
	store_witness_machine(device->engine->store, &record);
	device->witnessed = device->machine.generation;
}

void control_hand_over(struct control_device *device)
{
	struct engine *engine = device->engine;
	if (!control_in_shadow(device))
		device->in_force = device->machine.state;
	witness(device);
	struct fitted *before = control_fit(device);
	struct want want = {
		.enrolled = true,
		.generation = device->machine.generation,
		.posture = &BLOCKED,
		.hold_old = device->hold_old,
	};
	device->handed_over = STATE_BLOCKED;
	device->handed_generation = device->machine.generation;
	if (device->policy) {
		unsigned state = device->in_force;
		if (!device->quarantined) {
			want.posture = control_posture(device, state);
			device->handed_over = state;
		}
		want.standby_count = control_standby(device, state, want.standby,
						     ARRAY_SIZE(want.standby));
	}
	node_want(engine->node, &device->device.identity, &want, control_state_in_force(device));
	control_free_fitted(before);
	telemetry_follow(device);
}

void control_begin_anew(struct control_device *device, uint32_t generation)
{
	struct engine *engine = device->engine;
	machine_done(&device->machine);
	if (device->policy)
		machine_init(&device->machine, device->policy, clock_now_us(engine->clock));
	device->in_force = device->machine.state;
	control_fleet_changed(engine);
	device->machine.generation = generation;
	device->decided_event = store_new_event(engine->store);
	free(take(device->parked));
}

void control_put_machine(struct control_device *device)
{
	struct machine_record record;
	make_record(device, &record);
	store_put_machine(device->engine->store, &record);
}

/* When the kernel was told of the machine's generation, 0 when it was not yet. */
static int64_t enforced_us(const struct control_device *device)
{
	struct node_view view;
	bool there = node_read(device->engine->node, device->device.number, &view);
	return there && view.generation_enforced == device->machine.generation ? view.enforced_us
									       : 0;
}

/* What a rule in shadow would have done. */
static void record_shadow(struct control_device *device, const struct decision *decision)
{
	const struct policy *policy = device->policy;
	const struct policy_rule *rule = &policy->rules[decision->rule];
	struct event event = events_begin(device->engine->events, EVENT_SHADOW, &device->device,
					  device->machine.generation);
	struct transition_text text = {
		.from = policy->states[decision->from].name,
		.to = policy->states[decision->would_be].name,
		.alert_us = decision->evidence_count ? device->machine.last_alert_us : 0,
		.decided_us = event.time_us,
		.not_done = rule->actions,
		.not_done_count = rule->action_count,
	};
	device->engine->shadowed++;
	log_info("shadow", "device=%s from=%s would_be=%s rule=%s", device->device.name, text.from,
		 text.to, rule->name);
	events_emit(device->engine->events, &event, event_json_transition(&event, decision, &text));
}

/* What a rule does besides for a device in shadow: people are told, and nothing is done. */
static bool is_done_in_shadow(const struct action *action)
{
	return action->kind == ACTION_NOTIFY;
}

static void record_transition(struct control_device *device, const struct decision *decision,
			      bool enforced, struct event *event)
{
	const struct policy *policy = device->policy;
	const struct policy_rule *rule = rule_of(device, decision);
	struct action not_done[ACTIONS_MAX];
	struct transition_text text = {
		.from = policy->states[decision->from].name,
		.to = policy->states[decision->to].name,
		.alert_us = decision->evidence_count ? device->machine.last_alert_us : 0,
		.decided_us = event->time_us,
		.enforced_us = enforced && decision->tightens ? enforced_us(device) : 0,
		.in_force = enforced ? NULL : control_state_in_force(device),
		.not_done = not_done,
	};
	for (unsigned i = 0; !enforced && rule && i < rule->action_count; i++)
		if (!is_done_in_shadow(&rule->actions[i]))
			not_done[text.not_done_count++] = rule->actions[i];
	log_info("state", "device=%s from=%s to=%s%s%s cause=%s generation=%u reason=\"%s\"",
		 device->device.name, text.from, text.to,
		 enforced ? "" : " in_force=", enforced ? "" : text.in_force,
		 decision_cause_name(decision->cause), device->machine.generation,
		 decision->reason);
	events_emit(device->engine->events, event, event_json_transition(event, decision, &text));
}

/* The actions of a decision for the actor, once the kernel has what it brought. */
static void act(struct control_device *device, const struct action *actions, unsigned count,
		const struct decision *decision)
{
	struct engine_actor *actor = device->engine->actor;
	for (unsigned i = 0; i < count; i++) {
		if (actions[i].kind == ACTION_TELEMETRY_FACTOR)
			telemetry_set_factor(device, actions[i].factor, actions[i].for_us);
		if (actor)
			actor->on_action(actor, &device->device, &actions[i], decision);
	}
}

static void act_in_shadow(struct control_device *device, const struct policy_rule *rule,
			  const struct decision *decision)
{
	struct decision told = *decision;
	notice_mark_shadow(told.reason, decision->reason);
	for (unsigned i = 0; i < rule->action_count; i++)
		if (is_done_in_shadow(&rule->actions[i]))
			act(device, &rule->actions[i], 1, &told);
}

/* A loosening decision on its way to the disk; the policy may be replaced meanwhile. */
struct pending {
	struct store_barrier barrier;
	struct engine *engine;
	uint32_t device;
	struct decision decision;
	struct action actions[ACTIONS_MAX];
	unsigned action_count;
};

static void on_written(struct store_barrier *barrier, int result)
{
	struct pending *pending = container_of(barrier, struct pending, barrier);
	struct engine *engine = pending->engine;
	struct control_device *device = control_find_number(engine, pending->device);
	if (!device || engine->stopping) {
		free(pending);
		return;
	}
	if (result < 0)
		log_error("decision not written, enforced all the same", "device=%s error=\"%s\"",
			  device->device.name, strerror(-result));
	/* Of several only the last has the newest state on disk. */
	if (--device->barriers == 0)
		control_hand_over(device);
	act(device, pending->actions, pending->action_count, &pending->decision);
	free(pending);
}

static void hand_over_written(struct control_device *device, const struct decision *decision,
			      const struct action *actions, unsigned action_count)
{
	struct pending *pending = mem_alloc(sizeof(*pending));
	pending->engine = device->engine;
	pending->device = device->device.number;
	pending->decision = *decision;
	for (unsigned i = 0; i < action_count; i++)
		pending->actions[i] = actions[i];
	pending->action_count = action_count;
	pending->barrier.done = on_written;
	device->barriers++;
	store_sync(device->engine->store, &pending->barrier);
}

void control_hand_over_written(struct control_device *device)
{
	struct decision none = {.rule = -1};
	hand_over_written(device, &none, NULL, 0);
}

static bool old_chain_may_stay(const struct control_device *device, unsigned to, bool tightens)
{
	switch (device->policy->states[to].posture.hold) {
	case POSTURE_HOLD_AUTO: return !tightens;
	case POSTURE_HOLD_HELD: return false;
	case POSTURE_HOLD_OLD: return true;
	case POSTURE_HOLD_COUNT: break;
	}
	return false;
}

/* The machine of a device in shadow has gone on; what is in force stays. */
static void only_tell(struct control_device *device, const struct decision *decision)
{
	struct engine *engine = device->engine;
	const struct policy_rule *rule = rule_of(device, decision);
	struct event event = events_begin(engine->events, EVENT_TRANSITION, &device->device,
					  device->machine.generation);
	engine->shadowed++;
	TEXT_COPY(device->reason, decision->reason);
	if (!rule || !rule->stays)
		device->decided_event = event.id;
	if (decision->from != decision->to) {
		engine->transitions++;
		device->entered_wall_us = event.wall_us;
		control_tell_fleet(device, (struct fleet_change){.kind = FLEET_STATE});
	}
	control_put_machine(device);
	record_transition(device, decision, false, &event);
	if (rule)
		act_in_shadow(device, rule, decision);
}

/* What tightens is measured by what the node has: decisions before this one may still be on their
 * way to the disk, or were only told. */
static void enforce(struct control_device *device, const struct decision *decision)
{
	struct engine *engine = device->engine;
	bool shadow = control_in_shadow(device);
	bool moves = decision->from != decision->to || (shadow && device->in_force != decision->to);
	bool at_once = decision->cause == DECISION_POLICY || decision->to >= device->handed_over;
	bool tightens = (shadow ? decision->to > device->in_force : decision->tightens) && at_once;
	const struct policy_rule *rule = rule_of(device, decision);
	const struct action *actions = rule ? rule->actions : NULL;
	unsigned action_count = rule ? rule->action_count : 0;
	struct event event = events_begin(engine->events, EVENT_TRANSITION, &device->device,
					  device->machine.generation);

	TEXT_COPY(device->reason, decision->reason);
	if (!rule || !rule->stays)
		device->decided_event = event.id;
	device->in_force = decision->to;
	if (moves) {
		engine->transitions++;
		telemetry_leave_state(device);
		device->entered_wall_us = event.wall_us;
		device->hold_old = old_chain_may_stay(device, decision->to, tightens);
	}
	events_hold(engine->events); /* the kernel before the history */
	if (moves && at_once)
		control_hand_over(device);
	if (moves)
		control_tell_fleet(device, (struct fleet_change){.kind = FLEET_STATE});
	control_put_machine(device);
	record_transition(device, decision, true, &event);
	events_release(engine->events);
	if (moves && !at_once)
		hand_over_written(device, decision, actions, action_count);
	else
		act(device, actions, action_count, decision);
}

void control_carry_out(struct control_device *device, const struct decision *decision)
{
	if (decision->cause == DECISION_NONE)
		return;
	if (is_enforced(device, decision))
		enforce(device, decision);
	else if (decision->shadow)
		record_shadow(device, decision);
	else
		only_tell(device, decision);
}

void control_end_shadow(struct control_device *device)
{
	unsigned to = device->machine.state;
	bool at_once = !device->policy || to >= device->handed_over;
	if (device->policy)
		device->hold_old = old_chain_may_stay(device, to, to > device->in_force);
	device->machine.generation++;
	if (at_once)
		control_hand_over(device);
	control_put_machine(device);
	if (!at_once)
		control_hand_over_written(device);
}

void control_settle(struct control_device *device, struct decision *decision)
{
	const struct policy *policy = device->policy;
	control_carry_out(device, decision);
	/* Acting holds nothing up: what else the same fact brings about comes at once. */
	for (unsigned i = 0; i < policy->rule_count && decision->cause == DECISION_RULE &&
			     decision->from == decision->to;
	     i++) {
		machine_tick(&device->machine, policy, clock_now_us(device->engine->clock),
			     decision);
		control_carry_out(device, decision);
	}
	control_schedule(device);
}

void control_schedule(struct control_device *device)
{
	struct engine *engine = device->engine;
	int64_t next_us = DEADLINE_NEVER;
	control_fleet_refresh(engine);
	if (device->policy)
		next_us = machine_next_us(&device->machine, device->policy,
					  clock_now_us(engine->clock));
	deadline_set(engine->deadlines, &device->deadline, next_us);
}
