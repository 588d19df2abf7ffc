/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_policy_test_file.c - a policy's tests: what is taken can be run, each index in it leads
 * somewhere. */
#include <assert.h>
#include <stdint.h>

#include "base/text.h"
#include "codec/policy_test_file.h"
#include "core/machine.h"
#include "fuzz/policy_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char POLICY[] =
	"type: box\n"
	"sensors: {heat: {type: number}, lit: {type: boolean}, mode: {type: text}}\n"
	"telemetry: [{name: lamp, mqtt: {broker: 'mqtt://10.0.0.1', topic: a}, map: {lit: {}}}]\n"
	"states:\n"
	"  Normal: {chain: [{name: guard, image: 'guard:1'}]}\n"
	"  Attack: {chain: block, final: true}\n"
	"rules:\n"
	"- {name: up, from: [Normal], when: 'alert(\"x\") or heat > 3', to: Attack}\n";

static void check_texts(const struct document_node *list)
{
	if (!list || list->kind == DOCUMENT_TEXT)
		return;
	assert(list->kind == DOCUMENT_LIST);
	for (const struct document_node *item = list->first; item; item = item->next)
		assert(item->kind == DOCUMENT_TEXT && item->text);
}

static void check_expectation(const struct policy_tests *tests, const struct policy_test *test,
			      const struct policy_test_expectation *expectation)
{
	assert(expectation->device < test->device_count);
	const struct policy *policy =
		policy_tests_find_type(tests, test->devices[expectation->device].type);
	assert(expectation->state >= -1 && expectation->state < (int)policy->state_count);
	assert(expectation->cause >= -1 && expectation->cause < DECISION_CAUSE_COUNT);
	check_texts(expectation->rules);
	check_texts(expectation->actions);
	check_texts(expectation->chain);
}

static void check_step(const struct policy_tests *tests, const struct policy_test *test,
		       const struct policy_test_step *step)
{
	assert(step->device < test->device_count);
	const struct policy *policy = policy_tests_find_type(tests,
							     test->devices[step->device].type);
	assert(step->after_us >= 0 && step->every_us >= 0 && step->for_us >= 0);
	assert(step->times >= 1 && step->times <= POLICY_TEST_TIMES_MAX);
	assert(step->state < policy->state_count);
	assert(step->input != TEST_INPUT_ALERT ||
	       (step->alert.count >= 1 && name_check("alert", step->alert.type, NULL) == 0));
	assert((step->input == TEST_INPUT_TELEMETRY) == (step->reading_count > 0));
	for (unsigned i = 0; i < step->reading_count; i++)
		assert(step->readings[i].sensor < policy->sensor_count);
	for (unsigned i = 0; i < step->expectation_count; i++)
		check_expectation(tests, test, &step->expectations[i]);
}

static void check(const struct policy_tests *tests)
{
	assert(tests->test_count <= POLICY_TESTS_MAX);
	for (unsigned i = 0; i < tests->test_count; i++) {
		const struct policy_test *test = &tests->tests[i];
		assert(test->device_count > 0);
		for (unsigned j = 0; j < test->device_count; j++)
			assert(policy_tests_find_type(tests, test->devices[j].type));
		for (unsigned j = 0; j < test->step_count; j++)
			check_step(tests, test, &test->steps[j]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	if (!policy)
		policy = policy_from_text(POLICY);
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct policy_tests tests;
	/* A folder in which no type lies. */
	if (document_read(&document, "/nonexistent/box.test.yaml", (const char *)data, size,
			  &complaints) == 0) {
		int result = policy_tests_read(&tests, document, policy, &complaints);
		assert((result == 0) == !complaints.count);
		if (result == 0) {
			check(&tests);
			policy_tests_done(&tests);
		}
	}
	document_free(document);
	complaints_done(&complaints);
	return 0;
}
