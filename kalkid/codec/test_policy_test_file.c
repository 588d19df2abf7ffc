/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_policy_test_file.c - tests of policies: what is wrong in them is told with its place
 * and what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/policy_test_file.h"

static const char POLICY[] =
	"type: box\n"
	"sensors: {heat: {type: number}, lit: {type: boolean}, mode: {type: text}}\n"
	"telemetry: [{name: web, push: {}}]\n"
	"states: {A: {chain: pass}, B: {chain: block, final: true}}\n"
	"rules: [{name: up, from: [A], when: 'heat > 3', to: B}]\n";

static struct document *read_document(const char *file, const char *text)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	if (document_read(&document, file, text, strlen(text), &complaints) < 0)
		fail_msg("%s", complaints.text.bytes);
	return document;
}

static int set_up(void **state)
{
	struct complaints complaints = {0};
	struct document *document = read_document("box.yaml", POLICY);
	*state = policy_read(document, &complaints);
	document_free(document);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	policy_free(*state);
	return 0;
}

/* A test with one step. */
#define STEP(step) "tests: [{name: a, steps: [" step "]}]\n"

static const struct {
	const char *text, *lines;
} wrong[] = {
	{"tests: 7\n",
	 "box.test.yaml:1:8: tests: is a number, not a list ([one, two], or a line '- one'"
	 " for each)\n"},
	{"test: []\n", "box.test.yaml:1:1: the key 'tests' is missing\n"
		       "box.test.yaml:1:1: test: unknown key (did you mean 'tests'?)\n"},
	{"types: [/nonexistent/gone.yaml, 7]\n" STEP("{expect: {state: A}}"),
	 "box.test.yaml:1:9: types[0]: /nonexistent/gone.yaml: No such file or directory "
	 "(a file beside this one)\n"
	 "box.test.yaml:1:33: types[1]: is a number, not text (write it in quotes)\n"},
	{"tests: [{}, 7]\n", "box.test.yaml:1:9: tests[0]: the key 'name' is missing\n"
			     "box.test.yaml:1:9: tests[0]: the key 'steps' is missing\n"
			     "box.test.yaml:1:13: tests[1]: is a number, not a map (key: value)\n"},
	{"tests: [{name: a, steps: []}, {name: b, steps: [{alert: x}]}]\n",
	 "box.test.yaml:1:9: tests[0]: the test expects nothing (a step with expect: "
	 "{state: ...})\n"
	 "box.test.yaml:1:31: tests[1]: the test expects nothing (a step with expect: "
	 "{state: ...})\n"},
	{"tests: [{name: a, devices: [{name: b, type: gone}, {name: c}, {name: c}, {}],\n"
	 "  steps: [{expect: {state: A}}]}]\n",
	 "box.test.yaml:1:45: tests[0].devices[0].type: no type 'gone' (box)\n"
	 "box.test.yaml:1:63: tests[0].devices[2]: 'c' is there before (each device its "
	 "own name)\n"
	 "box.test.yaml:1:74: tests[0].devices[3]: the key 'name' is missing\n"},
	{"tests: [{name: a, start: soon, steps: [{expect: {state: A}}]}]\n",
	 "box.test.yaml:1:26: tests[0].start: 'soon' is no time (2026-01-31T22:00)\n"},
	{STEP("{alert: x, release: true}, {release: false}, {alrt: x}, 7"),
	 "box.test.yaml:1:38: tests[0].steps[0].release: a step has one input (make it two"
	 " steps)\n"
	 "box.test.yaml:1:64: tests[0].steps[1].release: says nothing (release: true)\n"
	 "box.test.yaml:1:73: tests[0].steps[2].alrt: unknown key (did you mean "
	 "'alert'?)\n"
	 "box.test.yaml:1:83: tests[0].steps[3]: is a number, not a map (key: value)\n"},
	{STEP("{alert: {}}, {alert: a b}, {alert: {type: x, severity: huge}}"),
	 "box.test.yaml:1:35: tests[0].steps[0].alert: the key 'type' is missing\n"
	 "box.test.yaml:1:48: tests[0].steps[1].alert: 'a b' is no name (at most 63 "
	 "letters, digits, '-', '_' and '.', a letter or digit first)\n"
	 "box.test.yaml:1:82: tests[0].steps[2].alert.severity: no choice 'huge' (did you "
	 "mean 'high'?)\n"},
	{STEP("{alert: {type: x, source: 300.1.1.1, count: 0}}"),
	 "box.test.yaml:1:53: tests[0].steps[0].alert.source: '300.1.1.1' is no IP address"
	 " (like 192.0.2.7 or 2001:db8::7)\n"
	 "box.test.yaml:1:71: tests[0].steps[0].alert.count: is out of range (1 to "
	 "1000000000)\n"},
	{STEP("{telemetry: {}}, {telemetry: {heat: warm, lit: 1, haet: 2}}"),
	 "box.test.yaml:1:39: tests[0].steps[0].telemetry: holds no values ({sensor: "
	 "value, ...})\n"
	 "box.test.yaml:1:63: tests[0].steps[1].telemetry.heat: the sensor 'heat' is a "
	 "number (null says that it is missing)\n"
	 "box.test.yaml:1:74: tests[0].steps[1].telemetry.lit: the sensor 'lit' is a "
	 "boolean (null says that it is missing)\n"
	 "box.test.yaml:1:83: tests[0].steps[1].telemetry.haet: no sensor 'haet' (did you "
	 "mean 'heat'?)\n"},
	{STEP("{telemetry: {mode: '0123456789012345678901234567890123456789012345678901234567890"
	      "123'}}"),
	 "box.test.yaml:1:46: tests[0].steps[0].telemetry.mode: is longer than 63 bytes\n"},
	{STEP("{alert: x, for: 1h}, {alert: x, source: web}, {set_state: Bb}, {silent: 'a b'}"),
	 "box.test.yaml:1:38: tests[0].steps[0].for: says nothing here (it belongs to "
	 "set_state)\n"
	 "box.test.yaml:1:59: tests[0].steps[1].source: says nothing here (it belongs to "
	 "telemetry)\n"
	 "box.test.yaml:1:85: tests[0].steps[2].set_state: no state 'Bb' (did you mean "
	 "'B'?)\n"
	 "box.test.yaml:1:99: tests[0].steps[3].silent: 'a b' is no name (at most 63 "
	 "letters, digits, '-', '_' and '.', a letter or digit first)\n"},
	{STEP("{silent: wbe}, {telemetry: {heat: 1}, source: pull}"),
	 "box.test.yaml:1:36: tests[0].steps[0].silent: no source 'wbe' (did you mean "
	 "'web'?)\n"
	 "box.test.yaml:1:73: tests[0].steps[1].source: no source 'pull' (web)\n"},
	{STEP("{device: cam}, {after: -1s}, {alert: x, times: 0, every: 1}"),
	 "box.test.yaml:1:36: tests[0].steps[0].device: no device 'cam' (box)\n"
	 "box.test.yaml:1:50: tests[0].steps[1].after: '-1s' is no duration (write 500ms, "
	 "10s, 1h30m, 2d)\n"
	 "box.test.yaml:1:74: tests[0].steps[2].times: is out of range (1 to 100000)\n"
	 "box.test.yaml:1:84: tests[0].steps[2].every: '1' is no duration (write 500ms, "
	 "10s, 1h30m, 2d)\n"},
	{STEP("{expect: {}}, {expect: {state: C, cause: why, device: cam}}"),
	 "box.test.yaml:1:36: tests[0].steps[0].expect: expects nothing ({state: ...})\n"
	 "box.test.yaml:1:81: tests[0].steps[1].expect.device: no device 'cam' (box)\n"
	 "box.test.yaml:1:58: tests[0].steps[1].expect.state: no state 'C' (did you mean "
	 "'A'?)\n"
	 "box.test.yaml:1:68: tests[0].steps[1].expect.cause: no cause 'why' (none, rule, "
	 "calm, manual, expired, release, policy)\n"},
	{STEP("{expect: [{rules: up}, {rules: [upp]}, {actions: [1]}, {chain: all}, 7]}"),
	 "box.test.yaml:1:45: tests[0].steps[0].expect[0].rules: is text, not a list "
	 "([one, two], or a line '- one' for each)\n"
	 "box.test.yaml:1:59: tests[0].steps[0].expect[1].rules[0]: no rule 'upp' (did you"
	 " mean 'up'?)\n"
	 "box.test.yaml:1:77: tests[0].steps[0].expect[2].actions[0]: is a number, not "
	 "text (write it in quotes)\n"
	 "box.test.yaml:1:90: tests[0].steps[0].expect[3].chain: is no chain (a list of "
	 "the hops' names, pass or block)\n"
	 "box.test.yaml:1:96: tests[0].steps[0].expect[4]: is a number, not a map (key: "
	 "value)\n"},
};

static void what_is_wrong_is_told(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct complaints complaints = {0};
		struct policy_tests tests;
		struct document *document = read_document("box.test.yaml", wrong[i].text);
		assert_int_equal(policy_tests_read(&tests, document, *state, &complaints), -EINVAL);
		assert_string_equal(complaints.text.bytes, wrong[i].lines);
		complaints_done(&complaints);
		document_free(document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_wrong_is_told, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
