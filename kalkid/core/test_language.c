/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_language.c - runs the examples of policy-examples/LANGUAGE.md: each name and function
 * has one, and is what the example says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/expression_internal.h"
#include "core/machine.h"

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define DAY    (1440 * MINUTE)
#define NOW    (100 * DAY)

enum { FACTS_MAX = 32, WORDS_MAX = 16, LINE_BYTES = 512, DEVICES = 3 };

/* One `given` line, cut into its words. */
struct fact {
	char line[LINE_BYTES];
	char *words[WORDS_MAX];
	unsigned count;
};

struct example {
	struct fact facts[FACTS_MAX];
	unsigned fact_count;
	bool named[EXPRESSION_FUNCTIONS_MAX + EXPRESSION_NAMES_MAX];
};

struct world {
	struct policy *policies[DEVICES]; /* plug, lamp, lamp */
	struct device devices[DEVICES];
	struct machine machines[DEVICES];
	struct fleet_member members[DEVICES];
	struct fleet fleet;
};

static void add_sensor(struct policy *policy, const char *name, enum sensor_type type,
		       const char *unit)
{
	struct sensor *sensor = &policy->sensors[policy->sensor_count++];
	*sensor = (struct sensor){.type = type, .keep = SENSOR_KEEP_STANDARD};
	TEXT_COPY(sensor->name, name);
	TEXT_COPY(sensor->unit, unit);
}

static struct policy *make_policy(const char *type)
{
	static const char *const states[] = {"Normal", "Suspicious", "Attack"};
	struct policy *policy = policy_new();
	TEXT_COPY(policy->type, type);
	policy->states = mem_alloc_array(ARRAY_SIZE(states), sizeof(*policy->states));
	for (; policy->state_count < ARRAY_SIZE(states); policy->state_count++)
		TEXT_COPY(policy->states[policy->state_count].name, states[policy->state_count]);
	add_sensor(policy, "isOn", SENSOR_BOOLEAN, "");
	if (text_equal(type, "lamp"))
		return policy;
	add_sensor(policy, "temperature", SENSOR_NUMBER, "C");
	add_sensor(policy, "current_power", SENSOR_NUMBER, "mW");
	add_sensor(policy, "motion", SENSOR_BOOLEAN, "");
	add_sensor(policy, "mode", SENSOR_TEXT, "");
	add_sensor(policy, "x", SENSOR_NUMBER, "");
	add_sensor(policy, "y", SENSOR_NUMBER, "");
	add_sensor(policy, "z", SENSOR_NUMBER, "");
	return policy;
}

static struct world *world_new(void)
{
	static const char *const names[DEVICES] = {"plug1", "lamp1", "lamp2"};
	struct world *world = mem_alloc(sizeof(*world));
	world->fleet = (struct fleet){.members = world->members, .count = DEVICES};
	for (unsigned i = 0; i < DEVICES; i++) {
		struct device *device = &world->devices[i];
		world->policies[i] = make_policy(i ? "lamp" : "plug");
		TEXT_COPY(device->name, names[i]);
		TEXT_COPY(device->type, world->policies[i]->type);
		TEXT_COPY(device->groups[device->group_count++], "hall");
		machine_init(&world->machines[i], world->policies[i], NOW - 10 * DAY);
		machine_join(&world->machines[i], device, &world->fleet);
		world->members[i] = (struct fleet_member){device, world->policies[i],
							  &world->machines[i]};
	}
	return world;
}

static void world_free(struct world *world)
{
	for (unsigned i = 0; i < DEVICES; i++) {
		machine_done(&world->machines[i]);
		policy_free(world->policies[i]);
	}
	free(world);
}

