/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check_cycles.c - states that one input can drive round and round without a rest. */
#include <assert.h>

#include "core/expression_logic.h"
#include "core/policy_check_internal.h"

enum {
	CYCLE_STATES_MAX = 4,    /* longer ones are not looked for */
	CYCLE_TRIES_MAX = 20000, /* in all */
};

struct search {
	struct policy_check *check;
	struct logic_claim claims[CYCLE_STATES_MAX];
	unsigned rules[CYCLE_STATES_MAX], from[CYCLE_STATES_MAX];
	unsigned start, length, tries;
	uint32_t back; /* states from which rules without rest lead to the start */
	uint32_t told; /* a state is named in one cycle */
};

/* A rule that loosens waits for the dwell of the state that it leaves. */
static bool rests(const struct policy *policy, const struct policy_rule *rule, unsigned state)
{
	return rule->to < state && policy->states[state].dwell_us > 0;
}

static void tell(struct search *search)
{
	const struct policy *policy = search->check->policy;
	unsigned loosens = 0;
	char names[FINDING_HINT_BYTES];
	uint32_t states = 0;
	for (unsigned i = 0; i < search->length; i++) {
		states |= UINT32_C(1) << search->from[i];
		if (policy->rules[search->rules[i]].to < search->from[i])
			loosens = i;
	}
	search->told |= states;
	assert(search->length);
	unsigned next = search->rules[(loosens + 1) % search->length];
	struct finding *finding = check_add(search->check, FINDING_FLAPPING, true,
					    search->rules[loosens]);
	check_print_states(policy, states, names);
	check_words(finding,
		    "%s can follow each other again and again by one input, through this rule and "
		    "'%s'",
		    names, policy->rules[next].name);
	check_hint(finding, "give '%s' a dwell, or leave a gap between the conditions",
		   policy->states[search->from[loosens]].name);
}

/* Whether the rule is a step of a cycle from `state`. */
static bool is_step(const struct search *search, unsigned rule_index, unsigned state)
{
	const struct policy *policy = search->check->policy;
	const struct policy_rule *rule = &policy->rules[rule_index];
	return state_in(search->check->fires[rule_index], state) &&
	       policy_rule_to(rule, state) != state && !rests(policy, rule, state);
}

static void find_back(struct search *search)
{
	const struct policy *policy = search->check->policy;
	uint32_t before = 0;
	search->back = UINT32_C(1) << search->start;
	while (search->back != before) {
		before = search->back;
		for (unsigned i = 0; i < policy->rule_count; i++)
			for (unsigned state = search->start; state < policy->state_count; state++)
				if (is_step(search, i, state) &&
				    state_in(before, policy->rules[i].to))
					search->back |= UINT32_C(1) << state;
	}
}

/* Goes on from `state`; true once a cycle through the start was told. */
static bool go_on(struct search *search, unsigned state)
{
	const struct policy *policy = search->check->policy;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		if (!state_in(search->check->fires[i], state) ||
		    policy_rule_to(rule, state) == state || rule->to < search->start ||
		    rests(policy, rule, state) || search->length == CYCLE_STATES_MAX ||
		    search->tries++ >= CYCLE_TRIES_MAX)
			continue;
		search->rules[search->length] = i;
		search->from[search->length] = state;
		search->claims[search->length++] =
			(struct logic_claim){rule->when, .states = UINT32_C(1) << state};
		if (logic_can_cycle(search->claims, search->length, policy)) {
			if (rule->to == search->start) {
				tell(search);
				return true;
			}
			if (go_on(search, rule->to))
				return true;
		}
		search->length--;
	}
	return false;
}

/* Each cycle is found from its loosest state. */
void check_cycles(struct policy_check *check)
{
	struct search search = {.check = check};
	for (unsigned state = 0; state < check->policy->state_count; state++) {
		search.start = state;
		search.length = 0;
		if (state_in(search.told, state))
			continue;
		find_back(&search);
		(void)go_on(&search, state);
	}
}
