/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine.c - see machine.h. */
#include "core/machine_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/text.h"

static const unsigned ALERTS_AT_FIRST = 8;

const char *decision_cause_name(enum decision_cause cause)
{
	static const char *const names[DECISION_CAUSE_COUNT] = {
		[DECISION_NONE] = "none",       [DECISION_RULE] = "rule",
		[DECISION_CALM] = "calm",       [DECISION_MANUAL] = "manual",
		[DECISION_EXPIRED] = "expired", [DECISION_RELEASE] = "release",
		[DECISION_POLICY] = "policy",
	};
	return names[cause];
}

void machine_init(struct machine *machine, const struct policy *policy, int64_t now_us)
{
	*machine = (struct machine){
		.state = policy->initial,
		.generation = 1,
		.entered_us = now_us,
	};
}

void machine_done(struct machine *machine)
{
	free(machine->alerts);
	free(machine->rules);
	machine_done_sensors(machine);
	*machine = (struct machine){0};
}

/* Room for one more: most devices never need the whole ring. */
static void make_room(struct machine *machine)
{
	unsigned room = max_of(ALERTS_AT_FIRST, 2 * machine->alert_room);
	if (machine->alert_count < machine->alert_room)
		return;
	if (machine->alert_room == MACHINE_ALERTS_MAX) {
		machine->alerts_forgotten += !machine_alert_at(machine, 0)->used;
		machine->alert_first = (machine->alert_first + 1) % MACHINE_ALERTS_MAX;
		machine->alert_count--;
		return;
	}
	struct machine_alert *alerts = mem_alloc_array(room, sizeof(*alerts));
	for (unsigned i = 0; i < machine->alert_count; i++)
		alerts[i] = *machine_alert_at(machine, i);
	free(machine->alerts);
	machine->alerts = alerts;
	machine->alert_room = room;
	machine->alert_first = 0;
}

void machine_remember(struct machine *machine, const struct alert *alert, bool used)
{
	make_room(machine);
	struct machine_alert *place = machine_alert_at(machine, machine->alert_count++);
	*place = (struct machine_alert){
		.id = alert->id,
		.time_us = alert->time_us,
		.count = alert->count,
		.used = used,
		.source = alert->source,
		.target = alert->target,
	};
	TEXT_COPY(place->type, alert->type);
	machine->last_alert_us = max_of(machine->last_alert_us, alert->time_us);
}

/* Cut where it does not fit. */
printf_like(2, 3) static void set_reason(struct decision *decision, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(decision->reason, sizeof(decision->reason), format, args);
	va_end(args);
}

static void use_up_all(struct machine *machine)
{
	for (unsigned i = 0; i < machine->alert_count; i++)
		machine_alert_at(machine, i)->used = true;
}

/* The only writer of the state. */
static void enter(struct machine *machine, unsigned to, enum decision_cause cause, int64_t now_us,
		  struct decision *ret)
{
	*ret = (struct decision){
		.cause = cause,
		.from = machine->state,
		.to = to,
		.tightens = to > machine->state,
		.rule = -1,
	};
	if (to == machine->state)
		return;
	machine->state = to;
	machine->generation++;
	machine->entered_us = now_us;
}

static void end_manual(struct machine *machine)
{
	machine->manual = false;
	machine->manual_until_us = 0;
	machine->manual_reason[0] = '\0';
}

/* Before this moment nothing but an operator loosens the state. */
static int64_t loosens_us(const struct machine *machine, const struct policy *policy)
{
	int64_t dwell_us = policy->states[machine->state].dwell_us;
	return machine->entered_us + max_of(dwell_us, MACHINE_PAUSE_US);
}

static int64_t calm_ends_us(const struct machine *machine, const struct policy *policy)
{
	const struct policy_state *state = &policy->states[machine->state];
	if (machine->manual || !state->calm_us)
		return INT64_MAX;
	int64_t since_us = max_of(machine->entered_us, machine->last_alert_us);
	int64_t may_us = loosens_us(machine, policy);
	return max_of(since_us + state->calm_us, may_us);
}

static bool counted_any(const struct expression_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(result->counted); i++)
		if (result->counted[i])
			return true;
	return false;
}

static bool acts_only(const struct machine *machine, const struct policy_rule *rule)
{
	return policy_rule_to(rule, machine->state) == machine->state;
}

/* What is known of the rule, where it may act without another state; else nothing. */
static struct machine_rule known_of(const struct machine *machine, unsigned index)
{
	return index < machine->rule_count ? machine->rules[index] : (struct machine_rule){0};
}

