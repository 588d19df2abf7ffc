/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_test_step.c - the steps of a policy's tests: inputs and expectations. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/policy_test_internal.h"

#define YEAR_US (365 * (int64_t)86400 * 1000000)

static struct policy_test *test_of(const struct reading *reading)
{
	return ((struct test_reading *)reading->data)->test;
}

static const struct policy *policy_of(const struct reading *reading, unsigned device)
{
	const struct test_reading *at = reading->data;
	return policy_tests_find_type(at->tests, at->test->devices[device].type);
}

/* --- names --- */

/* Index of the device that the node names, or -1 and a complaint. */
static int find_device(struct reading *reading, const struct document_node *node)
{
	const struct policy_test *test = test_of(reading);
	const char *names[POLICY_TEST_DEVICES_MAX], *text = read_text(reading, node);
	for (unsigned i = 0; text && i < test->device_count; i++) {
		names[i] = test->devices[i].name;
		if (text_equal(names[i], text))
			return (int)i;
	}
	if (text)
		complain_unknown(reading, node, "device", text, names, test->device_count);
	return -1;
}

static int find_state(struct reading *reading, const struct document_node *node, unsigned device)
{
	const struct policy *policy = policy_of(reading, device);
	const char *names[POLICY_STATES_MAX], *text = read_text(reading, node);
	for (unsigned i = 0; text && i < policy->state_count; i++) {
		names[i] = policy->states[i].name;
		if (text_equal(names[i], text))
			return (int)i;
	}
	if (text)
		complain_unknown(reading, node, "state", text, names, policy->state_count);
	return -1;
}

/* --- inputs --- */

static void set_input(struct reading *reading, const struct document_node *node,
		      struct policy_test_step *step, enum policy_test_input input)
{
	if (step->input != TEST_INPUT_NONE)
		document_complain_key(reading->document, node, reading->complaints,
				      "make it two steps", "a step has one input");
	step->input = input;
}

static void read_ip(struct reading *reading, const struct document_node *node, struct ip *ret)
{
	struct error err = {0};
	const char *text = read_text(reading, node);
	if (text && ip_parse(ret, text, &err) < 0)
		document_complain(reading->document, node, reading->complaints, NULL, "%s",
				  err.text);
}

static void read_source_ip(struct reading *reading, const struct document_node *node, void *target)
{
	read_ip(reading, node, &((struct alert *)target)->source);
}

static void read_target_ip(struct reading *reading, const struct document_node *node, void *target)
{
	read_ip(reading, node, &((struct alert *)target)->target);
}

static const char *const severities[] = {"low", "medium", "high", "critical", NULL};

static const struct field alert_fields[] = {
	{"type", FIELD_NAME, .required = true, FIELD_AT(struct alert, type)},
	{"severity", FIELD_CHOICE, FIELD_AT(struct alert, severity), .choices = severities},
	{"source", FIELD_OTHER, .read = read_source_ip},
	{"target", FIELD_OTHER, .read = read_target_ip},
	{"hop", FIELD_NAME, FIELD_AT(struct alert, hop)},
	{"count", FIELD_UNSIGNED, FIELD_AT(struct alert, count), .min = 1, .max = 1000000000},
};

static void read_alert(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_test_step *step = target;
	set_input(reading, node, step, TEST_INPUT_ALERT);
	step->alert = (struct alert){.severity = ALERT_MEDIUM, .count = 1};
	if (node->kind == DOCUMENT_MAP)
		(void)fields_read(reading, node, alert_fields, ARRAY_SIZE(alert_fields),
				  &step->alert);
	else
		(void)read_name(reading, node, step->alert.type);
}

static void read_value(struct reading *reading, const struct document_node *node,
		       const struct sensor *sensor, struct sensor_reading *ret)
{
	static const enum document_kind kinds[SENSOR_TYPE_COUNT] = {
		[SENSOR_NUMBER] = DOCUMENT_NUMBER,
		[SENSOR_BOOLEAN] = DOCUMENT_BOOLEAN,
		[SENSOR_TEXT] = DOCUMENT_TEXT,
	};
	ret->missing = node->kind == DOCUMENT_NULL;
	if (ret->missing)
		return;
	if (node->kind != kinds[sensor->type]) {
		document_complain(reading->document, node, reading->complaints,
				  "null says that it is missing", "the sensor '%s' is a %s",
				  sensor->name, SENSOR_TYPE_NAMES[sensor->type]);
		return;
	}
	ret->number = node->number;
	ret->boolean = node->boolean;
	if (sensor->type == SENSOR_TEXT && !TEXT_COPY(ret->text, node->text))
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %d bytes", SENSOR_TEXT_BYTES - 1);
}

