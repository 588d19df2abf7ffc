/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_machine.c - the state machine: rules, dwell, calm, operators, changes of policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine.h"

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)

enum { NORMAL, SUSPICIOUS, ATTACK };

struct fixture {
	struct policy *policy;
	struct machine machine;
	struct decision decision;
	uint64_t alerts;
};

static struct policy *make_states(const char *const *names, unsigned count)
{
	struct policy *policy = policy_new();
	policy->states = mem_alloc_array(count, sizeof(*policy->states));
	policy->state_count = count;
	for (unsigned i = 0; i < count; i++)
		TEXT_COPY(policy->states[i].name, names[i]);
	return policy;
}

static void add_rule(struct policy *policy, uint32_t from, const char *when, unsigned to)
{
	policy->rules = mem_resize(policy->rules, policy->rule_count + 1, sizeof(*policy->rules));
	struct policy_rule *rule = &policy->rules[policy->rule_count++];
	struct expression_place place;
	struct error err = {0};
	*rule = (struct policy_rule){.from = from, .to = to};
	char *name = mem_printf("rule-%u", policy->rule_count);
	TEXT_COPY(rule->name, name);
	free(name);
	if (expression_parse(&rule->when, when, policy, &place, &err) < 0)
		fail_msg("%s: %s", when, err.text);
}

static int set_up(void **state)
{
	static const char *const names[] = {"Normal", "Suspicious", "Attack"};
	struct fixture *fixture = mem_alloc(sizeof(*fixture));
	fixture->policy = make_states(names, ARRAY_SIZE(names));
	machine_init(&fixture->machine, fixture->policy, 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	machine_done(&fixture->machine);
	policy_free(fixture->policy);
	free(fixture);
	return 0;
}

static void alert(struct fixture *fixture, const char *type, int64_t at_us)
{
	struct alert alert = {.id = ++fixture->alerts, .time_us = at_us, .count = 1};
	TEXT_COPY(alert.type, type);
	machine_alert(&fixture->machine, fixture->policy, &alert, at_us, &fixture->decision);
}

static void tick(struct fixture *fixture, int64_t at_us)
{
	machine_tick(&fixture->machine, fixture->policy, at_us, &fixture->decision);
}

static int64_t next(struct fixture *fixture, int64_t at_us)
{
	return machine_next_us(&fixture->machine, fixture->policy, at_us);
}

static void second_alert_escalates_further(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "alert(\"brute-force\", within: 10m)", SUSPICIOUS);
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"brute-force\", within: 10m)", ATTACK);
	alert(f, "other", SECOND);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_int_equal(f->machine.state, NORMAL);
	alert(f, "brute-force", 2 * SECOND);
	assert_int_equal(f->decision.cause, DECISION_RULE);
	assert_int_equal(f->decision.from, NORMAL);
	assert_int_equal(f->decision.to, SUSPICIOUS);
	assert_true(f->decision.tightens);
	assert_int_equal(f->decision.rule, 0);
	assert_int_equal(f->decision.evidence_count, 1);
	assert_int_equal(f->decision.evidence[0], 2);
	assert_string_equal(f->decision.reason,
			    "rule 'rule-1': alert(\"brute-force\", within: 10m)");
	assert_int_equal(f->machine.generation, 2);
	/* The first one is used up. */
	tick(f, 3 * SECOND);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_true(next(f, 3 * SECOND) == INT64_MAX);
	alert(f, "brute-force", 4 * SECOND);
	assert_int_equal(f->machine.state, ATTACK);
	assert_int_equal(f->machine.generation, 3);
}

static void one_fact_moves_one_step(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "alert(\"a\", within: 1m)", SUSPICIOUS);
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"b\", within: 1m)", ATTACK);
	alert(f, "b", SECOND);
	alert(f, "a", 2 * SECOND);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	/* The other is due at once, by the next tick. */
	assert_true(next(f, 2 * SECOND) == 2 * SECOND);
	tick(f, 2 * SECOND);
	assert_int_equal(f->machine.state, ATTACK);
}

