/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check_actions.c - commands that cannot arrive. */
#include "base/text.h"
#include "core/policy_check_internal.h"

/* Whether the device passes nothing once the rule has fired: commands are sent after that. */
static bool blocks(const struct policy_check *check, unsigned index)
{
	const struct policy *policy = check->policy;
	uint32_t states = check->fires[index];
	for (unsigned i = 0; i < policy->state_count; i++) {
		unsigned to = policy_rule_to(&policy->rules[index], i);
		if (state_in(states, i) && policy->states[to].posture.mode != POSTURE_BLOCK)
			return false;
	}
	return states != 0;
}

static bool is_own(const struct action *action)
{
	return action->kind == ACTION_COMMAND && !action->device[0] && !action->group[0] &&
	       !action->type[0];
}

static void check_action(struct policy_check *check, unsigned rule, unsigned index)
{
	const struct action *action = &check->policy->rules[rule].actions[index];
	const struct device_command *command =
		is_own(action) ? policy_find_command(check->policy, action->name) : NULL;
	if (!command || !exchange_names_device(&command->exchange))
		return;
	struct finding *finding = check_add(check, FINDING_CUT_OFF, true, rule);
	if (!finding)
		return;
	finding->in_action = true;
	finding->action = index;
	check_words(finding,
		    "the command '%s' cannot arrive: the state that the rule leads to blocks the "
		    "device",
		    action->name);
	check_hint(finding, "send it before, in a state with a chain, or leave it out");
}

void check_actions(struct policy_check *check)
{
	const struct policy *policy = check->policy;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		if (!policy->rules[i].action_count || !blocks(check, i))
			continue;
		for (unsigned k = 0; k < policy->rules[i].action_count; k++)
			check_action(check, i, k);
	}
}
