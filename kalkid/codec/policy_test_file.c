/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_test_file.c - see policy_test_file.h. */
#include "codec/policy_test_file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "codec/fields.h"

#define YEAR_US (365 * (int64_t)86400 * 1000000)

/* What the readers below work on; `reading->data`. */
struct test_reading {
	struct policy_tests *tests;
	struct policy_test *test;
};

static struct policy_test *test_of(const struct reading *reading)
{
	return ((struct test_reading *)reading->data)->test;
}

const struct policy *policy_tests_find_type(const struct policy_tests *tests, const char *type)
{
	if (text_equal(tests->policy->type, type))
		return tests->policy;
	for (unsigned i = 0; i < tests->other_count; i++)
		if (text_equal(tests->others[i]->type, type))
			return tests->others[i];
	return NULL;
}

static const struct policy *policy_of(const struct reading *reading, unsigned device)
{
	const struct test_reading *at = reading->data;
	return policy_tests_find_type(at->tests, at->test->devices[device].type);
}

/* Of a list that was looked at; at least 1. */
static unsigned room_for(const struct document_node *list)
{
	unsigned count = 0;
	for (const struct document_node *item = list->first; item; item = item->next)
		count++;
	return max_of(count, 1u);
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

/* --- devices --- */

static void read_labels(struct reading *reading, const struct document_node *list,
			char labels[][NAME_BYTES], unsigned *count)
{
	if (!read_is_list(reading, list, DEVICE_LABELS_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next)
		if (read_name(reading, item, labels[*count]))
			++*count;
}

static void read_groups(struct reading *reading, const struct document_node *node, void *target)
{
	struct device *device = target;
	read_labels(reading, node, device->groups, &device->group_count);
}

static void read_tags(struct reading *reading, const struct document_node *node, void *target)
{
	struct device *device = target;
	read_labels(reading, node, device->tags, &device->tag_count);
}

static const struct field test_device_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct device, name)},
	{"type", FIELD_NAME, FIELD_AT(struct device, type)},
	{"groups", FIELD_OTHER, .read = read_groups},
	{"tags", FIELD_OTHER, .read = read_tags},
};

static void read_device(struct reading *reading, const struct document_node *node,
			struct policy_test *test)
{
	const struct policy_tests *tests = ((struct test_reading *)reading->data)->tests;
	struct device device = {.number = test->device_count + 1};
	const char *types[POLICY_TEST_TYPES_MAX + 1];
	TEXT_COPY(device.type, tests->policy->type);
	if (!fields_read(reading, node, test_device_fields, ARRAY_SIZE(test_device_fields),
			 &device))
		return;
	types[0] = tests->policy->type;
	for (unsigned i = 0; i < tests->other_count; i++)
		types[i + 1] = tests->others[i]->type;
	if (!policy_tests_find_type(tests, device.type))
		complain_unknown(reading, document_find(node, "type"), "type", device.type, types,
				 tests->other_count + 1);
	for (unsigned i = 0; i < test->device_count; i++)
		if (text_equal(test->devices[i].name, device.name))
			document_complain(reading->document, node, reading->complaints,
					  "each device its own name", "'%s' is there before",
					  device.name);
	if (policy_tests_find_type(tests, device.type))
		test->devices[test->device_count++] = device;
}

static void read_devices(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy_test *test = target;
	if (!read_is_list(reading, list, POLICY_TEST_DEVICES_MAX))
		return;
	test->devices = mem_alloc_array(room_for(list), sizeof(*test->devices));
	for (const struct document_node *item = list->first; item; item = item->next)
		read_device(reading, item, test);
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
	step->expectations = mem_alloc_array(room_for(node), sizeof(*step->expectations));
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
}