static void read_telemetry(struct reading *reading, const struct document_node *map, void *target)
{
	struct policy_test_step *step = target;
	const struct policy *policy = policy_of(reading, step->device);
	const char *names[SENSORS_MAX];
	set_input(reading, map, step, TEST_INPUT_TELEMETRY);
	if (map->kind != DOCUMENT_MAP || !map->first) {
		document_complain(reading->document, map, reading->complaints,
				  "{sensor: value, ...}", "holds no values");
		return;
	}
	for (unsigned i = 0; i < policy->sensor_count; i++)
		names[i] = policy->sensors[i].name;
	step->readings = mem_alloc_array(SENSORS_MAX, sizeof(*step->readings));
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		int sensor = policy_find_sensor(policy, entry->key);
		if (sensor < 0) {
			complain_unknown(reading, entry, "sensor", entry->key, names,
					 policy->sensor_count);
			continue;
		}
		struct sensor_reading *value = &step->readings[step->reading_count++];
		value->sensor = (unsigned)sensor;
		read_value(reading, entry, &policy->sensors[sensor], value);
	}
}

static void read_silent(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_test_step *step = target;
	set_input(reading, node, step, TEST_INPUT_SILENT);
	(void)read_name(reading, node, step->source);
}

static void read_set_state(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_test_step *step = target;
	set_input(reading, node, step, TEST_INPUT_SET_STATE);
	int state = find_state(reading, node, step->device);
	if (state >= 0)
		step->state = (unsigned)state;
}

static void read_release(struct reading *reading, const struct document_node *node, void *target)
{
	set_input(reading, node, target, TEST_INPUT_RELEASE);
	if (node->kind != DOCUMENT_BOOLEAN || !node->boolean)
		document_complain(reading->document, node, reading->complaints, "release: true",
				  "says nothing");
}

static void read_step_device(struct reading *reading, const struct document_node *node,
			     void *target)
{
	int device = find_device(reading, node);
	if (device >= 0)
		((struct policy_test_step *)target)->device = (unsigned)device;
}

/* --- expectations --- */

static void read_expected_device(struct reading *reading, const struct document_node *node,
				 void *target)
{
	int device = find_device(reading, node);
	if (device >= 0)
		((struct policy_test_expectation *)target)->device = (unsigned)device;
}

static void read_expected_state(struct reading *reading, const struct document_node *node,
				void *target)
{
	struct policy_test_expectation *expectation = target;
	expectation->state = find_state(reading, node, expectation->device);
}

static void read_expected_cause(struct reading *reading, const struct document_node *node,
				void *target)
{
	struct policy_test_expectation *expectation = target;
	const char *names[DECISION_CAUSE_COUNT], *text = read_text(reading, node);
	for (unsigned i = 0; text && i < DECISION_CAUSE_COUNT; i++) {
		names[i] = decision_cause_name(i);
		if (text_equal(names[i], text))
			expectation->cause = (int)i;
	}
	if (text && expectation->cause < 0)
		complain_unknown(reading, node, "cause", text, names, DECISION_CAUSE_COUNT);
}

static bool read_texts(struct reading *reading, const struct document_node *list, unsigned max)
{
	bool good = read_is_list(reading, list, max);
	for (const struct document_node *item = good ? list->first : NULL; item; item = item->next)
		good = read_text(reading, item) && good;
	return good;
}

/* The list, or NULL: names of rules of the device's type. */
static const struct document_node *read_rule_names(struct reading *reading,
						   const struct document_node *list, void *target)
{
	struct policy_test_expectation *expectation = target;
	const struct policy *policy = policy_of(reading, expectation->device);
	if (!read_texts(reading, list, POLICY_TEST_TIMES_MAX))
		return NULL;
	cleanup_free const char **names = mem_alloc_array(policy->rule_count, sizeof(*names));
	for (unsigned i = 0; i < policy->rule_count; i++)
		names[i] = policy->rules[i].name;
	for (const struct document_node *item = list->first; item; item = item->next)
		if (policy_find_rule(policy, item->text) < 0)
			complain_unknown(reading, item, "rule", item->text, names,
					 policy->rule_count);
	return list;
}

static void read_expected_rules(struct reading *reading, const struct document_node *list,
				void *target)
{
	((struct policy_test_expectation *)target)->rules = read_rule_names(reading, list, target);
}

static void read_expected_shadow(struct reading *reading, const struct document_node *list,
				 void *target)
{
	((struct policy_test_expectation *)target)->shadow = read_rule_names(reading, list, target);
}

static void read_expected_actions(struct reading *reading, const struct document_node *list,
				  void *target)
{
	if (read_texts(reading, list, POLICY_TEST_TIMES_MAX))
		((struct policy_test_expectation *)target)->actions = list;
}

static void read_expected_chain(struct reading *reading, const struct document_node *node,
				void *target)
{
	struct policy_test_expectation *expectation = target;
	bool word = node->kind == DOCUMENT_TEXT &&
		    (text_equal(node->text, "pass") || text_equal(node->text, "block"));
	if (!word && node->kind != DOCUMENT_LIST)
		document_complain(reading->document, node, reading->complaints,
				  "a list of the hops' names, pass or block", "is no chain");
	else if (word || read_texts(reading, node, HOPS_MAX))
		expectation->chain = node;
}

