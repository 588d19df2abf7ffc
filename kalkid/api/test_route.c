/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_route.c - targets, the route table, and that it and openapi.yaml say the same; times,
 * ETags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/openapi.h"
#include "api/route.h"
#include "api/test_schema.h"
#include "base/mem.h"

static int parse(struct target *target, const char *text)
{
	return target_parse(target, text, NULL);
}

static void a_target_is_taken_apart(void **state maybe_unused)
{
	struct target target;
	assert_int_equal(parse(&target, "/api/v1/a%2Fb/?x=1%2b1&y=a+b&&z"), 0);
	assert_int_equal(target.segment_count, 4);
	assert_string_equal(target.segments[2], "a/b");
	assert_string_equal(target.segments[3], "");
	assert_string_equal(target_query(&target, "x"), "1+1");
	assert_string_equal(target_query(&target, "y"), "a b");
	assert_string_equal(target_query(&target, "z"), "");
	assert_null(target_query(&target, "w"));
	assert_int_equal(parse(&target, "/"), 0);
	assert_int_equal(target.segment_count, 1);
	assert_int_equal(target.query_count, 0);
}

static void a_bad_target_is_refused_with_words(void **state maybe_unused)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "does not begin with '/'"},
		{"http://h/", "does not begin with '/'"},
		{"*", "does not begin with '/'"},
		{"/a%", "without two hex digits"},
		{"/a%4", "without two hex digits"},
		{"/a%zz", "without two hex digits"},
		{"/a%00b", "a zero byte"},
		{"/a%0ab", "control characters"},
		{"/a%ff", "no UTF-8"},
		{"/a?b=%e2%82", "no UTF-8"},
		{"/a?b=1&b=2", "parameter 'b' stands there twice"},
		{"/1/2/3/4/5/6/7/8/9", "more than 8 parts"},
		{"/a?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", "more than 16 parameters"},
	};
	struct target target;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {0};
		assert_int_equal(target_parse(&target, bad[i].text, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i].words));
	}
	char text[TARGET_BYTES_MAX + 2];
	memset(text, '/', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct error err = {0};
	assert_int_equal(target_parse(&target, text, &err), -EINVAL);
	assert_string_equal(err.text, "the address is longer than 2048 bytes");
}

static void routes_are_found(void **state maybe_unused)
{
	struct target target;
	const struct route *route = NULL;
	const char *argument = "";
	char allow[ALLOW_BYTES];
	assert_int_equal(parse(&target, "/api/v1/devices/cam1/chain"), 0);
	assert_int_equal(route_find(&route, &argument, allow, "HEAD", &target), ROUTE_FOUND);
	assert_string_equal(route->pattern, "/api/v1/devices/{name}/chain");
	assert_string_equal(argument, "cam1");
	assert_int_equal(route_find(&route, &argument, allow, "POST", &target), ROUTE_WRONG_METHOD);
	assert_string_equal(allow, "OPTIONS, GET, HEAD");
	assert_int_equal(parse(&target, "/api/v1/devices/cam1"), 0);
	assert_int_equal(route_find(&route, &argument, allow, "PATCH", &target),
			 ROUTE_WRONG_METHOD);
	assert_string_equal(allow, "OPTIONS, GET, HEAD, PUT, DELETE");
	static const char *const unknown[] = {"/",
					      "/api/v1",
					      "/api/v1/devices/",
					      "/api/v1/device",
					      "/api/v1/devices/cam1/chain/x",
					      "/metrics/"};
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(parse(&target, unknown[i]), 0);
		assert_int_equal(route_find(&route, &argument, allow, "GET", &target),
				 ROUTE_UNKNOWN);
	}
}

