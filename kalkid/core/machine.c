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
		.watched_us = now_us,
	};
}

void machine_done(struct machine *machine)
{
	machine_done_alerts(machine);
	machine_done_rules(machine);
	machine_done_sensors(machine);
	*machine = (struct machine){0};
}

void machine_leave_policy(struct machine *machine)
{
	machine_done_rules(machine);
	machine_done_sensors(machine);
}

void machine_join(struct machine *machine, const struct device *device, const struct fleet *fleet)
{
	machine->device = device;
	machine->fleet = fleet;
	machine_touch_all(machine);
}

/* Cut where it does not fit. */
printf_like(2, 3) static void set_reason(struct decision *decision, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(decision->reason, sizeof(decision->reason), format, args);
	va_end(args);
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
	machine_recall_move(machine, now_us);
	machine_touch_state(machine);
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

/* Whether the rule is one for the present state, and fires once nothing holds it back. */
static bool rule_wants(const struct machine *machine, const struct policy *policy, unsigned index)
{
	const struct policy_rule *rule = &policy->rules[index];
	const struct machine_rule *known = &machine->rules[index];
	bool acts_only = rule->shadow || policy_rule_to(rule, machine->state) == machine->state;
	return machine_rule_applies(machine, rule) && known->is_true &&
	       (!acts_only || known->counted || !known->was_true);
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
	if (alone)
		alone->stale = true;
	else if (ret->evidence_count)
		machine_touch_alerts(machine, UINT64_MAX);
}

static void fire(struct machine *machine, const struct policy *policy, unsigned index,
		 int64_t now_us, struct decision *ret)
{
	const struct policy_rule *rule = &policy->rules[index];
	struct machine_rule *known = &machine->rules[index];
	const char *words = rule->description[0] ? rule->description : expression_text(rule->when);
	struct expression_result result;
	machine_look_at(machine, policy, index, now_us, &result); /* for what it counts */
	known->was_true = true;
	unsigned to = policy_rule_to(rule, machine->state);
	enter(machine, rule->shadow ? machine->state : to, DECISION_RULE, now_us, ret);
	ret->rule = (int)index;
	TEXT_COPY(ret->rule_name, rule->name);
	use_up(machine, &result, rule->stays || rule->shadow ? known : NULL, ret);
	set_reason(ret, "rule '%s': %s", rule->name, words);
	if (ret->tightens)
		end_manual(machine);
	if (rule->shadow) {
		ret->shadow = true;
		ret->would_be = to;
		ret->tightens = to > machine->state;
	}
}

static bool try_rules(struct machine *machine, const struct policy *policy, int64_t now_us,
		      struct decision *ret)
{
	machine_refresh(machine, policy, now_us);
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		struct machine_rule *known = &machine->rules[i];
		if (rule_wants(machine, policy, i) &&
		    rule_may_us(machine, policy, rule, now_us) <= now_us) {
			fire(machine, policy, i, now_us, ret);
			return true;
		}
		known->was_true &= machine_rule_applies(machine, rule) && known->is_true;
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

/* When the rule is to be looked at next. */
static int64_t rule_next_us(const struct machine *machine, const struct policy *policy,
			    unsigned index, int64_t now_us)
{
	const struct machine_rule *known = &machine->rules[index];
	const struct policy_rule *rule = &policy->rules[index];
	int64_t hold_us = known->holds ? known->next_us : INT64_MAX;
	int64_t us = rule_may_us(machine, policy, rule, now_us);
	if (!machine_rule_applies(machine, rule) || us == INT64_MAX)
		return hold_us;
	if (!rule_wants(machine, policy, index))
		us = max_of(us, known->next_us);
	return min_of(us, hold_us);
}

int64_t machine_next_us(struct machine *machine, const struct policy *policy, int64_t now_us)
{
	int64_t next_us = calm_ends_us(machine, policy);
	if (limit_ends(machine))
		next_us = min_of(next_us, machine->manual_until_us);
	machine_refresh(machine, policy, now_us);
	for (unsigned i = 0; i < policy->rule_count; i++) {
		int64_t us = rule_next_us(machine, policy, i, now_us);
		next_us = min_of(next_us, us);
	}
	return max_of(next_us, now_us);
}

void machine_catch_up(struct machine *machine, const struct policy *policy, int64_t now_us)
{
	machine_refresh(machine, policy, now_us);
	for (unsigned i = 0; i < policy->rule_count; i++)
		machine->rules[i].was_true = machine->rules[i].is_true &&
					     machine_rule_applies(machine, &policy->rules[i]);
}

void machine_set_state(struct machine *machine, const struct policy *policy, unsigned state,
		       int64_t until_us, const char *reason, int64_t now_us, struct decision *ret)
{
	assert(state < policy->state_count);
	if (!machine->manual)
		machine->manual_back = machine->state;
	machine_use_up_all(machine);
	enter(machine, state, DECISION_MANUAL, now_us, ret);
	machine->manual = true;
	machine->manual_until_us = until_us;
	TEXT_COPY(machine->manual_reason, reason ? reason : "");
	set_reason(ret, "%s", reason ? reason : "");
}

void machine_release(struct machine *machine, const struct policy *policy, const char *reason,
		     int64_t now_us, struct decision *ret)
{
	machine_use_up_all(machine);
	machine_forget_values(machine);
	end_manual(machine);
	enter(machine, policy->initial, DECISION_RELEASE, now_us, ret);
	set_reason(ret, "%s", reason ? reason : "");
}

void machine_change_policy(struct machine *machine, const struct policy *before,
			   const struct policy *after, int64_t now_us, struct decision *ret)
{
	const char *old_name = before->states[machine->state].name;
	unsigned to = policy_map_state(before, after, machine->state);
	bool stays = policy_find_state(after, old_name) >= 0;
	if (machine->manual)
		machine->manual_back = policy_map_state(before, after, machine->manual_back);
	*ret = (struct decision){
		.from = stays ? to : min_of(machine->state, after->state_count - 1),
		.to = to,
		.rule = -1,
	};
	machine->state = to;
	machine_move_sensors(machine, before, after);
	machine_move_rules(machine, before, after);
	if (stays)
		return;
	ret->cause = DECISION_POLICY;
	ret->tightens = true;
	machine->generation++;
	machine->entered_us = now_us;
	machine_recall_move(machine, now_us);
	set_reason(ret, "the policy has no state '%s' any more", old_name);
}
