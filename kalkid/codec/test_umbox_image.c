/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_umbox_image.c - the labels of images, and parameters against their schema. */
#include "codec/umbox_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/mem.h"

#define ID "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* An image's answer with these labels, as the inside of a JSON object. */
static int read_labels(struct umbox_image *ret, const char *labels, struct error *err)
{
	cleanup_free char *text = mem_printf("{\"Id\":\"" ID "\",\"RepoDigests\":[],"
					     "\"Config\":{\"Labels\":{%s}}}",
					     labels);
	return umbox_image_read(ret, text, strlen(text), err);
}

static void defaults(void **state maybe_unused)
{
	struct umbox_image image;
	assert_int_equal(read_labels(&image, "\"umbox.contract\":\"1\"", NULL), 0);
	assert_string_equal(image.id, ID);
	assert_int_equal(image.memory_bytes, 64 << 20);
	assert_int_equal(image.pids, 32);
	assert_int_equal(image.cpu_shares, 1024);
	assert_string_equal(image.doubt, "");
	assert_false(image.plain_frames || image.ready_wired || image.resets);
	assert_int_equal(image.forwards, UMBOX_FORWARDS_ALL);
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		assert_false(image.capable[i]);
	assert_int_equal(umbox_image_check_parameters(&image, "{}", NULL), 0);
	umbox_image_done(&image);
}

static void all_labels(void **state maybe_unused)
{
	struct umbox_image image;
	assert_int_equal(
		read_labels(
			&image,
			"\"umbox.contract\":\"1\",\"umbox.mode\":\"inline\","
			"\"umbox.capabilities\":\"NET_RAW, NET_ADMIN\","
			"\"umbox.memory\":\"16m\",\"umbox.pids\":\"4\",\"umbox.cpus\":\"0.5\","
			"\"umbox.offload\":\"off\",\"umbox.ready\":\"wired\","
			"\"umbox.midstream\":\"reset\",\"umbox.direct\":\"yes\",\"umbox.forwards\":\"some\",\"other\":\"x\"",
			NULL),
		0);
	assert_true(image.capable[CAPABILITY_NET_RAW] && image.capable[CAPABILITY_NET_ADMIN]);
	assert_false(image.capable[CAPABILITY_NET_BIND_SERVICE]);
	assert_int_equal(image.memory_bytes, 16 << 20);
	assert_int_equal(image.pids, 4);
	assert_int_equal(image.cpu_shares, 512);
	assert_string_equal(image.doubt, "");
	assert_true(image.plain_frames && image.ready_wired && image.resets);
	assert_int_equal(image.forwards, UMBOX_FORWARDS_SOME);
	umbox_image_done(&image);
}

static void the_older_contract_has_its_own_defaults(void **state maybe_unused)
{
	struct umbox_image image;
	const char *plain = "\"umbox.contract\":\"1\",\"umbox.mode\":\"legacy\"";
	assert_int_equal(read_labels(&image, plain, NULL), 0);
	assert_true(image.legacy && image.plain_frames && !image.ready_wired);
	assert_true(image.capable[CAPABILITY_NET_RAW] && !image.capable[CAPABILITY_NET_ADMIN]);
	umbox_image_done(&image);
	assert_int_equal(read_labels(&image,
				     "\"umbox.contract\":\"1\",\"umbox.mode\":\"legacy\","
				     "\"umbox.offload\":\"keep\",\"umbox.capabilities\":\"\"",
				     NULL),
			 0);
	assert_false(image.plain_frames || image.capable[CAPABILITY_NET_RAW]);
	umbox_image_done(&image);
}