/* Whether the rule is one for the present state, and fires once nothing holds it back. */
static bool rule_wants(const struct machine *machine, const struct policy *policy, unsigned index,
		       int64_t now_us, struct expression_result *result)
{
	const struct policy_rule *rule = &policy->rules[index];
	struct machine_rule known = known_of(machine, index);
	*result = (struct expression_result){.truth = TRUTH_UNKNOWN, .next_us = INT64_MAX};
	if (!(rule->from >> machine->state & 1))
		return false;
	expression_evaluate_after(rule->when, machine, policy, known.counts_from, now_us, result);
	if (result->truth != TRUTH_TRUE)
		return false;
	return !acts_only(machine, rule) || counted_any(result) || !known.was_true;
}

/* Keeps what a later look needs to see a condition become true. */
static void note_truth(struct machine *machine, const struct policy *policy, unsigned index,
		       bool is_true)
{
	if (index >= machine->rule_count) {
		machine->rules = mem_resize(machine->rules, policy->rule_count,
					    sizeof(*machine->rules));
		for (unsigned i = machine->rule_count; i < policy->rule_count; i++)
			machine->rules[i] = (struct machine_rule){0};
		machine->rule_count = policy->rule_count;
	}
	machine->rules[index].was_true = is_true;
}

/* The first moment from now on at which the rule may fire, as far as its state is concerned. */
static int64_t rule_may_us(const struct machine *machine, const struct policy *policy,
			   const struct policy_rule *rule, int64_t now_us)
{
	if (policy_rule_to(rule, machine->state) >= machine->state)
		return now_us;
	if (machine->manual)
		return INT64_MAX;
	int64_t may_us = loosens_us(machine, policy);
	return max_of(may_us, now_us);
}

/* Marks the alerts as used up, for all or for the rule alone, and names the newest ones. */
static void use_up(struct machine *machine, const struct expression_result *result,
		   struct machine_rule *alone, struct decision *ret)
{
	for (unsigned i = machine->alert_count; i-- > 0;) {
		if (!(result->counted[i / 64] >> i % 64 & 1))
			continue;
		struct machine_alert *alert = machine_alert_at(machine, i);
		if (alone)
			alone->counts_from = max_of(alone->counts_from, alert->id + 1);
		else
			alert->used = true;
		if (ret->evidence_count < EVIDENCE_MAX)
			ret->evidence[ret->evidence_count++] = alert->id;
	}
}

static void fire(struct machine *machine, const struct policy *policy, unsigned index,
		 const struct expression_result *result, int64_t now_us, struct decision *ret)
{
	const struct policy_rule *rule = &policy->rules[index];
	const char *words = rule->description[0] ? rule->description : expression_text(rule->when);
	note_truth(machine, policy, index, true);
	enter(machine, policy_rule_to(rule, machine->state), DECISION_RULE, now_us, ret);
	ret->rule = (int)index;
	use_up(machine, result, rule->stays ? &machine->rules[index] : NULL, ret);
	set_reason(ret, "rule '%s': %s", rule->name, words);
	if (ret->tightens)
		end_manual(machine);
}

static bool try_rules(struct machine *machine, const struct policy *policy, int64_t now_us,
		      struct decision *ret)
{
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		struct expression_result result;
		bool wants = rule_wants(machine, policy, i, now_us, &result);
		if (wants && rule_may_us(machine, policy, rule, now_us) <= now_us) {
			fire(machine, policy, i, &result, now_us, ret);
			return true;
		}
		if (known_of(machine, i).was_true && result.truth != TRUTH_TRUE)
			note_truth(machine, policy, i, false);
	}
	return false;
}

static void expire(struct machine *machine, int64_t now_us, struct decision *ret)
{
	enter(machine, machine->manual_back, DECISION_EXPIRED, now_us, ret);
	set_reason(ret, "the time limit ran out%s%s", machine->manual_reason[0] ? ": " : "",
		   machine->manual_reason);
	end_manual(machine);
}

static void become_calm(struct machine *machine, const struct policy *policy, int64_t now_us,
			struct decision *ret)
{
	const struct policy_state *state = &policy->states[machine->state];
	char after[DURATION_TEXT_BYTES];
	duration_print(after, state->calm_us);
	enter(machine, state->calm_to, DECISION_CALM, now_us, ret);
	set_reason(ret, "no alert for %s", after);
}

static bool limit_ends(const struct machine *machine)
{
	return machine->manual && machine->manual_until_us;
}