static void first_match_wins(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"*\", within: 1m) >= 2", ATTACK);
	add_rule(f->policy, 1 << NORMAL, "alert(\"b\", within: 1m)", SUSPICIOUS);
	alert(f, "a", SECOND);
	alert(f, "b", SECOND);
	assert_int_equal(f->decision.rule, 0);
	assert_int_equal(f->decision.evidence_count, 2);
	assert_int_equal(f->decision.evidence[0], 2); /* newest first */
	assert_int_equal(f->decision.evidence[1], 1);
}

static void a_rule_in_shadow_fires_beside_the_others(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 7, "count(\"a\", within: 1m) >= 2", ATTACK);
	f->policy->rules[0].shadow = true;
	add_rule(f->policy, 1 << NORMAL, "alert(\"b\")", SUSPICIOUS);
	alert(f, "a", SECOND);
	alert(f, "a", 2 * SECOND);
	assert_int_equal(f->decision.cause, DECISION_RULE);
	assert_true(f->decision.shadow && f->decision.tightens);
	assert_int_equal(f->decision.from, NORMAL);
	assert_int_equal(f->decision.to, NORMAL);
	assert_int_equal(f->decision.would_be, ATTACK);
	assert_string_equal(f->decision.rule_name, "rule-1");
	assert_int_equal(f->decision.evidence_count, 2);
	assert_int_equal(f->machine.state, NORMAL);
	assert_int_equal(f->machine.generation, 1);
	alert(f, "a", 3 * SECOND); /* counted anew */
	assert_int_equal(f->decision.cause, DECISION_NONE);
	alert(f, "b", 4 * SECOND);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	assert_false(f->decision.shadow);
	alert(f, "a", 5 * SECOND);
	assert_true(f->decision.shadow);
	assert_int_equal(f->decision.from, SUSPICIOUS);
}

static void a_loosening_rule_in_shadow_waits_for_the_dwell(void **state)
{
	struct fixture *f = *state;
	f->policy->states[ATTACK].dwell_us = 30 * SECOND;
	f->policy->states[ATTACK].calm_us = 0;
	add_rule(f->policy, 1 << NORMAL, "alert(\"a\")", ATTACK);
	add_rule(f->policy, 1 << ATTACK, "time_in_state >= 10s", NORMAL);
	f->policy->rules[1].shadow = true;
	alert(f, "a", SECOND);
	tick(f, 15 * SECOND);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_true(next(f, 15 * SECOND) == 31 * SECOND);
	tick(f, 31 * SECOND);
	assert_true(f->decision.shadow && !f->decision.tightens);
	assert_int_equal(f->decision.would_be, NORMAL);
	assert_int_equal(f->machine.state, ATTACK);
	tick(f, 32 * SECOND); /* told once, though it stays true */
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_true(next(f, 32 * SECOND) == INT64_MAX);
}

static void window_ends_at_its_very_end(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 10s) >= 2", ATTACK);
	alert(f, "a", SECOND);
	assert_true(next(f, SECOND) == 11 * SECOND);
	alert(f, "a", 11 * SECOND);
	assert_int_equal(f->machine.state, NORMAL);
	alert(f, "a", 21 * SECOND - 1);
	assert_int_equal(f->machine.state, ATTACK);
}

static void aggregated_alert_counts_for_all_it_stands_for(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 10s) >= 5", ATTACK);
	struct alert many = {.id = 1, .time_us = SECOND, .type = "a", .count = 5};
	machine_alert(&f->machine, f->policy, &many, SECOND, &f->decision);
	assert_int_equal(f->machine.state, ATTACK);
}

static void dwell_blocks_loosening_only(void **state)
{
	struct fixture *f = *state;
	f->policy->states[SUSPICIOUS].dwell_us = MINUTE;
	add_rule(f->policy, 1 << NORMAL, "alert(\"bad\", within: 1m)", SUSPICIOUS);
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"good\", within: 10m)", NORMAL);
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"bad\", within: 1m)", ATTACK);
	alert(f, "bad", 0);
	alert(f, "good", 10 * SECOND);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	assert_true(next(f, 10 * SECOND) == MINUTE);
	tick(f, MINUTE - 1);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	alert(f, "bad", MINUTE - 1);
	assert_int_equal(f->machine.state, ATTACK);
	alert(f, "good", 2 * MINUTE);
	assert_int_equal(f->machine.state, ATTACK);
	machine_set_state(&f->machine, f->policy, NORMAL, 0, NULL, 2 * MINUTE, &f->decision);
	machine_release(&f->machine, f->policy, NULL, 2 * MINUTE, &f->decision);
	alert(f, "bad", 3 * MINUTE);
	alert(f, "good", 3 * MINUTE + SECOND);
	tick(f, 4 * MINUTE);
	assert_int_equal(f->machine.state, NORMAL);
	assert_int_equal(f->decision.rule, 1);
	assert_false(f->decision.tightens);
}

