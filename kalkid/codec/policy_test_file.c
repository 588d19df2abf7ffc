/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_test_file.c - see policy_test_file.h. */
#include "codec/policy_test_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

const struct policy *policy_tests_find_type(const struct policy_tests *tests, const char *type)
{
	if (text_equal(tests->policy->type, type))
		return tests->policy;
	for (unsigned i = 0; i < tests->other_count; i++)
		if (text_equal(tests->others[i]->type, type))
			return tests->others[i];
	return NULL;
}

unsigned policy_test_room(const struct document_node *list)
{
	unsigned count = 0;
	for (const struct document_node *item = list->first; item; item = item->next)
		count++;
	return max_of(count, 1u);
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
	test->devices = mem_alloc_array(policy_test_room(list), sizeof(*test->devices));
	for (const struct document_node *item = list->first; item; item = item->next)
		read_device(reading, item, test);
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
	test->steps = mem_alloc_array(policy_test_room(list), sizeof(*test->steps));
	for (const struct document_node *item = list->first; item; item = item->next)
		policy_test_read_step(reading, item, test);
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

static bool expects_something(const struct policy_test *test)
{
	for (unsigned i = 0; i < test->step_count; i++)
		if (test->steps[i].expectation_count)
			return true;
	return false;
}

static void read_tests(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy_tests *tests = target;
	struct test_reading *at = reading->data;
	if (!read_is_list(reading, list, POLICY_TESTS_MAX))
		return;
	tests->tests = mem_alloc_array(policy_test_room(list), sizeof(*tests->tests));
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct policy_test *test = &tests->tests[tests->test_count++];
		test->node = item;
		test->start_us = STANDARD_START_US;
		at->test = test;
		if (fields_read(reading, item, test_fields, ARRAY_SIZE(test_fields), test) &&
		    !expects_something(test))
			document_complain(reading->document, item, reading->complaints,
					  "a step with expect: {state: ...}",
					  "the test expects nothing");
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
