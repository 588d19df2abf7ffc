/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_expression.c - a condition up to the first NUL, then alerts: its value holds until the
 * moment that it names itself, and costs no more than it says. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/expression_logic.h"
#include "core/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND ((int64_t)1000000)

enum { ALERT_INPUT_BYTES = 4, PROBES = 16 };

static struct policy_state states[] = {
	{.name = "Normal"}, {.name = "Suspicious"}, {.name = "Attack"}};
static const struct policy policy = {.states = states, .state_count = ARRAY_SIZE(states)};

/* Four bytes an alert: type, seconds since the one before, source and target, count. */
static int64_t fill(struct machine *machine, const uint8_t *data, size_t size)
{
	static const char *const types[] = {"a", "b", "brute-force", "scan"};
	int64_t now_us = SECOND;
	machine_init(machine, &policy, now_us);
	for (size_t i = 0; i + ALERT_INPUT_BYTES <= size; i += ALERT_INPUT_BYTES) {
		now_us += data[i + 1] * SECOND;
		struct alert alert = {.id = i, .time_us = now_us, .count = data[i + 3] + 1u};
		alert.source = (struct ip){.family = data[i + 2] & 4, .octet = {data[i + 2] & 3}};
		alert.target = (struct ip){.family = 6, .octet = {data[i + 2] >> 4}};
		TEXT_COPY(alert.type, types[data[i] % ARRAY_SIZE(types)]);
		machine_remember(machine, &alert, data[i] >> 6 == 3);
		machine->state = data[i] >> 4 & 1;
	}
	return now_us;
}

static void check_counted(const struct machine *machine, const struct expression_result *result)
{
	for (unsigned i = 0; i < EXPRESSION_ALERTS_MAX; i++)
		if (result->counted[i / 64] >> i % 64 & 1)
			assert(result->truth == TRUTH_TRUE && i < machine->alert_count &&
			       !machine_alert_at(machine, i)->used);
}

/* What is said of all values holds for these. */
static void check_logic(const struct expression *expression, enum truth truth)
{
	const uint32_t all = 7;
	if (truth == TRUTH_TRUE)
		assert(logic_can_be_true(expression, &policy, all, NULL));
	else
		assert(!logic_is_always_true(expression, &policy, all));
	assert(logic_follows(expression, expression, &policy, all) ||
	       expression_cost(expression) > LOGIC_STEPS_MAX / 4);
}

static int64_t check_at(const struct expression *expression, const struct machine *machine,
			int64_t now_us)
{
	struct expression_result result, later;
	expression_evaluate(expression, machine, &policy, now_us, &result);
	assert(result.truth <= TRUTH_UNKNOWN);
	assert(result.next_us > now_us);
	check_counted(machine, &result);
	check_logic(expression, result.truth);
	int64_t end_us = result.next_us == INT64_MAX ? now_us + 86400 * SECOND : result.next_us;
	for (int64_t i = 1; i <= PROBES; i++) {
		int64_t probe_us = end_us - 1 - (end_us - 1 - now_us) / PROBES * (i - 1);
		expression_evaluate(expression, machine, &policy, probe_us, &later);
		assert(later.truth == result.truth);
	}
	return result.next_us;
}

static void check_expression(const struct expression *expression, const uint8_t *data, size_t size)
{
	struct machine machine;
	int64_t now_us = fill(&machine, data, size);
	assert(expression_cost(expression) <=
	       (unsigned long)EXPRESSION_NODES_MAX * (1 + 2 * EXPRESSION_ALERTS_MAX));
	for (unsigned i = 0; i < PROBES && now_us < INT64_MAX; i++)
		now_us = check_at(expression, &machine, now_us);
	machine_done(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct expression *expression = NULL;
	struct expression_place place = {0};
	struct error err = {0};
	size_t length = strnlen((const char *)data, size);
	cleanup_free char *text = mem_alloc(length + 1);
	if (length)
		memcpy(text, data, length);
	if (expression_parse(&expression, text, &policy, &place, &err) < 0) {
		assert(!expression && err.text[0] && place.offset <= length);
		return 0;
	}
	assert(text_equal(expression_text(expression), text));
	length += length < size;
	check_expression(expression, data + length, size - length);
	expression_free(expression);
	return 0;
}