static void set_time(struct world *world, const char *weekday, const char *clock)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	unsigned day = 0;
	int hour, minute;
	while (day < ARRAY_SIZE(days) && !text_equal(weekday, days[day]))
		day++;
	assert_int_equal(sscanf(clock, "%d:%d", &hour, &minute), 2);
	world->fleet.local = (struct local_time){
		.known = true,
		.offset_us = (int64_t)day * DAY + (hour * 60 + minute) * MINUTE - NOW,
		.until_us = NOW + DAY,
	};
}

static void take_alert(struct machine *machine, const struct fact *fact, unsigned at, int64_t at_us)
{
	struct alert alert = {.id = machine->alert_count + 1, .time_us = at_us, .count = 1};
	TEXT_COPY(alert.type, fact->words[at]);
	for (unsigned i = at + 1; i + 1 < fact->count; i += 2) {
		const char *key = fact->words[i], *value = fact->words[i + 1];
		if (text_equal(key, "source"))
			assert_int_equal(ip_parse(&alert.source, value, NULL), 0);
		else if (text_equal(key, "umbox"))
			TEXT_COPY(alert.hop, value);
		else if (text_equal(key, "count"))
			alert.count = (uint32_t)strtoul(value, NULL, 10);
		else if (text_equal(key, "severity"))
			while (!text_equal(alert_severity_name(alert.severity), value))
				alert.severity++;
		else
			fail_msg("%s: what is this of an alert?", key);
	}
	machine_remember(machine, &alert, false);
}

static void take_state(struct machine *machine, const struct policy *policy, const char *name,
		       int64_t at_us)
{
	struct decision decision;
	int state = policy_find_state(policy, name);
	assert_true(state >= 0);
	machine_set_state(machine, policy, (unsigned)state, 0, NULL, at_us, &decision);
}

static void take_value(struct machine *machine, const struct policy *policy, unsigned sensor,
		       char *word, int64_t at_us)
{
	struct sensor_reading reading = {.sensor = sensor};
	size_t length = strlen(word);
	reading.missing = text_equal(word, "missing");
	reading.number = strtod(word, NULL);
	reading.boolean = text_equal(word, "true");
	if (word[0] == '"')
		memcpy(reading.text, word + 1, length - 2);
	machine_remember_readings(machine, policy, "source", &reading, 1, at_us);
	machine_catch_up(machine, policy, at_us);
}

/* given [DURATION ago] [lamp1|lamp2] (time|state|alert|silent|SENSOR) ... */
static void take_fact(struct world *world, const struct fact *fact)
{
	unsigned at = 1, device = 0;
	int64_t at_us = NOW;
	if (at + 1 < fact->count && text_equal(fact->words[at + 1], "ago")) {
		int64_t ago_us = 0;
		assert_int_equal(duration_parse(&ago_us, fact->words[at]), 0);
		at_us -= ago_us;
		at += 2;
	}
	for (unsigned i = 1; i < DEVICES; i++)
		if (text_equal(fact->words[at], world->devices[i].name))
			device = i;
	at += device > 0;
	struct machine *machine = &world->machines[device];
	const struct policy *policy = world->policies[device];
	const char *what = fact->words[at++];
	int sensor = policy_find_sensor(policy, what);
	if (text_equal(what, "time"))
		set_time(world, fact->words[at], fact->words[at + 1]);
	else if (text_equal(what, "state"))
		take_state(machine, policy, fact->words[at], at_us);
	else if (text_equal(what, "alert"))
		take_alert(machine, fact, at, at_us);
	else if (text_equal(what, "silent"))
		(void)machine_set_unavailable(machine, "source", true);
	else if (sensor >= 0)
		for (unsigned i = at; i < fact->count; i++)
			take_value(machine, policy, (unsigned)sensor, fact->words[i],
				   at_us - (fact->count - 1 - i) * MINUTE);
	else
		fail_msg("given %s: what is this?", what);
}

