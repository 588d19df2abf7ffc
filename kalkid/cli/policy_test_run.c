/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_test_run.c - see policy_test_run.h. */
#include "cli/policy_test_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/explain.h"
#include "core/rehearsal.h"

/* Any; engine time does not begin at 0. */
static const int64_t START_US = (int64_t)1000000 * 1000000;

/* A decision of the present step. */
struct taken {
	unsigned device;
	int rule;
	enum decision_cause cause;
	bool shadow;
};

struct run {
	const struct policy_tests *tests;
	const struct policy_test *test;
	const struct document *document;
	struct complaints *failures;
	struct rehearsal rehearsal;
	struct taken *taken;
	unsigned taken_count, taken_room;
	bool *fired;
};

static void on_decision(void *data, unsigned device, const struct decision *decision)
{
	struct run *run = data;
	if (run->taken_count == run->taken_room) {
		run->taken_room = max_of(16u, 2 * run->taken_room);
		run->taken = mem_resize(run->taken, run->taken_room, sizeof(*run->taken));
	}
	run->taken[run->taken_count++] = (struct taken){device, decision->rule, decision->cause,
							decision->shadow};
	if (decision->rule >= 0 && run->rehearsal.devices[device].policy == run->tests->policy)
		run->fired[decision->rule] = true;
}

/* --- the step's input --- */

static void give_input(struct run *run, const struct policy_test_step *step)
{
	struct rehearsal *rehearsal = &run->rehearsal;
	switch (step->input) {
	case TEST_INPUT_NONE: break;
	case TEST_INPUT_ALERT: rehearsal_alert(rehearsal, step->device, &step->alert); break;
	case TEST_INPUT_TELEMETRY:
		rehearsal_readings(rehearsal, step->device, step->source, step->readings,
				   step->reading_count);
		break;
	case TEST_INPUT_SILENT: rehearsal_give_up(rehearsal, step->device, step->source); break;
	case TEST_INPUT_SET_STATE:
		rehearsal_set_state(rehearsal, step->device, step->state, step->for_us,
				    "set by the test");
		break;
	case TEST_INPUT_RELEASE:
		rehearsal_release(rehearsal, step->device, "released by the test");
		break;
	}
}

/* --- what came of it --- */

static void complain(struct run *run, const struct policy_test_expectation *expectation,
		     const char *key, const char *what, const char *is, const char *wanted)
{
	document_complain(run->document, document_find(expectation->node, key), run->failures, NULL,
			  "%s of '%s' is %s, not %s", what,
			  run->test->devices[expectation->device].name, is, wanted);
}

static void explain(struct run *run, const struct policy_test_expectation *expectation)
{
	const struct rehearsed_device *device = &run->rehearsal.devices[expectation->device];
	cleanup_buffer struct buffer lines = {0};
	explain_way(&lines, device->policy, (unsigned)expectation->state, &device->machine,
		    run->rehearsal.now_us);
	for (char *line, *rest = lines.bytes; (line = strsep(&rest, "\n"));)
		if (*line)
			buffer_print(&run->failures->text, "    %s\n", line);
}

static void check_state(struct run *run, const struct policy_test_expectation *expectation)
{
	const struct rehearsed_device *device = &run->rehearsal.devices[expectation->device];
	const struct policy_state *states = device->policy->states;
	if (expectation->state < 0 || device->machine.state == (unsigned)expectation->state)
		return;
	complain(run, expectation, "state", "the state", states[device->machine.state].name,
		 states[expectation->state].name);
	explain(run, expectation);
}

static void check_cause(struct run *run, const struct policy_test_expectation *expectation)
{
	enum decision_cause last = DECISION_NONE;
	for (unsigned i = 0; i < run->taken_count; i++)
		if (run->taken[i].device == expectation->device && !run->taken[i].shadow)
			last = run->taken[i].cause;
	if (expectation->cause >= 0 && last != (enum decision_cause)expectation->cause)
		complain(run, expectation, "cause", "the cause", decision_cause_name(last),
			 decision_cause_name((enum decision_cause)expectation->cause));
}

static void add_item(struct buffer *list, const char *text)
{
	buffer_print(list, "%s%s", list->length > 1 ? ", " : "", text);
}

static void print_list(struct buffer *ret, const struct document_node *list)
{
	buffer_print(ret, "[");
	for (const struct document_node *item = list->first; item; item = item->next)
		add_item(ret, item->text);
	buffer_print(ret, "]");
}

static void check_list(struct run *run, const struct policy_test_expectation *expectation,
		       const char *key, const char *what, const struct document_node *wanted,
		       struct buffer *is)
{
	cleanup_buffer struct buffer right = {0};
	buffer_print(is, "]");
	print_list(&right, wanted);
	if (!text_equal(is->bytes, right.bytes))
		complain(run, expectation, key, what, is->bytes, right.bytes);
}