static void calm_counts_from_the_newest_alert(void **state)
{
	struct fixture *f = *state;
	f->policy->states[SUSPICIOUS].calm_us = 10 * MINUTE;
	f->policy->states[SUSPICIOUS].calm_to = NORMAL;
	add_rule(f->policy, 1 << NORMAL, "alert(\"a\", within: 1m)", SUSPICIOUS);
	alert(f, "a", MINUTE);
	assert_true(next(f, MINUTE) == 11 * MINUTE);
	alert(f, "anything", 5 * MINUTE);
	assert_true(next(f, 5 * MINUTE) == 15 * MINUTE);
	tick(f, 15 * MINUTE - 1);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	tick(f, 15 * MINUTE);
	assert_int_equal(f->decision.cause, DECISION_CALM);
	assert_string_equal(f->decision.reason, "no alert for 10m");
	assert_int_equal(f->machine.state, NORMAL);
}

static void calm_waits_for_dwell(void **state)
{
	struct fixture *f = *state;
	f->policy->states[ATTACK] =
		(struct policy_state){.name = "Attack", .calm_us = SECOND, .dwell_us = MINUTE};
	add_rule(f->policy, 1 << NORMAL, "alert(\"a\", within: 1m)", ATTACK);
	alert(f, "a", 0);
	assert_true(next(f, 0) == MINUTE);
	tick(f, MINUTE);
	assert_int_equal(f->machine.state, NORMAL);
}

static void rule_to_its_own_state_uses_up_its_alerts(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "alert(\"known\", within: 1h)", NORMAL);
	add_rule(f->policy, 1 << NORMAL, "count(\"*\", within: 1h) >= 2", ATTACK);
	alert(f, "known", SECOND);
	assert_int_equal(f->decision.cause, DECISION_RULE);
	assert_int_equal(f->decision.from, f->decision.to);
	assert_int_equal(f->machine.generation, 1);
	assert_int_equal(f->machine.entered_us, 0);
	alert(f, "known", 2 * SECOND);
	alert(f, "other", 3 * SECOND);
	assert_int_equal(f->machine.state, NORMAL);
	alert(f, "other", 4 * SECOND);
	assert_int_equal(f->machine.state, ATTACK);
}

static void rule_to_its_own_state_cannot_spin(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 1h) < 3", NORMAL);
	tick(f, SECOND);
	assert_int_equal(f->decision.cause, DECISION_RULE);
	assert_true(next(f, SECOND) == INT64_MAX);
	tick(f, SECOND);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	alert(f, "a", 2 * SECOND);
	assert_int_equal(f->decision.cause, DECISION_RULE);
	assert_true(next(f, 2 * SECOND) == INT64_MAX);
}

static void stay(struct policy *policy)
{
	policy->rules[policy->rule_count - 1].stays = true;
}

static void rule_that_stays_acts_when_it_becomes_true(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << SUSPICIOUS, "time_in_state >= 10s", 0);
	stay(f->policy);
	tick(f, MINUTE);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_true(next(f, MINUTE) == INT64_MAX);
	for (unsigned i = 0; i < 2; i++) {
		int64_t at_us = (int64_t)(i + 1) * MINUTE;
		machine_set_state(&f->machine, f->policy, SUSPICIOUS, 0, NULL, at_us, &f->decision);
		assert_true(next(f, at_us) == at_us + 10 * SECOND);
		tick(f, at_us + 10 * SECOND);
		assert_int_equal(f->decision.cause, DECISION_RULE);
		assert_int_equal(f->decision.rule, 0);
		assert_int_equal(f->machine.state, SUSPICIOUS);
		tick(f, at_us + 20 * SECOND);
		assert_int_equal(f->decision.cause, DECISION_NONE);
		assert_true(next(f, at_us + 20 * SECOND) == INT64_MAX);
		machine_set_state(&f->machine, f->policy, NORMAL, 0, NULL, at_us + 30 * SECOND,
				  &f->decision);
		tick(f, at_us + 30 * SECOND);
	}
}

