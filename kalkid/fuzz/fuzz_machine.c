/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_machine.c - histories of alerts, time and an operator against fixed policies; what
 * machine.h promises is asserted after each step, and the same history decides the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)

enum { STEP_BYTES = 3, STEPS_MAX = 120, PROBES = 3, SETTLING_MAX = 2000 };

struct rule_text {
	uint32_t from;
	const char *when;
	unsigned to;
};

static const struct rule_text plain[] = {
	{1, "alert(\"a\", within: 1m)", 1},
	{2, "alert(\"a\", within: 1m)", 2},
	{6, "alert(\"c\", within: 10s)", 0},
	{7, "count(\"b\", within: 30s) >= 3", 2},
};
static const struct rule_text looping[] = {
	{1, "true", 2},
	{4, "time_in_state > 2s", 1},
	{2, "true", 0},
	{7, "alert(\"c\")", 1},
};
static const struct rule_text acting[] = {
	{1, "alert(\"c\") and not alert(\"a\")", 0},
	{7, "count(\"*\", within: 20s) < 3", 1},
	{2, "distinct(\"a\", by: source, within: 1m) >= 2 or time_since_alert > 45s", 2},
	{4, "time_in_state - time_since_alert >= 10s and state == \"Attack\"", 0},
	{6, "1 / count(\"b\", within: 5s) > 0.4", 0},
};

static struct policy *make_policy(const struct rule_text *rules, unsigned count)
{
	static const char *const names[] = {"Normal", "Suspicious", "Attack"};
	struct policy *policy = policy_new();
	policy->states = mem_alloc_array(ARRAY_SIZE(names), sizeof(*policy->states));
	policy->state_count = ARRAY_SIZE(names);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		TEXT_COPY(policy->states[i].name, names[i]);
	policy->states[1].dwell_us = 20 * SECOND;
	policy->states[1].calm_us = 15 * SECOND;
	policy->states[2].calm_us = MINUTE;
	policy->states[2].calm_to = 1;
	policy->rules = mem_alloc_array(count, sizeof(*policy->rules));
	policy->rule_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct expression_place place;
		policy->rules[i].from = rules[i].from;
		policy->rules[i].to = rules[i].to;
		int result = expression_parse(&policy->rules[i].when, rules[i].when, policy, &place,
					      NULL);
		assert(result == 0);
	}
	return policy;
}

/* One history under way. */
struct run {
	const struct policy *policy;
	struct machine machine;
	int64_t now_us;
	uint64_t alerts, decisions;
	uint64_t digest; /* of all decisions: equal runs, equal digests */
};

static bool by_operator(enum decision_cause cause)
{
	return cause == DECISION_MANUAL || cause == DECISION_RELEASE || cause == DECISION_EXPIRED;
}

static void check_evidence(const struct decision *decision)
{
	assert(decision->evidence_count <= EVIDENCE_MAX);
	for (unsigned i = 1; i < decision->evidence_count; i++)
		assert(decision->evidence[i] < decision->evidence[i - 1]);
}

/* `before`: the machine as it was. */
static void check_decision(struct run *run, const struct machine *before,
			   const struct decision *decision)
{
	const struct machine *machine = &run->machine;
	const struct policy_state *left = &run->policy->states[before->state];
	bool moved = machine->state != before->state;
	assert(machine->state < run->policy->state_count);
	assert(machine->generation == before->generation + moved);
	assert(decision->from == before->state && decision->to == machine->state);
	assert(decision->tightens == (machine->state > before->state));
	assert(machine->entered_us == (moved ? run->now_us : before->entered_us));
	assert((decision->cause == DECISION_RULE) == (decision->rule >= 0));
	assert(decision->cause != DECISION_NONE || !moved);
	if (machine->state < before->state && !by_operator(decision->cause)) {
		int64_t age_us = run->now_us - before->entered_us;
		assert(!before->manual);
		assert(age_us >= left->dwell_us && age_us >= MACHINE_PAUSE_US);
	}
	check_evidence(decision);
	run->decisions += decision->cause != DECISION_NONE;
	run->digest = run->digest * 31 + decision->cause * 1000003u + decision->to * 101u +
		      (unsigned)decision->rule * 7u + decision->evidence_count +
		      (uint64_t)run->now_us;
}

