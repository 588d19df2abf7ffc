/* SPDX-License-Identifier: GPL-2.0-or-later */
/* integration-tests/bench_decide.c - how long one alert or value takes against a policy of 20 rules
 * with full windows: of rules as people write them, of which each fact touches a few, and of rules
 * that all name the same alert, or the same sensor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine.h"

enum { RULES = 20, ROUNDS = 20000, WARM_UP = 4096, OTHERS = 50 };

#define GOAL_P50_US 10.0
#define GOAL_P99_US 50.0
#define SPACING_US  ((int64_t)1000000)

/* None is ever true, so that every fact has all windows full. */
static const char *const mixed[RULES] = {
	"count(\"brute-force\", within: 1h) > 100000",
	"distinct(\"brute-force\", by: source, within: 1h) > 1000",
	"alert(\"default-login\", within: 10m)",
	"count(\"scan\", within: 1h, severity: high) > 100000",
	"sequence(\"default-login\", then: \"brute-force\", within: 1h)",
	"alert(\"external-traffic\", source: \"10.9.9.9\") and temperature > 20",
	"avg(temperature, last: 1000) > 1000",
	"max(temperature, within: 1h) > 1000",
	"deviation(temperature, last: 50) > 1000",
	"rate(temperature, within: 1h) > 1000",
	"held(temperature > 1000, for: 10m)",
	"power > 17040 and state == \"Normal\"",
	"avg(power, within: 1h) > 1000000",
	"magnitude(temperature, temperature) > 100000",
	"not isOn and all(type: \"thing\", group: mine, where: isOn)",
	"devices(type: \"thing\", where: alert(\"brute-force\", within: 5m)) > 1000",
	"between(\"22:00\", \"06:00\") and isOn",
	"time_in_state > 1000d",
	"transitions(within: 1h) > 60",
	"absent(\"heartbeat\", within: 1000d)",
};

static struct device devices[OTHERS];
static struct machine machines[OTHERS];
static struct fleet_member members[OTHERS];
static struct fleet fleet = {
	.members = members, .count = OTHERS, .local = {.known = true, .until_us = INT64_MAX}};

static struct expression *parse(const struct policy *policy, const char *text)
{
	struct expression *expression = NULL;
	struct expression_place place;
	struct error err = {0};
	if (expression_parse(&expression, text, policy, &place, &err) < 0) {
		fprintf(stderr, "bench_decide: %s: %s\n", text, err.text);
		exit(1);
	}
	return expression;
}

static struct policy *make_policy(const char *const *rules)
{
	static const char *const names[] = {"temperature", "power", "isOn"};
	struct policy *policy = policy_new();
	TEXT_COPY(policy->type, "thing");
	policy->states = mem_alloc_array(2, sizeof(*policy->states));
	policy->state_count = 2;
	TEXT_COPY(policy->states[0].name, "Normal");
	TEXT_COPY(policy->states[1].name, "Attack");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct sensor *sensor = &policy->sensors[policy->sensor_count++];
		TEXT_COPY(sensor->name, names[i]);
		sensor->type = i == 2 ? SENSOR_BOOLEAN : SENSOR_NUMBER;
		sensor->keep = SENSOR_KEEP_MAX;
	}
	policy->rules = mem_alloc_array(RULES, sizeof(*policy->rules));
	for (; policy->rule_count < RULES; policy->rule_count++) {
		struct policy_rule *rule = &policy->rules[policy->rule_count];
		rule->from = 3;
		rule->to = 1;
		rule->when = parse(policy, rules[policy->rule_count]);
	}
	return policy;
}

static void set_up(const struct policy *policy)
{
	for (unsigned i = 0; i < OTHERS; i++) {
		struct device *device = &devices[i];
		*device = (struct device){.group_count = 1};
		TEXT_COPY(device->type, "thing");
		TEXT_COPY(device->groups[0], "hall");
		machine_init(&machines[i], policy, 0);
		machine_join(&machines[i], device, &fleet);
		members[i] = (struct fleet_member){device, policy, &machines[i]};
	}
}

static int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void one_alert(const struct policy *policy, unsigned round, int64_t now_us)
{
	static const char *const types[] = {"brute-force", "scan", "default-login-x",
					    "external-traffic-x"};
	struct decision decision;
	struct alert alert = {.id = round + 1, .time_us = now_us, .count = 1};
	TEXT_COPY(alert.type, types[round / 2 % ARRAY_SIZE(types)]);
	alert.source = (struct ip){.family = 4, .octet = {10, 0, round >> 8 & 255, round & 255}};
	machine_alert(&machines[0], policy, &alert, now_us, &decision);
	(void)machine_next_us(&machines[0], policy, now_us);
}

static void one_value(const struct policy *policy, unsigned round, int64_t now_us)
{
	struct decision decision;
	struct sensor_reading reading = {.sensor = round / 2 % 3, .number = 20 + round % 7};
	reading.boolean = true;
	machine_readings(&machines[0], policy, "bus", &reading, 1, now_us, &decision);
	(void)machine_next_us(&machines[0], policy, now_us);
}

static int by_size(const void *a, const void *b)
{
	const double *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static void measure(const char *name, const char *what, const char *const *rules)
{
	static double times_us[ROUNDS];
	struct policy *policy = make_policy(rules);
	set_up(policy);
	for (unsigned round = 0; round < WARM_UP + ROUNDS; round++) {
		int64_t now_us = (int64_t)(round + 1) * SPACING_US;
		int64_t before_ns = clock_ns();
		if (round % 2)
			one_alert(policy, round, now_us);
		else
			one_value(policy, round, now_us);
		if (round >= WARM_UP)
			times_us[round - WARM_UP] = (double)(clock_ns() - before_ns) / 1000;
	}
	qsort(times_us, ROUNDS, sizeof(*times_us), by_size);
	double p50 = times_us[ROUNDS / 2], p99 = times_us[ROUNDS * 99 / 100];
	printf("{\"name\": \"%s\", \"unit\": \"us\", \"p50\": %.2f, \"p99\": %.2f, \"goal\": "
	       "\"<= 10 us p50, <= 50 us p99\", \"met\": %s, \"what\": \"%s\"}\n",
	       name, p50, p99, p50 <= GOAL_P50_US && p99 <= GOAL_P99_US ? "true" : "false", what);
	for (unsigned i = 0; i < OTHERS; i++)
		machine_done(&machines[i]);
	policy_free(policy);
}

int main(void)
{
	const char *alike[RULES];
	for (unsigned i = 0; i < RULES; i++)
		alike[i] = i % 2 ? "count(\"*\", within: 1d) > 100000"
				 : "avg(temperature, last: 1000) > 1000";
	measure("decide", "one alert or value against 20 rules of all kinds, windows full", mixed);
	measure("decide_alike", "the same where ten rules name every alert and ten one sensor",
		alike);
	return 0;
}
