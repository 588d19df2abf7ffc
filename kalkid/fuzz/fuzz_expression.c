/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_expression.c - a condition up to the first NUL, then alerts, values, transitions and
 * times of two devices: its value holds until the moment that it names itself or until a fact comes
 * that it names, and costs no more than it says. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND ((int64_t)1000000)
#define DAY    (86400 * SECOND)

enum { FACT_INPUT_BYTES = 4, PROBES = 16, HOLDS_MAX = EXPRESSION_NODES_MAX };

static struct policy_state states[] = {
	{.name = "Normal"}, {.name = "Suspicious"}, {.name = "Attack"}};

struct world {
	struct policy plug, lamp;
	struct policy_rule rule;
	struct device devices[2];
	struct machine machines[2];
	struct fleet_member members[2];
	struct fleet fleet;
	int64_t now_us;
};

static void set_up_policy(struct policy *policy, const char *type)
{
	static const char *const names[] = {"heat", "isOn", "mode", "x", "y", "z"};
	static const enum sensor_type types[] = {SENSOR_NUMBER, SENSOR_BOOLEAN, SENSOR_TEXT};
	TEXT_COPY(policy->type, type);
	policy->states = states;
	policy->state_count = ARRAY_SIZE(states);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct sensor *sensor = &policy->sensors[policy->sensor_count++];
		TEXT_COPY(sensor->name, names[i]);
		sensor->type = i < ARRAY_SIZE(types) ? types[i] : SENSOR_NUMBER;
		sensor->keep = 8;
	}
	TEXT_COPY(policy->sensors[0].unit, "C");
}

static void set_up(struct world *world)
{
	static const char *const names[] = {"a", "b"};
	set_up_policy(&world->plug, "plug");
	set_up_policy(&world->lamp, "lamp");
	world->now_us = SECOND;
	world->fleet = (struct fleet){.members = world->members, .count = 2};
	for (unsigned i = 0; i < 2; i++) {
		struct policy *policy = i ? &world->lamp : &world->plug;
		struct device *device = &world->devices[i];
		TEXT_COPY(device->name, names[i]);
		TEXT_COPY(device->type, policy->type);
		TEXT_COPY(device->groups[device->group_count++], "g");
		machine_init(&world->machines[i], policy, world->now_us);
		machine_join(&world->machines[i], device, &world->fleet);
		world->members[i] = (struct fleet_member){device, policy, &world->machines[i]};
	}
}

static struct fleet_change take_alert(struct world *world, unsigned which, const uint8_t *input)
{
	static const char *const types[] = {"a", "b", "brute-force", "scan"};
	struct machine *machine = &world->machines[which];
	struct alert alert = {.id = machine->alert_count + 1u, .time_us = world->now_us};
	alert.count = input[3] + 1u;
	alert.severity = input[3] % ALERT_SEVERITY_COUNT;
	alert.source = (struct ip){.family = input[2] & 4, .octet = {input[2] & 3}};
	alert.target = (struct ip){.family = 6, .octet = {input[2] >> 4}};
	TEXT_COPY(alert.hop, input[2] & 8 ? "guard" : "");
	TEXT_COPY(alert.type, types[input[0] >> 2 & 3]);
	machine_remember(machine, &alert, input[0] >> 6 == 3);
	return (struct fleet_change){.kind = FLEET_ALERT, .alert = types[input[0] >> 2 & 3]};
}

static struct sensor_reading reading; /* borrowed by the change */

static struct fleet_change take_value(struct world *world, unsigned which, const uint8_t *input)
{
	const struct policy *policy = world->members[which].policy;
	reading = (struct sensor_reading){
		.sensor = input[2] % policy->sensor_count,
		.missing = input[3] == 255,
		.number = input[3] - 100.0,
		.boolean = input[3] & 1,
	};
	TEXT_COPY(reading.text, input[3] & 1 ? "eco" : "auto");
	bool back = machine_set_unavailable(&world->machines[which], "bus", false);
	machine_remember_readings(&world->machines[which], policy, "bus", &reading, 1,
				  world->now_us);
	return (struct fleet_change){
		.kind = FLEET_SENSORS, .readings = back ? NULL : &reading, .reading_count = 1};
}

static struct fleet_change take_other(struct world *world, unsigned which, const uint8_t *input)
{
	struct machine *machine = &world->machines[which];
	struct decision decision;
	if (input[2] & 1) {
		(void)machine_set_unavailable(machine, "bus", input[2] & 2);
		return (struct fleet_change){.kind = FLEET_SENSORS};
	}
	if (input[2] & 2) {
		world->fleet.local = (struct local_time){
			.known = true,
			.offset_us = input[3] * (DAY / 48),
			.until_us = world->now_us + (input[2] + 1) * SECOND,
		};
		machine_touch_clock(&world->machines[0]);
	} else {
		machine_set_state(machine, world->members[which].policy,
				  input[3] % ARRAY_SIZE(states), 0, NULL, world->now_us, &decision);
	}
	return (struct fleet_change){.kind = FLEET_STATE};
}