static void tick(struct run *run, struct decision *decision)
{
	struct machine before = run->machine;
	machine_tick(&run->machine, run->policy, run->now_us, decision);
	check_decision(run, &before, decision);
}

/* Without a new fact nothing is decided before the time that the machine named. */
static void check_quiet_until(struct run *run, int64_t until_us)
{
	int64_t last_us = until_us - 1;
	for (int64_t i = 0; i < PROBES && last_us > run->now_us; i++) {
		struct decision decision;
		int64_t at_us = last_us - (last_us - run->now_us) / PROBES * i;
		machine_tick(&run->machine, run->policy, at_us, &decision);
		assert(decision.cause == DECISION_NONE); /* so the machine is as it was */
	}
}

/* What the engine does: ticks at the times that the machine names, up to `until_us`. */
static void pass_time(struct run *run, int64_t until_us)
{
	for (unsigned i = 0; i < SETTLING_MAX; i++) {
		struct decision decision;
		int64_t next_us = machine_next_us(&run->machine, run->policy, run->now_us);
		assert(next_us >= run->now_us);
		check_quiet_until(run, next_us < until_us ? next_us : until_us);
		if (next_us > until_us) {
			run->now_us = until_us;
			return;
		}
		bool at_once = next_us == run->now_us;
		run->now_us = next_us;
		tick(run, &decision);
		/* Whoever asks to be called at once has something to decide: no spinning. */
		assert(!at_once || decision.cause != DECISION_NONE);
	}
	assert(!"the machine does not settle");
}

static void take_alert(struct run *run, uint8_t argument, struct decision *decision)
{
	static const char *const types[] = {"a", "b", "c", "d"};
	struct alert alert = {
		.id = ++run->alerts,
		.time_us = run->now_us,
		.source = {.family = 4, .octet = {argument >> 2 & 3}},
		.count = 1 + (argument >> 6),
	};
	TEXT_COPY(alert.type, types[argument & 3]);
	machine_alert(&run->machine, run->policy, &alert, run->now_us, decision);
}

/* Three bytes: what, with what, how long after the one before. */
static void step(struct run *run, const uint8_t *bytes)
{
	struct decision decision;
	uint8_t argument = bytes[1];
	int64_t wait_us = bytes[2] & 1 ? bytes[2] * SECOND / 16 : bytes[2] * 1000;
	pass_time(run, run->now_us + wait_us);
	struct machine before = run->machine;
	switch (bytes[0] % 8) {
	case 0:
		machine_set_state(&run->machine, run->policy, argument % run->policy->state_count,
				  argument & 4 ? run->now_us + argument * SECOND : 0, "order",
				  run->now_us, &decision);
		break;
	case 1: machine_release(&run->machine, run->policy, NULL, run->now_us, &decision); break;
	case 2: machine_tick(&run->machine, run->policy, run->now_us, &decision); break;
	default: take_alert(run, argument, &decision); break;
	}
	check_decision(run, &before, &decision);
}

static uint64_t run_history(const struct policy *policy, const uint8_t *data, size_t size)
{
	struct run run = {.policy = policy, .now_us = SECOND};
	machine_init(&run.machine, policy, run.now_us);
	for (size_t i = 0; i + STEP_BYTES <= size && i < (size_t)STEPS_MAX * STEP_BYTES;
	     i += STEP_BYTES)
		step(&run, data + i);
	pass_time(&run, run.now_us + MINUTE);
	machine_done(&run.machine);
	return run.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const struct rule_text *rules;
		unsigned count;
	} policies[] = {
		{plain, ARRAY_SIZE(plain)},
		{looping, ARRAY_SIZE(looping)},
		{acting, ARRAY_SIZE(acting)},
	};
	if (!size)
		return 0;
	unsigned chosen = data[0] % ARRAY_SIZE(policies);
	struct policy *policy = make_policy(policies[chosen].rules, policies[chosen].count);
	uint64_t first = run_history(policy, data + 1, size - 1);
	assert(run_history(policy, data + 1, size - 1) == first);
	policy_free(policy);
	return 0;
}