/* The rule behind what was taken, of those in shadow or of the others; NULL: none. */
static const struct policy_rule *taken_rule(const struct run *run, unsigned i,
					    const struct policy_test_expectation *expectation,
					    bool shadow)
{
	const struct taken *taken = &run->taken[i];
	if (taken->device != expectation->device || taken->rule < 0 || taken->shadow != shadow)
		return NULL;
	return &run->rehearsal.devices[taken->device].policy->rules[taken->rule];
}

static void check_rules(struct run *run, const struct policy_test_expectation *expectation,
			bool shadow)
{
	const struct document_node *wanted = shadow ? expectation->shadow : expectation->rules;
	cleanup_buffer struct buffer is = {0};
	if (!wanted)
		return;
	buffer_print(&is, "[");
	for (unsigned i = 0; i < run->taken_count; i++) {
		const struct policy_rule *rule = taken_rule(run, i, expectation, shadow);
		if (rule)
			add_item(&is, rule->name);
	}
	check_list(run, expectation, shadow ? "shadow" : "rules",
		   shadow ? "what fired in shadow" : "what fired", wanted, &is);
}

static void check_actions(struct run *run, const struct policy_test_expectation *expectation)
{
	cleanup_buffer struct buffer is = {0};
	buffer_print(&is, "[");
	for (unsigned i = 0; i < run->taken_count; i++) {
		const struct policy_rule *rule = taken_rule(run, i, expectation, false);
		for (unsigned j = 0; rule && j < rule->action_count; j++) {
			char words[ACTION_WORDS_BYTES];
			action_print(words, &rule->actions[j]);
			add_item(&is, words);
		}
	}
	if (expectation->actions)
		check_list(run, expectation, "actions", "the list of actions", expectation->actions,
			   &is);
}

static void check_chain(struct run *run, const struct policy_test_expectation *expectation)
{
	const struct rehearsed_device *device = &run->rehearsal.devices[expectation->device];
	const struct posture *posture = &device->policy->states[device->machine.state].posture;
	const struct document_node *wanted = expectation->chain;
	cleanup_buffer struct buffer is = {0};
	if (!wanted)
		return;
	if (posture->mode == POSTURE_CHAIN && wanted->kind == DOCUMENT_LIST) {
		buffer_print(&is, "[");
		for (unsigned i = 0; i < posture->hop_count; i++)
			add_item(&is, posture->hops[i].name);
		check_list(run, expectation, "chain", "the chain", wanted, &is);
		return;
	}
	const char *mode = posture_mode_name(posture->mode);
	const char *right = wanted->kind == DOCUMENT_LIST ? "a list of hops" : wanted->text;
	if (!text_equal(mode, right))
		complain(run, expectation, "chain", "the chain", mode, right);
}

static void run_step(struct run *run, const struct policy_test_step *step)
{
	run->taken_count = 0;
	rehearsal_pass(&run->rehearsal, run->rehearsal.now_us + step->after_us);
	for (unsigned i = 0; i < step->times; i++) {
		if (i)
			rehearsal_pass(&run->rehearsal, run->rehearsal.now_us + step->every_us);
		give_input(run, step);
	}
	for (unsigned i = 0; i < step->expectation_count; i++) {
		const struct policy_test_expectation *expectation = &step->expectations[i];
		check_state(run, expectation);
		check_cause(run, expectation);
		check_rules(run, expectation, false);
		check_rules(run, expectation, true);
		check_actions(run, expectation);
		check_chain(run, expectation);
	}
}

void policy_test_run(const struct policy_tests *tests, const struct policy_test *test,
		     const struct document *document, bool *fired, struct complaints *failures)
{
	struct run run = {
		.tests = tests,
		.test = test,
		.document = document,
		.failures = failures,
	};
	run.fired = fired;
	rehearsal_init(&run.rehearsal, test->device_count, START_US);
	run.rehearsal.on_decision = on_decision;
	run.rehearsal.data = &run;
	run.rehearsal.fleet.local = (struct local_time){
		.known = true,
		.offset_us = test->start_us - START_US,
		.until_us = INT64_MAX,
	};
	for (unsigned i = 0; i < test->device_count; i++)
		(void)rehearsal_add(&run.rehearsal, &test->devices[i],
				    policy_tests_find_type(tests, test->devices[i].type));
	for (unsigned i = 0; i < test->step_count; i++)
		run_step(&run, &test->steps[i]);
	rehearsal_done(&run.rehearsal);
	free(run.taken);
}