static void rule_that_stays_uses_up_for_itself_alone(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 1h) >= 2", 0);
	stay(f->policy);
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 1h) >= 5", ATTACK);
	for (int i = 1; i <= 4; i++) {
		alert(f, "a", i * SECOND);
		assert_int_equal(f->decision.cause, i % 2 ? DECISION_NONE : DECISION_RULE);
		assert_int_equal(f->decision.evidence_count, i % 2 ? 0 : 2);
	}
	alert(f, "a", 5 * SECOND);
	assert_int_equal(f->machine.state, ATTACK);
	assert_int_equal(f->decision.evidence_count, 5);
}

static void sensors_are_kept_by_name_and_type(void **state)
{
	struct fixture *f = *state;
	struct policy *after = make_states((const char *const[]){"Normal"}, 1);
	struct sensor_reading readings[] = {{.sensor = 0, .number = 1}, {.sensor = 1}};
	f->policy->sensor_count = 2;
	f->policy->sensors[0] = (struct sensor){.name = "a", .keep = 9};
	f->policy->sensors[1] = (struct sensor){.name = "b", .type = SENSOR_TEXT, .keep = 3};
	after->sensor_count = 3;
	after->sensors[0] = (struct sensor){.name = "b", .type = SENSOR_TEXT, .keep = 3};
	after->sensors[1] = (struct sensor){.name = "new", .keep = 1};
	after->sensors[2] = (struct sensor){.name = "a", .type = SENSOR_BOOLEAN, .keep = 9};
	assert_true(machine_set_unavailable(&f->machine, "mail", true));
	assert_false(machine_set_unavailable(&f->machine, "mail", true));
	for (int i = 0; i < 20; i++) {
		readings[0].number = i;
		text_copy(readings[1].text, SENSOR_TEXT_BYTES, i % 2 ? "odd" : "even");
		machine_readings(&f->machine, f->policy, "mail", readings, 2, i * SECOND,
				 &f->decision);
	}
	assert_false(f->machine.sources[0].unavailable);
	const struct sensor_ring *a = &f->machine.sensors[0];
	assert_int_equal(a->count, 9);
	for (unsigned i = 0; i < a->count; i++) {
		assert_true(a->numbers[sensor_ring_slot(a, i)] == 19 - i);
		assert_true(a->times_us[sensor_ring_slot(a, i)] == (19 - i) * SECOND);
	}
	readings[0].missing = true;
	machine_readings(&f->machine, f->policy, "mail", readings, 1, MINUTE, &f->decision);
	assert_true(a->missing);
	assert_int_equal(a->count, 9);
	machine_change_policy(&f->machine, f->policy, after, MINUTE, &f->decision);
	const struct sensor_ring *b = &f->machine.sensors[0];
	assert_int_equal(b->count, 3);
	assert_string_equal(b->texts[sensor_ring_slot(b, 0)], "odd");
	assert_string_equal(b->texts[sensor_ring_slot(b, 1)], "even");
	assert_int_equal(f->machine.sensors[1].count, 0);
	assert_int_equal(f->machine.sensors[2].count, 0);
	policy_free(after);
}

static void policies_with_a_loop_pause(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "true", ATTACK);
	add_rule(f->policy, 1 << ATTACK, "true", NORMAL);
	tick(f, MINUTE);
	assert_int_equal(f->machine.state, ATTACK);
	assert_true(next(f, MINUTE) == MINUTE + MACHINE_PAUSE_US);
	tick(f, MINUTE + MACHINE_PAUSE_US - 1);
	assert_int_equal(f->machine.state, ATTACK);
	tick(f, MINUTE + MACHINE_PAUSE_US);
	assert_int_equal(f->machine.state, NORMAL);
}