static void wrong_labels_are_named(void **state maybe_unused)
{
	static const struct {
		const char *labels, *words;
	} cases[] = {
		{"", "no label umbox.contract"},
		{"\"umbox.contract\":\"2\"", "umbox.contract is '2'"},
		{"\"umbox.contract\":\"1\",\"umbox.mode\":\"tap\"", "umbox.mode is 'tap'"},
		{"\"umbox.contract\":\"1\",\"umbox.capabilities\":\"NET_RAW,SYS_ADMIN\"",
		 "umbox.capabilities is 'SYS_ADMIN'"},
		{"\"umbox.contract\":\"1\",\"umbox.memory\":\"lots\"", "umbox.memory"},
		{"\"umbox.contract\":\"1\",\"umbox.memory\":\"1m\"", "umbox.memory"},
		{"\"umbox.contract\":\"1\",\"umbox.memory\":\"99999999999999999999\"",
		 "umbox.memory"},
		{"\"umbox.contract\":\"1\",\"umbox.memory\":\"64mb\"", "umbox.memory"},
		{"\"umbox.contract\":\"1\",\"umbox.pids\":\"0\"", "umbox.pids"},
		{"\"umbox.contract\":\"1\",\"umbox.pids\":\"-1\"", "umbox.pids"},
		{"\"umbox.contract\":\"1\",\"umbox.cpus\":\"0\"", "umbox.cpus"},
		{"\"umbox.contract\":\"1\",\"umbox.cpus\":\"17\"", "umbox.cpus"},
		{"\"umbox.contract\":\"1\",\"umbox.cpus\":\"1e1\"", "umbox.cpus"},
		{"\"umbox.contract\":\"1\",\"umbox.cpus\":\"0x2\"", "umbox.cpus"},
		{"\"umbox.contract\":\"1\",\"umbox.cpus\":\"\"", "umbox.cpus"},
		{"\"umbox.contact\":\"1\"", "is umbox.contract meant?"},
		{"\"umbox.contract\":\"1\",\"umbox.offload\":\"on\"", "umbox.offload"},
		{"\"umbox.contract\":\"1\",\"umbox.ready\":\"soon\"", "umbox.ready"},
		{"\"umbox.contract\":\"1\",\"umbox.midstream\":\"x\"", "umbox.midstream"},
		{"\"umbox.contract\":\"1\",\"umbox.forwards\":\"most\"", "umbox.forwards"},
		{"\"umbox.contract\":\"1\",\"umbox.direct\":\"maybe\"", "umbox.direct"},
		{"\"umbox.contract\":\"1\",\"umbox.parameters\":\"{\"", "not JSON"},
		{"\"umbox.contract\":\"1\",\"umbox.parameters\":\"{\\\"pattern\\\":\\\"a\\\"}\"",
		 "keyword 'pattern'"},
		{"\"umbox.contract\":\"1\",\"umbox.parameters\":\"{\\\"type\\\":\\\"float\\\"}\"",
		 "'type' is not one of"},
		{"\"umbox.contract\":\"1\",\"umbox.parameters\":"
		 "\"{\\\"items\\\":{\\\"maxItems\\\":-1}}\"",
		 "'maxItems' is not a count"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct umbox_image image;
		struct error err = {0};
		assert_int_equal(read_labels(&image, cases[i].labels, &err), -EINVAL);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%s: '%s' does not say '%s'", cases[i].labels, err.text,
				 cases[i].words);
	}
}

