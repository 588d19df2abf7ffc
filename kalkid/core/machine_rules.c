/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine_rules.c - what a machine keeps of each rule between decisions: its truth until a
 * fact that it names or the time asks for another look, and what acting and held() have to
 * remember. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine_internal.h"

static void set_up(const struct machine *machine, const struct policy_rule *rule,
		   struct machine_rule *ret)
{
	unsigned holds = expression_hold_count(rule->when);
	*ret = (struct machine_rule){
		.needs = *expression_needs(rule->when),
		.counts_from = rule->shadow  ? machine->shadows_from
			       : rule->stays ? machine->acts_from
					     : 0,
		.stale = true,
	};
	if (holds)
		ret->holds = mem_alloc_array(holds, sizeof(*ret->holds));
}

/* One for each rule of the policy. */
static void provide(struct machine *machine, const struct policy *policy)
{
	if (machine->rule_count >= policy->rule_count)
		return;
	machine->rules = mem_resize(machine->rules, policy->rule_count, sizeof(*machine->rules));
	for (; machine->rule_count < policy->rule_count; machine->rule_count++)
		set_up(machine, &policy->rules[machine->rule_count],
		       &machine->rules[machine->rule_count]);
}

bool machine_rule_applies(const struct machine *machine, const struct policy_rule *rule)
{
	return rule->from >> machine->state & 1;
}

static bool counted_any(const struct expression_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(result->counted); i++)
		if (result->counted[i])
			return true;
	return false;
}

void machine_look_at(struct machine *machine, const struct policy *policy, unsigned index,
		     int64_t now_us, struct expression_result *ret)
{
	struct machine_rule *known = &machine->rules[index];
	expression_evaluate_rule(policy->rules[index].when, machine, policy, known->counts_from,
				 known->holds, now_us, ret);
	known->is_true = ret->truth == TRUTH_TRUE;
	known->counted = known->is_true && counted_any(ret);
	known->next_us = ret->next_us;
	known->stale = false;
}

void machine_refresh(struct machine *machine, const struct policy *policy, int64_t now_us)
{
	struct expression_result result;
	provide(machine, policy);
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct machine_rule *known = &machine->rules[i];
		if (!known->stale && known->next_us > now_us)
			continue;
		/* What no state asks for now is looked at once one does. */
		if (known->holds || machine_rule_applies(machine, &policy->rules[i]))
			machine_look_at(machine, policy, i, now_us, &result);
	}
}

void machine_touch_all(struct machine *machine)
{
	for (unsigned i = 0; i < machine->rule_count; i++)
		machine->rules[i].stale = true;
}

void machine_touch_alerts(struct machine *machine, uint64_t bits)
{
	for (unsigned i = 0; i < machine->rule_count; i++)
		machine->rules[i].stale |= (machine->rules[i].needs.alerts & bits) != 0;
}

void machine_touch_sensors(struct machine *machine, uint64_t bits, bool availability)
{
	for (unsigned i = 0; i < machine->rule_count; i++) {
		struct machine_rule *rule = &machine->rules[i];
		rule->stale |= (rule->needs.sensors & bits) != 0 ||
			       (availability && (rule->needs.available || rule->needs.sensors));
	}
}

void machine_touch_state(struct machine *machine)
{
	for (unsigned i = 0; i < machine->rule_count; i++)
		machine->rules[i].stale |= machine->rules[i].needs.state;
}

void machine_touch_clock(struct machine *machine)
{
	for (unsigned i = 0; i < machine->rule_count; i++)
		machine->rules[i].stale |= machine->rules[i].needs.clock;
}

bool machine_touch_fleet(struct machine *machine, const struct policy *policy,
			 const struct fleet_change *change)
{
	bool touched = false;
	for (unsigned i = 0; i < machine->rule_count && i < policy->rule_count; i++) {
		struct machine_rule *rule = &machine->rules[i];
		if (!rule->needs.fleet)
			continue;
		rule->stale |= expression_names_change(policy->rules[i].when, change);
		touched |= rule->stale;
	}
	return touched;
}

static bool same_words(const struct policy_rule *a, const struct policy_rule *b)
{
	return text_equal(expression_text(a->when), expression_text(b->when));
}

void machine_move_rules(struct machine *machine, const struct policy *before,
			const struct policy *after)
{
	struct machine_rule *old = machine->rules;
	unsigned old_count = machine->rule_count;
	machine->rules = NULL;
	machine->rule_count = 0;
	if (!old)
		return;
	provide(machine, after);
	for (unsigned i = 0; i < after->rule_count; i++) {
		const struct policy_rule *rule = &after->rules[i];
		struct machine_rule *known = &machine->rules[i];
		int from = policy_find_rule(before, rule->name);
		if (from < 0 || (unsigned)from >= old_count)
			continue;
		/* What it did in shadow only is still to be done, and the other way round. */
		if (rule->shadow == before->rules[from].shadow) {
			known->was_true = old[from].was_true;
			known->counts_from = old[from].counts_from;
		}
		if (!known->holds || !same_words(rule, &before->rules[from]))
			continue;
		free(known->holds);
		known->holds = take(old[from].holds);
	}
	for (unsigned i = 0; i < old_count; i++)
		free(old[i].holds);
	free(old);
}

void machine_done_rules(struct machine *machine)
{
	for (unsigned i = 0; i < machine->rule_count; i++)
		free(machine->rules[i].holds);
	free(machine->rules);
	machine->rules = NULL;
	machine->rule_count = 0;
}

struct machine_rule *machine_find_rule(const struct machine *machine, const struct policy *policy,
				       const struct expression *when)
{
	for (unsigned i = 0; i < machine->rule_count && i < policy->rule_count; i++)
		if (policy->rules[i].when == when)
			return &machine->rules[i];
	return NULL;
}