static void operator_state_holds_against_loosening(void **state)
{
	struct fixture *f = *state;
	f->policy->states[SUSPICIOUS].calm_us = SECOND;
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"good\", within: 1h)", NORMAL);
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"bad\", within: 1h)", ATTACK);
	machine_set_state(&f->machine, f->policy, SUSPICIOUS, 0, "odd traffic", SECOND,
			  &f->decision);
	assert_int_equal(f->decision.cause, DECISION_MANUAL);
	assert_string_equal(f->decision.reason, "odd traffic");
	assert_true(f->machine.manual);
	alert(f, "good", MINUTE);
	tick(f, 30 * MINUTE);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	assert_true(next(f, 30 * MINUTE) == INT64_MAX || next(f, 30 * MINUTE) > 30 * MINUTE);
	alert(f, "bad", 30 * MINUTE);
	assert_int_equal(f->machine.state, ATTACK);
	assert_false(f->machine.manual);
}

static void operator_limit_runs_out(void **state)
{
	struct fixture *f = *state;
	machine_set_state(&f->machine, f->policy, ATTACK, 10 * MINUTE, "test", SECOND,
			  &f->decision);
	/* A second order keeps the way back of the first. */
	machine_set_state(&f->machine, f->policy, SUSPICIOUS, 20 * MINUTE, "longer", SECOND,
			  &f->decision);
	assert_false(f->decision.tightens);
	assert_true(next(f, SECOND) == 20 * MINUTE);
	tick(f, 20 * MINUTE - 1);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	tick(f, 20 * MINUTE);
	assert_int_equal(f->decision.cause, DECISION_EXPIRED);
	assert_int_equal(f->machine.state, NORMAL);
	assert_string_equal(f->decision.reason, "the time limit ran out: longer");
	assert_false(f->machine.manual);
	assert_int_equal(f->machine.generation, 4);
}

static void operator_orders_use_up_alerts(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << SUSPICIOUS, "alert(\"a\", within: 1h)", ATTACK);
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 1h) > 1", ATTACK);
	alert(f, "a", SECOND);
	machine_set_state(&f->machine, f->policy, SUSPICIOUS, 0, NULL, 2 * SECOND, &f->decision);
	tick(f, 3 * SECOND);
	assert_int_equal(f->machine.state, SUSPICIOUS);
	machine_release(&f->machine, f->policy, "done", 4 * SECOND, &f->decision);
	assert_int_equal(f->decision.cause, DECISION_RELEASE);
	assert_int_equal(f->machine.state, NORMAL);
	alert(f, "a", 5 * SECOND);
	assert_int_equal(f->machine.state, NORMAL);
	/* Where it is already: nothing to build. */
	uint32_t generation = f->machine.generation;
	machine_release(&f->machine, f->policy, "again", 6 * SECOND, &f->decision);
	assert_int_equal(f->decision.cause, DECISION_RELEASE);
	assert_int_equal(f->machine.generation, generation);
}

/* A device that is cut off cannot tell that it was mended: what it said before does not count. */
static void release_forgets_values(void **state)
{
	struct fixture *f = *state;
	struct sensor_reading reading = {.number = 17051};
	f->policy->sensor_count = 1;
	f->policy->sensors[0] = (struct sensor){.name = "power", .keep = 9};
	add_rule(f->policy, 1 << NORMAL, "power > 17050", ATTACK);
	machine_readings(&f->machine, f->policy, "meter", &reading, 1, SECOND, &f->decision);
	assert_int_equal(f->machine.state, ATTACK);
	machine_release(&f->machine, f->policy, "mended", 2 * SECOND, &f->decision);
	tick(f, 3 * SECOND);
	assert_int_equal(f->machine.state, NORMAL);
	reading.number = 12000;
	machine_readings(&f->machine, f->policy, "meter", &reading, 1, 4 * SECOND, &f->decision);
	assert_int_equal(f->machine.state, NORMAL);
	reading.number = 17052;
	machine_readings(&f->machine, f->policy, "meter", &reading, 1, 5 * SECOND, &f->decision);
	assert_int_equal(f->machine.state, ATTACK);
}

static void ring_forgets_the_oldest(void **state)
{
	struct fixture *f = *state;
	add_rule(f->policy, 1 << NORMAL, "count(\"a\", within: 1h) >= 600", ATTACK);
	for (int i = 0; i < 600; i++)
		alert(f, "a", SECOND + i);
	assert_int_equal(f->machine.alert_count, MACHINE_ALERTS_MAX);
	assert_int_equal(f->machine.alerts_forgotten, 600 - MACHINE_ALERTS_MAX);
	assert_int_equal(machine_alert_at(&f->machine, 0)->id, 600 - MACHINE_ALERTS_MAX + 1);
	assert_int_equal(f->machine.state, NORMAL);
}

