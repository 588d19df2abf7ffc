/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_policy_file.c - a device type's file: what is taken keeps every promise of policy.h. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/files.h"
#include "core/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_posture(const struct posture *posture)
{
	assert((posture->mode == POSTURE_CHAIN) == (posture->hop_count > 0));
	assert(posture->mode < POSTURE_MODE_COUNT && posture->hold < POSTURE_HOLD_COUNT &&
	       posture->standby < POSTURE_STANDBY_COUNT);
	for (unsigned i = 0; i < posture->hop_count; i++) {
		const struct hop *hop = &posture->hops[i];
		assert(name_check("hop", hop->name, NULL) == 0);
		assert(hop->image[0] && hop->parameters && hop->digest[0]);
		json_t *parameters = json_loads(hop->parameters, 0, NULL);
		assert(json_is_object(parameters));
		json_decref(parameters);
		for (unsigned j = 0; j < i; j++)
			assert(!text_equal(hop->name, posture->hops[j].name));
	}
}

static void check_policy(const struct policy *policy)
{
	unsigned long cost = 0;
	assert(name_check("type", policy->type, NULL) == 0);
	assert(policy->state_count > 0 && policy->state_count <= POLICY_STATES_MAX);
	assert(policy->initial < policy->state_count);
	for (unsigned i = 0; i < policy->state_count; i++) {
		const struct policy_state *state = &policy->states[i];
		assert(policy_find_state(policy, state->name) == (int)i);
		assert(state->calm_us == 0 || state->calm_to < i);
		check_posture(&state->posture);
	}
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		assert(policy_find_rule(policy, rule->name) == (int)i);
		assert(rule->from && rule->from >> (policy->state_count - 1) <= 1);
		assert(rule->to < policy->state_count && rule->when);
		cost += expression_cost(rule->when);
	}
	assert(cost <= POLICY_COST_MAX);
}

static void run(const struct policy *policy)
{
	struct machine machine;
	struct decision decision;
	struct alert alert = {.id = 1, .time_us = 1000000, .type = "brute-force", .count = 1};
	machine_init(&machine, policy, 0);
	machine_alert(&machine, policy, &alert, alert.time_us, &decision);
	int64_t next_us = machine_next_us(&machine, policy, alert.time_us);
	if (next_us < INT64_MAX)
		machine_tick(&machine, policy, next_us, &decision);
	assert(machine.state < policy->state_count);
	machine_done(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	if (document_read(&document, "f.yaml", (const char *)data, size, &complaints) == 0) {
		struct policy *policy = policy_read(document, &complaints);
		struct device device;
		assert(!policy == (complaints.count > 0));
		if (policy) {
			check_policy(policy);
			run(policy);
		}
		policy_free(policy);
		if (device_read(&device, document, document_root(document), &complaints) == 0)
			assert(device_check(&device, NULL) == 0);
	}
	document_free(document);
	complaints_done(&complaints);
	return 0;
}