static struct expression *parse(const struct world *world, const char *text)
{
	struct expression *expression = NULL;
	const struct policy *const policies[] = {world->policies[0], world->policies[1]};
	const struct policy_types types = {policies, ARRAY_SIZE(policies)};
	struct expression_place place;
	struct error err = {0};
	if (expression_parse_among(&expression, text, world->policies[0], &types, &place, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return expression;
}

static void note_names(struct example *example, const struct expression *expression)
{
	for (unsigned i = 0; i < expression->node_count; i++) {
		const struct expression_node *node = &expression->nodes[i];
		if (node->function)
			example->named[node->function - expression_functions] = true;
		if (node->name)
			example->named[EXPRESSION_FUNCTIONS_MAX + (node->name - expression_names)] =
				true;
	}
	/* A constant by now. */
	for (unsigned i = 0; i < expression_function_count; i++)
		if (expression_functions[i].kind == FUNCTION_CONSTANT &&
		    strstr(expression->text, expression_functions[i].name))
			example->named[i] = true;
}

/* The condition is the one rule of the device while the facts come in, so that held() sees them. */
static void run(struct example *example, const char *text, enum truth truth)
{
	struct world *world = world_new();
	struct policy *policy = world->policies[0];
	struct expression_result result;
	policy->rules = mem_alloc(sizeof(*policy->rules));
	policy->rules[0] = (struct policy_rule){.from = 7, .stays = true};
	policy->rules[0].when = parse(world, text);
	policy->rule_count = 1;
	for (unsigned i = 0; i < example->fact_count; i++)
		take_fact(world, &example->facts[i]);
	machine_catch_up(&world->machines[0], policy, NOW);
	const struct machine_rule *rule = machine_find_rule(&world->machines[0], policy,
							    policy->rules[0].when);
	expression_evaluate_rule(policy->rules[0].when, &world->machines[0], policy, 0, rule->holds,
				 NOW, &result);
	if (result.truth != truth)
		fail_msg("%s: is %s", text,
			 ((const char *const[]){"false", "true", "unknown"})[result.truth]);
	assert_true(result.next_us > NOW);
	note_names(example, policy->rules[0].when);
	world_free(world);
}

static void keep_fact(struct example *example, const char *line)
{
	assert_in_range(example->fact_count, 0, FACTS_MAX - 1);
	struct fact *fact = &example->facts[example->fact_count++];
	*fact = (struct fact){0};
	TEXT_COPY(fact->line, line);
	char *rest = fact->line, *word;
	while ((word = strsep(&rest, " ")) && fact->count < WORDS_MAX)
		if (*word)
			fact->words[fact->count++] = word;
}

static void take_line(struct example *example, const char *line)
{
	static const char *const truths[] = {"false ", "true ", "unknown "};
	if (text_starts(line, "given ")) {
		keep_fact(example, line);
		return;
	}
	for (enum truth truth = TRUTH_FALSE; truth <= TRUTH_UNKNOWN; truth++) {
		if (!text_starts(line, truths[truth]))
			continue;
		run(example, line + strlen(truths[truth]), truth);
		return;
	}
	fail_msg("%s: neither given nor true, false or unknown", line);
}

static void every_example_is_what_it_says(void **state maybe_unused)
{
	cleanup_free char *path = mem_printf("%s/LANGUAGE.md", getenv("POLICY_EXAMPLES"));
	struct example *example = mem_alloc(sizeof(*example));
	char line[LINE_BYTES * 2];
	bool inside = false;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		bool begins = text_equal(line, "```condition");
		if (begins)
			example->fact_count = 0;
		else if (text_starts(line, "```"))
			inside = false;
		else if (inside)
			take_line(example, line);
		inside |= begins;
	}
	assert_int_equal(fclose(file), 0);
	for (unsigned i = 0; i < expression_function_count; i++)
		if (!example->named[i])
			fail_msg("%s() has no example", expression_functions[i].name);
	for (unsigned i = 0; i < expression_name_count; i++)
		if (!example->named[EXPRESSION_FUNCTIONS_MAX + i])
			fail_msg("%s has no example", expression_names[i].name);
	free(example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_what_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