static void changed_policy_keeps_the_state_by_name(void **state)
{
	static const char *const names[] = {"Normal", "Watched", "Suspicious", "Shut"};
	struct fixture *f = *state;
	struct policy *after = make_states(names, ARRAY_SIZE(names));
	machine_set_state(&f->machine, f->policy, SUSPICIOUS, 0, NULL, SECOND, &f->decision);
	machine_change_policy(&f->machine, f->policy, after, 2 * SECOND, &f->decision);
	assert_int_equal(f->decision.cause, DECISION_NONE);
	assert_int_equal(f->machine.state, 2);
	assert_int_equal(f->machine.generation, 2);
	machine_change_policy(&f->machine, after, f->policy, 3 * SECOND, &f->decision);
	machine_set_state(&f->machine, f->policy, ATTACK, 0, NULL, 4 * SECOND, &f->decision);
	machine_change_policy(&f->machine, f->policy, after, 5 * SECOND, &f->decision);
	assert_int_equal(f->decision.cause, DECISION_POLICY);
	assert_int_equal(f->machine.state, 3);
	assert_true(f->decision.tightens);
	assert_string_equal(f->decision.reason, "the policy has no state 'Attack' any more");
	policy_free(after);
}

static void standby_lists_what_may_come_next(void **state)
{
	struct fixture *f = *state;
	const struct posture *postures[3];
	add_rule(f->policy, 1 << NORMAL, "true", SUSPICIOUS);
	add_rule(f->policy, 1 << SUSPICIOUS, "true", ATTACK);
	assert_int_equal(policy_standby(f->policy, NORMAL, postures, 3), 1);
	assert_ptr_equal(postures[0], &f->policy->states[SUSPICIOUS].posture);
	f->policy->states[SUSPICIOUS].calm_us = MINUTE;
	assert_int_equal(policy_standby(f->policy, SUSPICIOUS, postures, 3), 2);
	assert_ptr_equal(postures[0], &f->policy->states[ATTACK].posture);
	assert_ptr_equal(postures[1], &f->policy->states[NORMAL].posture);
	f->policy->states[ATTACK].posture.mode = POSTURE_BLOCK;
	assert_int_equal(policy_standby(f->policy, SUSPICIOUS, postures, 3), 1);
	f->policy->states[ATTACK].posture.mode = POSTURE_CHAIN;
	f->policy->states[ATTACK].posture.standby = POSTURE_STANDBY_ALL;
	f->policy->states[SUSPICIOUS].posture.standby = POSTURE_STANDBY_NONE;
	assert_int_equal(policy_standby(f->policy, NORMAL, postures, 3), 1);
	assert_ptr_equal(postures[0], &f->policy->states[ATTACK].posture);
	assert_int_equal(policy_standby(f->policy, ATTACK, postures, 3), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(second_alert_escalates_further),
		TEST(one_fact_moves_one_step),
		TEST(first_match_wins),
		TEST(a_rule_in_shadow_fires_beside_the_others),
		TEST(a_loosening_rule_in_shadow_waits_for_the_dwell),
		TEST(window_ends_at_its_very_end),
		TEST(aggregated_alert_counts_for_all_it_stands_for),
		TEST(dwell_blocks_loosening_only),
		TEST(calm_counts_from_the_newest_alert),
		TEST(calm_waits_for_dwell),
		TEST(rule_to_its_own_state_uses_up_its_alerts),
		TEST(rule_to_its_own_state_cannot_spin),
		TEST(rule_that_stays_acts_when_it_becomes_true),
		TEST(rule_that_stays_uses_up_for_itself_alone),
		TEST(sensors_are_kept_by_name_and_type),
		TEST(policies_with_a_loop_pause),
		TEST(operator_state_holds_against_loosening),
		TEST(operator_limit_runs_out),
		TEST(operator_orders_use_up_alerts),
		TEST(release_forgets_values),
		TEST(ring_forgets_the_oldest),
		TEST(changed_policy_keeps_the_state_by_name),
		TEST(standby_lists_what_may_come_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