/* Four bytes a fact: kind and whose, seconds since the one before, what. */
static void take_fact(struct world *world, const uint8_t *input)
{
	unsigned which = input[0] >> 5 & 1;
	struct fleet_change change;
	world->now_us += input[1] * SECOND;
	switch (input[0] & 3) {
	case 0: change = take_alert(world, which, input); break;
	case 1:
	case 2: change = take_value(world, which, input); break;
	default: change = take_other(world, which, input); break;
	}
	change.member = &world->members[which];
	if (which)
		(void)!machine_touch_fleet(&world->machines[0], &world->plug, &change);
}

static void check_counted(const struct machine *machine, const struct expression_result *result)
{
	for (unsigned i = 0; i < EXPRESSION_ALERTS_MAX; i++)
		if (result->counted[i / 64] >> i % 64 & 1)
			assert(result->truth == TRUTH_TRUE && i < machine->alert_count &&
			       !machine_alert_at(machine, i)->used);
}

/* With a copy of the holds, so that looking changes nothing. */
static struct expression_result look(const struct world *world, int64_t now_us)
{
	static struct machine_hold holds[HOLDS_MAX];
	const struct machine_rule *known = &world->machines[0].rules[0];
	struct expression_result result;
	unsigned count = expression_hold_count(world->rule.when);
	if (count)
		memcpy(holds, known->holds, count * sizeof(*holds));
	expression_evaluate_rule(world->rule.when, &world->machines[0], &world->plug,
				 known->counts_from, count ? holds : NULL, now_us, &result);
	return result;
}

/* What is known without looking again is what a look says, now and until the next moment. */
static int64_t check(struct world *world, int64_t now_us)
{
	struct machine *machine = &world->machines[0];
	int64_t next_us = machine_next_us(machine, &world->plug, now_us);
	struct expression_result result = look(world, now_us);
	assert(result.truth <= TRUTH_UNKNOWN);
	assert((result.truth == TRUTH_TRUE) == machine->rules[0].is_true);
	assert(result.next_us > now_us);
	assert(next_us <= result.next_us);
	check_counted(machine, &result);
	int64_t end_us = result.next_us == INT64_MAX ? now_us + DAY : result.next_us;
	for (int64_t i = 1; i <= PROBES; i++) {
		int64_t probe_us = end_us - 1 - (end_us - 1 - now_us) / PROBES * (i - 1);
		assert(look(world, probe_us).truth == result.truth);
	}
	return result.next_us;
}

static void check_expression(struct world *world, const uint8_t *data, size_t size)
{
	int64_t now_us;
	assert(expression_cost(world->rule.when) <=
	       (unsigned long)EXPRESSION_NODES_MAX * (1 + DEVICES_MAX) * (2 + SENSOR_KEEP_MAX));
	check(world, world->now_us);
	for (size_t i = 0; i + FACT_INPUT_BYTES <= size; i += FACT_INPUT_BYTES) {
		take_fact(world, data + i);
		check(world, world->now_us);
	}
	now_us = world->now_us;
	for (unsigned i = 0; i < PROBES && now_us < INT64_MAX; i++)
		now_us = check(world, now_us);
}

static void run(struct world *world, const char *text, const uint8_t *data, size_t size)
{
	const struct policy *const policies[] = {&world->plug, &world->lamp};
	const struct policy_types types = {policies, ARRAY_SIZE(policies)};
	struct expression_place place = {0};
	struct error err = {0};
	if (expression_parse_among(&world->rule.when, text, &world->plug, &types, &place, &err) <
	    0) {
		assert(!world->rule.when && err.text[0] && place.offset <= strlen(text));
		return;
	}
	assert(text_equal(expression_text(world->rule.when), text));
	world->rule.from = 7;
	world->rule.stays = true;
	world->plug.rules = &world->rule;
	world->plug.rule_count = 1;
	check_expression(world, data, size);
	expression_free(world->rule.when);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size);
	cleanup_free char *text = mem_alloc(length + 1);
	struct world *world = mem_alloc(sizeof(*world));
	if (length)
		memcpy(text, data, length);
	set_up(world);
	length += length < size;
	run(world, text, data + length, size - length);
	for (unsigned i = 0; i < 2; i++)
		machine_done(&world->machines[i]);
	free(world);
	return 0;
}
