/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_test_file.h - a policy's own tests: TYPE.test.yaml beside its file.
 *
 *	types: [lamp.yaml]              # other types that devices below are of; files beside it
 *	tests:
 *	  - name: two guesses cut it off
 *	    devices:                    # left out: one of the tested type, named as the type
 *	      - {name: cam, groups: [door], tags: [new]}
 *	      - {name: lamp, type: lamp, groups: [door]}
 *	    start: 2026-01-31T22:00     # local time; left out: Thursday, 2026-01-01T00:00
 *	    steps:                      # in each: time passes, then the input, then what is
 *expected
 *	      - after: 10s
 *	        device: cam             # left out: the first
 *	        alert: brute-force      # or {type, severity, source, target, hop, count}
 *	        expect: {state: Suspicious, rules: [first-guessing]}
 *	      - telemetry: {power: 300, on: true, mode: null}       # null: missing
 *	        source: insight         # left out: the type's first
 *	        times: 10               # the input again and again,
 *	        every: 30s              # so far apart
 *	      - silent: insight         # the source is given up
 *	      - set_state: Attack       # by an operator
 *	        for: 1h
 *	      - release: true
 *	        expect:                 # or a list, with `device` in each
 *	          state: Normal
 *	          cause: release        # of the last decision of the step
 *	          rules: []             # that fired in the step, all, in their order
 *	          shadow: []            # rules in shadow that would have fired, the same way
 *	          chain: [guard]        # names of the hops, or pass or block
 *	          actions: [command turn-off, notify operators]     # of the step, all */
#pragma once

#include "codec/files.h"

enum {
	POLICY_TESTS_MAX = 1000,
	POLICY_TEST_STEPS_MAX = 1000,
	POLICY_TEST_DEVICES_MAX = 64,
	POLICY_TEST_TYPES_MAX = 32,
	POLICY_TEST_EXPECTATIONS_MAX = 64,
	POLICY_TEST_TIMES_MAX = 100000,
	TEST_NAME_BYTES = 128,
};

enum policy_test_input {
	TEST_INPUT_NONE,
	TEST_INPUT_ALERT,
	TEST_INPUT_TELEMETRY,
	TEST_INPUT_SILENT,
	TEST_INPUT_SET_STATE,
	TEST_INPUT_RELEASE,
};

/* Lists stay in the document: they were checked, and are texts. */
struct policy_test_expectation {
	const struct document_node *node;
	unsigned device;
	int state; /* -1: any; so below, NULL */
	int cause;
	const struct document_node *rules, *shadow, *actions, *chain;
};

struct policy_test_step {
	const struct document_node *node;
	int64_t after_us, every_us, for_us;
	unsigned times;
	unsigned device;
	enum policy_test_input input;
	struct alert alert;
	struct sensor_reading *readings;
	unsigned reading_count;
	char source[NAME_BYTES];
	unsigned state;
	struct policy_test_expectation *expectations;
	unsigned expectation_count;
};

struct policy_test {
	char name[TEST_NAME_BYTES];
	const struct document_node *node;
	struct device *devices; /* each of a type below */
	unsigned device_count;
	int64_t start_us; /* local time, microseconds since 1970-01-01T00:00 there */
	struct policy_test_step *steps;
	unsigned step_count;
};

struct policy_tests {
	const struct policy *policy; /* the tested one, borrowed */
	struct policy *others[POLICY_TEST_TYPES_MAX];
	unsigned other_count;
	struct policy_test *tests;
	unsigned test_count;
};

/* Other types are read from files beside the document's.  -EINVAL with complaints; nothing is left
 * to free then.  The document is needed as long as the tests. */
int policy_tests_read(struct policy_tests *ret, const struct document *document,
		      const struct policy *policy, struct complaints *complaints) must_check;
void policy_tests_done(struct policy_tests *tests);
/* NULL when there is none. */
const struct policy *policy_tests_find_type(const struct policy_tests *tests, const char *type);
