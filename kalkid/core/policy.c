/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy.c - see policy.h. */
#include "core/policy.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

struct policy *policy_new(void)
{
	return mem_alloc(sizeof(struct policy));
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (unsigned i = 0; i < policy->state_count; i++)
		posture_done(&policy->states[i].posture);
	for (unsigned i = 0; i < policy->rule_count; i++) {
		expression_free(policy->rules[i].when);
		free(policy->rules[i].actions);
	}
	for (unsigned i = 0; i < policy->source_count; i++)
		source_done(&policy->sources[i]);
	free(policy->sources);
	for (unsigned i = 0; i < policy->command_count; i++)
		exchange_done(&policy->commands[i].exchange);
	free(policy->commands);
	free(policy->states);
	free(policy->rules);
	free(policy);
}

int policy_find_state(const struct policy *policy, const char *name)
{
	for (unsigned i = 0; i < policy->state_count; i++)
		if (text_equal(policy->states[i].name, name))
			return (int)i;
	return -1;
}

int policy_find_rule(const struct policy *policy, const char *name)
{
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (text_equal(policy->rules[i].name, name))
			return (int)i;
	return -1;
}

int policy_find_sensor(const struct policy *policy, const char *name)
{
	for (unsigned i = 0; i < policy->sensor_count; i++)
		if (text_equal(policy->sensors[i].name, name))
			return (int)i;
	return -1;
}

const struct device_command *policy_find_command(const struct policy *policy, const char *name)
{
	for (unsigned i = 0; i < policy->command_count; i++)
		if (text_equal(policy->commands[i].name, name))
			return &policy->commands[i];
	return NULL;
}

unsigned policy_map_state(const struct policy *before, const struct policy *after, unsigned state)
{
	int same = policy_find_state(after, before->states[state].name);
	return same >= 0 ? (unsigned)same : after->state_count - 1;
}

unsigned policy_rule_to(const struct policy_rule *rule, unsigned state)
{
	return rule->stays ? state : rule->to;
}

/* The states that a rule or calm leads to from `state`, as bits. */
static uint32_t next_states(const struct policy *policy, unsigned state)
{
	uint32_t next = 0;
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (!policy->rules[i].shadow && policy->rules[i].from & UINT32_C(1) << state)
			next |= UINT32_C(1) << policy_rule_to(&policy->rules[i], state);
	if (policy->states[state].calm_us)
		next |= UINT32_C(1) << policy->states[state].calm_to;
	return next;
}

unsigned policy_standby(const struct policy *policy, unsigned state,
			const struct posture **ret_postures, unsigned room)
{
	uint32_t next = next_states(policy, state);
	unsigned count = 0;
	for (unsigned i = policy->state_count; i-- > 0 && count < room;) {
		const struct posture *posture = &policy->states[i].posture;
		bool wanted = posture->standby == POSTURE_STANDBY_ALL ||
			      (posture->standby == POSTURE_STANDBY_NEXT && next >> i & 1);
		if (i != state && wanted && posture->mode == POSTURE_CHAIN)
			ret_postures[count++] = posture;
	}
	return count;
}