static void a_wrong_path_gets_the_nearest(void **state maybe_unused)
{
	static const struct {
		const char *asked, *meant;
	} cases[] = {
		{"/api/v1/device", "/api/v1/devices"},
		{"/api/v1/devices/cam1/chian", "/api/v1/devices/cam1/chain"},
		{"/api/v1/devices/cam1/", "/api/v1/devices/cam1"},
		{"/devices", "/api/v1/devices"},
		{"/api/v2/status", "/api/v1/status"},
		{"/metric", "/metrics"},
		{"/api/v1/metrics", "/metrics"},
		{"/api/v1/nothing-of-the-kind", ""},
		{"/api/v1", ""},
	};
	struct target target;
	char path[SUGGESTION_BYTES];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(&target, cases[i].asked), 0);
		route_suggest(path, &target);
		assert_string_equal(path, cases[i].meant);
	}
}

/* --- the description and the table --- */

static json_t *description(void)
{
	json_t *json = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

static const struct route *find_route(const char *path, const char *method)
{
	for (size_t i = 0; i < route_count; i++)
		if (strcmp(routes[i].pattern, path) == 0 &&
		    strcasecmp(routes[i].method, method) == 0)
			return &routes[i];
	return NULL;
}

/* The names of an operation's query parameters, in their order. */
static void print_parameters(struct buffer *text, json_t *root, json_t *operation)
{
	json_t *parameter;
	size_t i;
	buffer_print(text, "%s", "");
	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		parameter = schema_resolve(root, parameter);
		if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") == 0)
			buffer_print(text, "%s%s", text->length ? " " : "",
				     json_string_value(json_object_get(parameter, "name")));
	}
}

static void every_described_operation_is_served(void **state maybe_unused)
{
	json_t *root = description(), *item, *operation;
	const char *path, *method;
	size_t count = 0;
	json_object_foreach(json_object_get(root, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			if (strcmp(method, "parameters") == 0)
				continue;
			const struct route *route = find_route(path, method);
			assert_non_null(route);
			cleanup_buffer struct buffer parameters = {0};
			print_parameters(&parameters, root, operation);
			assert_string_equal(route->parameters, parameters.bytes);
			assert_string_equal(route->summary, json_string_value(json_object_get(
								    operation, "summary")));
			count++;
		}
	}
	assert_int_equal(count, route_count);
	json_decref(root);
}

static void every_route_is_described(void **state maybe_unused)
{
	json_t *root = description(), *paths = json_object_get(root, "paths");
	for (size_t i = 0; i < route_count; i++) {
		char method[16];
		TEXT_COPY(method, routes[i].method);
		for (char *at = method; *at; at++)
			*at |= 0x20;
		json_t *item = json_object_get(paths, routes[i].pattern);
		assert_non_null(json_object_get(item, method));
	}
	json_decref(root);
}

/* --- numbers and ETags --- */

static void numbers_are_read(void **state maybe_unused)
{
	uint64_t number = 5;
	assert_int_equal(number_parse(&number, "18446744073709551615"), 0);
	assert_true(number == UINT64_MAX);
	static const char *const bad[] = {
		"", " 1", "-1", "+1", "1x", "0x10", "18446744073709551616"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(number_parse(&number, bad[i]), -EINVAL);
}

static void etags_match_by_version(void **state maybe_unused)
{
	assert_true(etag_matches("*", "abc"));
	assert_true(etag_matches(" W/\"abc.123\"", "abc"));
	assert_true(etag_matches("\"x.1\", W/\"abc.9\"", "abc"));
	assert_false(etag_matches("W/\"abcd.123\"", "abc"));
	assert_false(etag_matches("W/\"123.abc\"", "abc"));
	assert_false(etag_matches("\"x.1\", \"abc", "abc"));
	assert_false(etag_matches("\"", "abc"));
	assert_false(etag_matches("", "abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_taken_apart),
		cmocka_unit_test(a_bad_target_is_refused_with_words),
		cmocka_unit_test(routes_are_found),
		cmocka_unit_test(a_wrong_path_gets_the_nearest),
		cmocka_unit_test(every_described_operation_is_served),
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(etags_match_by_version),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