/* The device first: what it may be expected to be depends on it. */
static const struct field expectation_fields[] = {
	{"device", FIELD_OTHER, .read = read_expected_device},
	{"state", FIELD_OTHER, .read = read_expected_state},
	{"cause", FIELD_OTHER, .read = read_expected_cause},
	{"rules", FIELD_OTHER, .read = read_expected_rules},
	{"shadow", FIELD_OTHER, .read = read_expected_shadow},
	{"actions", FIELD_OTHER, .read = read_expected_actions},
	{"chain", FIELD_OTHER, .read = read_expected_chain},
};

static void read_expectation(struct reading *reading, const struct document_node *node,
			     struct policy_test_step *step)
{
	struct policy_test_expectation *expectation =
		&step->expectations[step->expectation_count++];
	*expectation = (struct policy_test_expectation){
		.node = node,
		.device = step->device,
		.state = -1,
		.cause = -1,
	};
	(void)fields_read(reading, node, expectation_fields, ARRAY_SIZE(expectation_fields),
			  expectation);
	if (node->kind == DOCUMENT_MAP && !node->first)
		document_complain(reading->document, node, reading->complaints, "{state: ...}",
				  "expects nothing");
}

static void read_expect(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_test_step *step = target;
	if (node->kind != DOCUMENT_LIST) {
		step->expectations = mem_alloc(sizeof(*step->expectations));
		read_expectation(reading, node, step);
		return;
	}
	if (!read_is_list(reading, node, POLICY_TEST_EXPECTATIONS_MAX))
		return;
	step->expectations = mem_alloc_array(policy_test_room(node), sizeof(*step->expectations));
	for (const struct document_node *item = node->first; item; item = item->next)
		read_expectation(reading, item, step);
}

/* --- steps --- */

/* The device first, as above. */
static const struct field step_fields[] = {
	{"device", FIELD_OTHER, .read = read_step_device},
	{"after", FIELD_DURATION, FIELD_AT(struct policy_test_step, after_us), .max = YEAR_US},
	{"alert", FIELD_OTHER, .read = read_alert},
	{"telemetry", FIELD_OTHER, .read = read_telemetry},
	{"source", FIELD_NAME, FIELD_AT(struct policy_test_step, source)},
	{"silent", FIELD_OTHER, .read = read_silent},
	{"set_state", FIELD_OTHER, .read = read_set_state},
	{"for", FIELD_DURATION, FIELD_AT(struct policy_test_step, for_us), .min = 1,
	 .max = YEAR_US},
	{"release", FIELD_OTHER, .read = read_release},
	{"times", FIELD_UNSIGNED, FIELD_AT(struct policy_test_step, times), .min = 1,
	 .max = POLICY_TEST_TIMES_MAX},
	{"every", FIELD_DURATION, FIELD_AT(struct policy_test_step, every_us), .max = YEAR_US},
	{"expect", FIELD_OTHER, .read = read_expect},
};

/* Where the type names its sources, a step names one of them. */
static void check_source(struct reading *reading, const struct policy_test_step *step,
			 const char *key)
{
	const struct policy *policy = policy_of(reading, step->device);
	const struct document_node *node = document_find(step->node, key);
	const char *names[SOURCES_MAX];
	for (unsigned i = 0; node && i < policy->source_count; i++) {
		names[i] = policy->sources[i].name;
		if (text_equal(names[i], step->source))
			return;
	}
	if (node && policy->source_count)
		complain_unknown(reading, node, "source", step->source, names,
				 policy->source_count);
}

static void check_step(struct reading *reading, const struct policy_test_step *step)
{
	static const struct {
		const char *key;
		enum policy_test_input input;
		const char *right;
	} belongs[] = {
		{"source", TEST_INPUT_TELEMETRY, "it belongs to telemetry"},
		{"for", TEST_INPUT_SET_STATE, "it belongs to set_state"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(belongs); i++) {
		const struct document_node *node = document_find(step->node, belongs[i].key);
		if (node && step->input != belongs[i].input)
			document_complain_key(reading->document, node, reading->complaints,
					      belongs[i].right, "says nothing here");
	}
	check_source(reading, step, "source");
	check_source(reading, step, "silent");
}

void policy_test_read_step(struct reading *reading, const struct document_node *node,
			   struct policy_test *test)
{
	struct policy_test_step *step = &test->steps[test->step_count++];
	*step = (struct policy_test_step){.node = node, .times = 1};
	if (!fields_read(reading, node, step_fields, ARRAY_SIZE(step_fields), step))
		return;
	check_step(reading, step);
	const struct policy *policy = policy_of(reading, step->device);
	if (step->input == TEST_INPUT_TELEMETRY && !step->source[0])
		TEXT_COPY(step->source, policy->source_count ? policy->sources[0].name : "test");
}
