/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check_states.c - which states the policy reaches, and from which it finds back. */
#include "core/policy_check_internal.h"

/* The states that a rule or calm leads to from `state`. */
static uint32_t leads_to(const struct policy_check *check, unsigned state)
{
	const struct policy *policy = check->policy;
	uint32_t next = 0;
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (state_in(check->fires[i], state))
			next |= UINT32_C(1) << policy_rule_to(&policy->rules[i], state);
	if (policy->states[state].calm_us)
		next |= UINT32_C(1) << policy->states[state].calm_to;
	return next & ~(UINT32_C(1) << state);
}

static uint32_t reached(const struct policy_check *check)
{
	uint32_t states = UINT32_C(1) << check->policy->initial, before = 0;
	while (states != before) {
		before = states;
		for (unsigned i = 0; i < check->policy->state_count; i++)
			if (state_in(before, i))
				states |= leads_to(check, i);
	}
	return states;
}

/* Those from which the policy finds to the initial state or to a final one. */
static uint32_t finding_back(const struct policy_check *check)
{
	const struct policy *policy = check->policy;
	uint32_t states = UINT32_C(1) << policy->initial, before = 0;
	for (unsigned i = 0; i < policy->state_count; i++)
		if (policy->states[i].final)
			states |= UINT32_C(1) << i;
	while (states != before) {
		before = states;
		for (unsigned i = 0; i < policy->state_count; i++)
			if (leads_to(check, i) & before)
				states |= UINT32_C(1) << i;
	}
	return states;
}

static void check_final(struct policy_check *check, unsigned state)
{
	const struct policy *policy = check->policy;
	char names[FINDING_HINT_BYTES];
	uint32_t next = leads_to(check, state);
	if (!policy->states[state].final || !next)
		return;
	struct finding *finding = check_add(check, FINDING_NOT_FINAL, false, state);
	check_print_states(policy, next, names);
	check_words(finding, "the state is said to be final, but the policy leaves it to %s",
		    names);
	check_hint(finding, "leave 'final' out");
}

void check_states(struct policy_check *check)
{
	const struct policy *policy = check->policy;
	uint32_t reach = reached(check), back = finding_back(check);
	for (unsigned i = 0; i < policy->state_count; i++) {
		const char *initial = policy->states[policy->initial].name;
		if (!state_in(reach, i)) {
			struct finding *finding = check_add(check, FINDING_UNREACHABLE, false, i);
			check_words(finding, "no rule leads here from '%s'", initial);
			check_hint(finding, "only an operator can set it: add a rule, or take the "
					    "state out");
		}
		if (state_in(reach, i) && !state_in(back, i)) {
			struct finding *finding = check_add(check, FINDING_NO_WAY_BACK, false, i);
			check_words(finding, "the policy finds no way back to '%s' from here",
				    initial);
			check_hint(finding, "add calm or a rule; 'final: true' says that only an "
					    "operator ends it");
		}
		check_final(check, i);
	}
}