static void read_step(struct reading *reading, const struct document_node *node,
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

static void use_one_device(const struct policy_tests *tests, struct policy_test *test)
{
	free(test->devices);
	test->devices = mem_alloc(sizeof(*test->devices));
	struct device *device = &test->devices[test->device_count++];
	device->number = 1;
	TEXT_COPY(device->name, tests->policy->type);
	TEXT_COPY(device->type, tests->policy->type);
}

static void read_steps(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy_test *test = target;
	if (!read_is_list(reading, list, POLICY_TEST_STEPS_MAX))
		return;
	if (!test->device_count)
		use_one_device(((struct test_reading *)reading->data)->tests, test);
	test->steps = mem_alloc_array(room_for(list), sizeof(*test->steps));
	for (const struct document_node *item = list->first; item; item = item->next)
		read_step(reading, item, test);
}

#define STANDARD_START_US ((int64_t)1767225600 * 1000000) /* 2026-01-01T00:00, a Thursday */

static void read_start(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_test *test = target;
	struct tm time = {0};
	const char *text = read_text(reading, node);
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M", &time) : NULL;
	if (end && !*end)
		test->start_us = (int64_t)timegm(&time) * 1000000;
	else if (text)
		document_complain(reading->document, node, reading->complaints, "2026-01-31T22:00",
				  "'%.40s' is no time", text);
}

/* The devices before the steps that name them. */
static const struct field test_fields[] = {
	{"name", FIELD_TEXT, .required = true, FIELD_AT(struct policy_test, name)},
	{"devices", FIELD_OTHER, .read = read_devices},
	{"start", FIELD_OTHER, .read = read_start},
	{"steps", FIELD_OTHER, .required = true, .read = read_steps},
};

static void read_tests(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy_tests *tests = target;
	struct test_reading *at = reading->data;
	if (!read_is_list(reading, list, POLICY_TESTS_MAX))
		return;
	tests->tests = mem_alloc_array(room_for(list), sizeof(*tests->tests));
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct policy_test *test = &tests->tests[tests->test_count++];
		test->node = item;
		test->start_us = STANDARD_START_US;
		at->test = test;
		(void)fields_read(reading, item, test_fields, ARRAY_SIZE(test_fields), test);
	}
}

/* --- types --- */

/* A file beside the document's. */
static char *beside(const struct document *document, const char *name)
{
	const char *file = document_file(document), *slash = strrchr(file, '/');
	if (*name == '/' || !slash)
		return mem_copy_text(name);
	return mem_printf("%.*s%s", (int)(slash + 1 - file), file, name);
}

static void read_type(struct reading *reading, const struct document_node *node,
		      struct policy_tests *tests)
{
	struct document *document = NULL;
	struct error err = {0};
	const char *name = read_text(reading, node);
	if (!name)
		return;
	cleanup_free char *file = beside(reading->document, name);
	unsigned before = reading->complaints->count;
	if (document_read_file(&document, file, reading->complaints, &err) < 0) {
		if (reading->complaints->count == before)
			document_complain(reading->document, node, reading->complaints,
					  "a file beside this one", "%s", err.text);
		return;
	}
	struct policy *policy = policy_read(document, reading->complaints);
	document_free(document);
	if (policy && policy_tests_find_type(tests, policy->type)) {
		document_complain(reading->document, node, reading->complaints, NULL,
				  "the type '%s' is there before", policy->type);
		policy_free(take(policy));
	}
	if (policy)
		tests->others[tests->other_count++] = policy;
}

static void read_types(struct reading *reading, const struct document_node *list, void *target)
{
	if (!read_is_list(reading, list, POLICY_TEST_TYPES_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next)
		read_type(reading, item, target);
}

static const struct field file_fields[] = {
	{"types", FIELD_OTHER, .read = read_types},
	{"tests", FIELD_OTHER, .required = true, .read = read_tests},
};

int policy_tests_read(struct policy_tests *ret, const struct document *document,
		      const struct policy *policy, struct complaints *complaints)
{
	struct policy_tests tests = {.policy = policy};
	struct test_reading at = {.tests = &tests};
	struct reading reading = {
		.document = document,
		.complaints = complaints,
		.data = &at,
	};
	if (fields_read(&reading, document_root(document), file_fields, ARRAY_SIZE(file_fields),
			&tests)) {
		*ret = tests;
		return 0;
	}
	policy_tests_done(&tests);
	return -EINVAL;
}

static void test_done(struct policy_test *test)
{
	for (unsigned i = 0; i < test->step_count; i++) {
		free(test->steps[i].readings);
		free(test->steps[i].expectations);
	}
	free(test->steps);
	free(test->devices);
}

void policy_tests_done(struct policy_tests *tests)
{
	for (unsigned i = 0; i < tests->test_count; i++)
		test_done(&tests->tests[i]);
	free(tests->tests);
	for (unsigned i = 0; i < tests->other_count; i++)
		policy_free(tests->others[i]);
	*tests = (struct policy_tests){0};
}