static void decide(struct machine *machine, const struct policy *policy, int64_t now_us,
		   struct decision *ret)
{
	assert(machine->state < policy->state_count);
	if (try_rules(machine, policy, now_us, ret))
		return;
	if (limit_ends(machine) && now_us >= machine->manual_until_us)
		expire(machine, now_us, ret);
	else if (now_us >= calm_ends_us(machine, policy))
		become_calm(machine, policy, now_us, ret);
	else
		enter(machine, machine->state, DECISION_NONE, now_us, ret);
}

void machine_alert(struct machine *machine, const struct policy *policy, const struct alert *alert,
		   int64_t now_us, struct decision *ret)
{
	machine_remember(machine, alert, false);
	decide(machine, policy, now_us, ret);
}

void machine_readings(struct machine *machine, const struct policy *policy, const char *source,
		      const struct sensor_reading *readings, unsigned count, int64_t now_us,
		      struct decision *ret)
{
	machine_remember_readings(machine, policy, source, readings, count, now_us);
	decide(machine, policy, now_us, ret);
}

void machine_tick(struct machine *machine, const struct policy *policy, int64_t now_us,
		  struct decision *ret)
{
	decide(machine, policy, now_us, ret);
}

int64_t machine_next_us(const struct machine *machine, const struct policy *policy, int64_t now_us)
{
	int64_t next_us = calm_ends_us(machine, policy);
	if (limit_ends(machine))
		next_us = min_of(next_us, machine->manual_until_us);
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		struct expression_result result;
		int64_t us = rule_may_us(machine, policy, rule, now_us);
		if (us == INT64_MAX)
			continue;
		if (!rule_wants(machine, policy, i, now_us, &result))
			us = max_of(us, result.next_us);
		next_us = min_of(next_us, us);
	}
	return max_of(next_us, now_us);
}

void machine_set_state(struct machine *machine, const struct policy *policy, unsigned state,
		       int64_t until_us, const char *reason, int64_t now_us, struct decision *ret)
{
	assert(state < policy->state_count);
	if (!machine->manual)
		machine->manual_back = machine->state;
	use_up_all(machine);
	enter(machine, state, DECISION_MANUAL, now_us, ret);
	machine->manual = true;
	machine->manual_until_us = until_us;
	TEXT_COPY(machine->manual_reason, reason ? reason : "");
	set_reason(ret, "%s", reason ? reason : "");
}

void machine_release(struct machine *machine, const struct policy *policy, const char *reason,
		     int64_t now_us, struct decision *ret)
{
	use_up_all(machine);
	end_manual(machine);
	enter(machine, policy->initial, DECISION_RELEASE, now_us, ret);
	set_reason(ret, "%s", reason ? reason : "");
}

static unsigned map_state(const struct policy *before, const struct policy *after, unsigned state)
{
	int same = policy_find_state(after, before->states[state].name);
	return same >= 0 ? (unsigned)same : after->state_count - 1;
}

/* What is known of rules goes with their names. */
static void move_rules(struct machine *machine, const struct policy *before,
		       const struct policy *after)
{
	struct machine_rule *moved = NULL;
	if (!machine->rules)
		return;
	if (after->rule_count)
		moved = mem_alloc_array(after->rule_count, sizeof(*moved));
	for (unsigned i = 0; i < after->rule_count; i++) {
		int old = policy_find_rule(before, after->rules[i].name);
		if (old >= 0 && (unsigned)old < machine->rule_count)
			moved[i] = machine->rules[old];
	}
	free(machine->rules);
	machine->rules = moved;
	machine->rule_count = after->rule_count;
}

void machine_change_policy(struct machine *machine, const struct policy *before,
			   const struct policy *after, int64_t now_us, struct decision *ret)
{
	const char *old_name = before->states[machine->state].name;
	unsigned to = map_state(before, after, machine->state);
	bool stays = policy_find_state(after, old_name) >= 0;
	if (machine->manual)
		machine->manual_back = map_state(before, after, machine->manual_back);
	*ret = (struct decision){
		.from = stays ? to : min_of(machine->state, after->state_count - 1),
		.to = to,
		.rule = -1,
	};
	machine->state = to;
	machine_move_sensors(machine, before, after);
	move_rules(machine, before, after);
	if (stays)
		return;
	ret->cause = DECISION_POLICY;
	ret->tightens = true;
	machine->generation++;
	machine->entered_us = now_us;
	set_reason(ret, "the policy has no state '%s' any more", old_name);
}