/* It means nothing, and the image is one all the same. */
static void misspelt_labels_are_doubtful(void **state maybe_unused)
{
	static const struct {
		const char *label, *doubt;
	} cases[] = {
		{"umbox.capabilites",
		 "image label umbox.capabilites means nothing (is umbox.capabilities meant?)"},
		{"umbox.Memory", "image label umbox.Memory means nothing (is umbox.memory meant?)"},
		{"umbox.xyzzyx", ""},
		{"umbox.", ""},
		{"org.umbox.memroy", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct umbox_image image;
		cleanup_free char *labels = mem_printf("\"umbox.contract\":\"1\",\"%s\":\"16m\"",
						       cases[i].label);
		assert_int_equal(read_labels(&image, labels, NULL), 0);
		assert_string_equal(image.doubt, cases[i].doubt);
		umbox_image_done(&image);
	}
}

static void an_answer_that_is_none(void **state maybe_unused)
{
	struct umbox_image image;
	assert_int_equal(umbox_image_read(&image, "[]", 2, NULL), -EPROTO);
	assert_int_equal(umbox_image_read(&image, NULL, 0, NULL), -EPROTO);
}

static void parameters_follow_the_schema(void **state maybe_unused)
{
	static const struct {
		const char *parameters, *words; /* NULL: fine */
	} cases[] = {
		{"{\"attempts\":5}", NULL},
		{"{\"attempts\":5,\"ports\":[22,80],\"mode\":\"block\",\"name\":\"ab\",\"rate\":0.5}",
		 NULL},
		{"{}", "'attempts' is missing"},
		{"{\"attempts\":\"5\"}", "parameters.attempts: is not of type integer"},
		{"{\"attempts\":5.5}", "is not of type integer"},
		{"{\"attempts\":0}", "parameters.attempts: it must be from 1 to 1000"},
		{"{\"attempts\":5,\"rate\":-1}", "it must be at least 0"},
		{"{\"attempts\":5,\"more\":1}", "'more' is not known"},
		{"{\"attempts\":5,\"ports\":[22,70000]}", "parameters.ports[1]: it must be from"},
		{"{\"attempts\":5,\"ports\":[1,2,3]}", "number of items must be at most 2"},
		{"{\"attempts\":5,\"mode\":\"maybe\"}", "must be one of [\"block\",\"tell\"]"},
		{"{\"attempts\":5,\"name\":\"abcd\"}", "its length must be from 1 to 3"},
		{"[]", "not a JSON object"},
	};
	struct umbox_image image;
	assert_int_equal(
		read_labels(
			&image,
			"\"umbox.contract\":\"1\",\"umbox.parameters\":"
			"\"{\\\"type\\\":\\\"object\\\",\\\"required\\\":[\\\"attempts\\\"],"
			"\\\"additionalProperties\\\":false,\\\"properties\\\":{"
			"\\\"attempts\\\":{\\\"type\\\":\\\"integer\\\",\\\"minimum\\\":1,"
			"\\\"maximum\\\":1000,\\\"description\\\":\\\"d\\\"},"
			"\\\"rate\\\":{\\\"type\\\":\\\"number\\\",\\\"minimum\\\":0},"
			"\\\"ports\\\":{\\\"type\\\":\\\"array\\\",\\\"maxItems\\\":2,\\\"items\\\":"
			"{\\\"type\\\":\\\"integer\\\",\\\"minimum\\\":1,\\\"maximum\\\":65535}},"
			"\\\"mode\\\":{\\\"enum\\\":[\\\"block\\\",\\\"tell\\\"]},"
			"\\\"name\\\":{\\\"type\\\":\\\"string\\\",\\\"minLength\\\":1,"
			"\\\"maxLength\\\":3}}}\"",
			NULL),
		0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		int result = umbox_image_check_parameters(&image, cases[i].parameters, &err);
		assert_int_equal(result, cases[i].words ? -EINVAL : 0);
		if (cases[i].words && !strstr(err.text, cases[i].words))
			fail_msg("%s: '%s' does not say '%s'", cases[i].parameters, err.text,
				 cases[i].words);
	}
	umbox_image_done(&image);
}

static void without_a_schema_nothing_is_taken(void **state maybe_unused)
{
	struct umbox_image image;
	struct error err = {0};
	assert_int_equal(read_labels(&image, "\"umbox.contract\":\"1\"", NULL), 0);
	assert_int_equal(umbox_image_check_parameters(&image, "{\"a\":1}", &err), -EINVAL);
	assert_string_equal(err.text, "parameters: the image takes none");
	umbox_image_done(&image);
}

static void a_umbox_is_told_who_is_who(void **state maybe_unused)
{
	const struct hop hop = {.name = "a", .parameters = (char[]){"{\"x\":1}"}};
	const struct device_identity device = {.name = "cam1",
					       .mac = {{2, 0, 0, 0, 0, 1}},
					       .ips = {{4, {10, 0, 0, 2}}},
					       .ip_count = 1};
	const struct host_identity host = {.ips = {{4, {10, 0, 0, 1}}, {6, {0xfd, [15] = 1}}},
					   .ip_count = 2};
	cleanup_free char *text = umbox_description(5, 2, &hop, &device, &host);
	assert_string_equal(
		text, "{\"contract\":1,\"umbox\":5,\"hop\":\"a\",\"generation\":2,\"device\":{"
		      "\"name\":\"cam1\",\"mac\":\"02:00:00:00:00:01\",\"ips\":[\"10.0.0.2\"]},"
		      "\"host_addresses\":[\"10.0.0.1\",\"fd00::1\"],\"parameters\":{\"x\":1}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_labels),
		cmocka_unit_test(the_older_contract_has_its_own_defaults),
		cmocka_unit_test(wrong_labels_are_named),
		cmocka_unit_test(misspelt_labels_are_doubtful),
		cmocka_unit_test(an_answer_that_is_none),
		cmocka_unit_test(parameters_follow_the_schema),
		cmocka_unit_test(without_a_schema_nothing_is_taken),
		cmocka_unit_test(a_umbox_is_told_who_is_who),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
