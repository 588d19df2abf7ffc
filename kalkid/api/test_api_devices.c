/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_api_devices.c - devices: what is told of them, and every order about one, over the
 * socket; answers fit openapi.yaml. */
#include "api/test_fixture.h"

#include <stdlib.h>

static const char camera[] = "{\"name\": \"cam3\", \"type\": \"camera\", \"port\": \"eth1\","
			     " \"mac\": \"02:00:00:00:00:03\", \"ips\": [\"192.0.2.3\"]}";

static void devices_are_listed_by_pages(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices");
	assert_int_equal(json_array_size(at(fixture, "items")), 2);
	assert_true(json_is_null(at(fixture, "next")));
	assert_string_equal(text_at(fixture, "items.0.definition.mac"), "02:00:00:00:00:01");
	assert_string_equal(text_at(fixture, "items.0.definition.ips.0"), "192.0.2.1");
	get(fixture, "/api/v1/devices?limit=1");
	assert_string_equal(text_at(fixture, "items.0.name"), "cam1");
	assert_string_equal(text_at(fixture, "next"), "cam1");
	get(fixture, "/api/v1/devices?limit=1&cursor=cam1");
	assert_string_equal(text_at(fixture, "items.0.name"), "cam2");
	get(fixture, "/api/v1/devices?limit=1&cursor=cam2");
	assert_int_equal(json_array_size(at(fixture, "items")), 0);
	assert_true(json_is_null(at(fixture, "next")));
}

static void a_device_is_told_whole(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1");
	assert_true(json_is_null(at(fixture, "file")));
	assert_true(json_is_null(at(fixture, "manual_until")));
	assert_true(json_is_null(at(fixture, "last_alert")));
	get(fixture, "/api/v1/devices/cam2");
	assert_string_equal(text_at(fixture, "file"), "devices.d/cam2.yaml");
	assert_string_equal(text_at(fixture, "manual_until"), "2026-01-31T12:01:00.000001Z");
	assert_string_equal(text_at(fixture, "last_alert.type"), "brute-force");
	assert_string_equal(text_at(fixture, "goal"), "degraded");
	assert_string_equal(text_at(fixture, "trouble"), "image ? is not there");
	ask_problem(fixture, "GET", "/api/v1/devices/cam9", NULL, 404, "not_found",
		    "no device is named 'cam9'");
}

static void a_device_is_enrolled(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "POST", "/api/v1/devices", NULL, camera);
	assert_int_equal(fixture->reply.status, 201);
	assert_string_equal(header(fixture, "Location"), "/api/v1/devices/cam3");
	expect_order(fixture, "add cam3 eth1 because -");
	ask(fixture, "POST", "/api/v1/devices?dry_run=true", NULL, camera);
	assert_int_equal(fixture->reply.status, 200);
	assert_true(json_is_true(at(fixture, "dry_run")));
	assert_null(header(fixture, "Location"));
	expect_order(fixture, "add cam3 eth1 because - dry");
}

static void a_bad_device_gets_every_complaint(void **state)
{
	struct fixture *fixture = *state;
	ask_problem(fixture, "POST", "/api/v1/devices",
		    "{\"name\": \"cam3\",\n \"mac\": \"02:00\", \"colour\": 1}", 422, "invalid",
		    "");
	assert_true(json_array_size(at(fixture, "errors")) >= 3);
	bool seen = false;
	json_t *complaint;
	size_t i;
	json_array_foreach(at(fixture, "errors"), i, complaint)
	{
		assert_true(json_integer_value(json_object_get(complaint, "line")) > 0);
		assert_true(json_integer_value(json_object_get(complaint, "column")) > 0);
		const char *detail = json_string_value(json_object_get(complaint, "detail"));
		if (strstr(detail, "mac"))
			seen |= json_integer_value(json_object_get(complaint, "line")) == 2;
	}
	assert_true(seen);
	assert_string_equal(fixture->engine->order, "");
}

static void a_device_is_changed(void **state)
{
	struct fixture *fixture = *state;
	static const char body[] = "{\"name\": \"cam1\", \"type\": \"camera\", \"port\": \"eth2\","
				   " \"mac\": \"02:00:00:00:00:01\"}";
	ask(fixture, "PUT", "/api/v1/devices/cam1", NULL, body);
	assert_int_equal(fixture->reply.status, 202);
	assert_int_equal(number_at(fixture, "generation"), 7);
	expect_order(fixture, "change cam1 eth2 because -");
	ask(fixture, "PUT", "/api/v1/devices/cam1?dry_run=true", NULL, body);
	assert_int_equal(fixture->reply.status, 200);
	expect_order(fixture, "change cam1 eth2 because - dry");
	ask_problem(fixture, "PUT", "/api/v1/devices/cam2", body, 422, "invalid",
		    "the body is about 'cam1', the path about 'cam2'");
	ask_problem(fixture, "PUT", "/api/v1/devices/cam3", camera, 404, "not_found",
		    "no device is named 'cam3'");
}

static void a_device_is_removed(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "DELETE", "/api/v1/devices/cam1", NULL, NULL);
	assert_int_equal(fixture->reply.status, 202);
	expect_order(fixture, "remove cam1 - because -");
	ask_problem(fixture, "DELETE", "/api/v1/devices/cam9", NULL, 404, "not_found",
		    "no device is named 'cam9'");
}

static void if_match_is_about_the_definition(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1");
	char *match = mem_printf("If-Match: %s\r\n", header(fixture, "ETag"));
	/* An alert in between changes the ETag, not the definition. */
	fixture->engine->devices[0].alerts++;
	ask(fixture, "DELETE", "/api/v1/devices/cam1?dry_run=true", match, NULL);
	assert_int_equal(fixture->reply.status, 200);
	fixture->engine->devices[0].device.multicast = true;
	ask(fixture, "DELETE", "/api/v1/devices/cam1", match, NULL);
	assert_int_equal(fixture->reply.status, 412);
	assert_string_equal(text_at(fixture, "code"), "changed");
	assert_string_equal(text_at(fixture, "detail"), "device 'cam1' was changed meanwhile");
	ask(fixture, "DELETE", "/api/v1/devices/cam9", "If-Match: *\r\n", NULL);
	assert_int_equal(fixture->reply.status, 404);
	ask(fixture, "DELETE", "/api/v1/devices/cam1", "If-Match: *\r\n", NULL);
	assert_int_equal(fixture->reply.status, 202);
	free(match);
}

static void what_is_known_is_not_sent_again(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1");
	char *none = mem_printf("If-None-Match: \"x\", %s\r\n", header(fixture, "ETag"));
	ask(fixture, "GET", "/api/v1/devices/cam1", none, NULL);
	assert_int_equal(fixture->reply.status, 304);
	assert_non_null(header(fixture, "ETag"));
	fixture->engine->devices[0].alerts++;
	ask(fixture, "GET", "/api/v1/devices/cam1", none, NULL);
	assert_int_equal(fixture->reply.status, 200);
	free(none);
}

static void the_state_is_set(void **state)
{
	struct fixture *fixture = *state;
	static const char path[] = "/api/v1/devices/cam1/state";
	ask(fixture, "POST", path, NULL,
	    "{\"state\": \"Attack\", \"for\": \"1h30m\", \"reason\": \"a drill\"}");
	assert_int_equal(fixture->reply.status, 202);
	expect_order(fixture, "set cam1 Attack for 5400000000 because a drill");
	assert_true(json_is_false(at(fixture, "quarantined")));
	fixture->engine->devices[0].quarantined = true;
	ask(fixture, "POST", "/api/v1/devices/cam1/state?dry_run=true", NULL,
	    "{\"state\": \"Attack\"}");
	assert_int_equal(fixture->reply.status, 200);
	expect_order(fixture, "set cam1 Attack for 0 because - dry");
	assert_true(json_is_true(at(fixture, "quarantined")));
	ask_problem(fixture, "POST", path, "{\"state\": \"Attack\", \"for\": \"soon\"}", 422,
		    "invalid", "for: 'soon' is no time");
	ask_problem(fixture, "POST", path, "{\"state\": \"Attack\", \"for\": \"0\"}", 422,
		    "invalid", "for: '0' is no time");
	ask_problem(fixture, "POST", path, "{\"for\": \"1h\"}", 422, "invalid",
		    "1 thing is wrong in the body");
	assert_non_null(strstr(text_at(fixture, "errors.0.detail"), "'state' is missing"));
	ask_problem(fixture, "POST", path, "{\"state\": 1, \"raeson\": \"x\"}", 422, "invalid",
		    "2 things are wrong in the body");
	assert_non_null(strstr(text_at(fixture, "errors.0.detail"), "is no text"));
	assert_int_equal(number_at(fixture, "errors.0.column"), 11);
	assert_non_null(strstr(text_at(fixture, "errors.1.detail"), "no such field"));
	assert_non_null(strstr(text_at(fixture, "errors.1.detail"), "'reason'?"));
	ask_problem(fixture, "POST", path, "[]", 422, "invalid", "1 thing is wrong");
	assert_non_null(strstr(text_at(fixture, "errors.0.detail"), "is no object"));
	ask_problem(fixture, "POST", path, "", 400, "bad_json", "there is no body");
	ask_problem(fixture, "POST", "/api/v1/devices/cam9/state", "{\"state\": \"Attack\"}", 404,
		    "not_found", "no device is named 'cam9'");
}

static void a_command_is_sent(void **state)
{
	struct fixture *fixture = *state;
	static const char path[] = "/api/v1/devices/cam1/command";
	ask(fixture, "POST", path, NULL, "{\"command\": \"reboot\", \"reason\": \"stuck\"}");
	assert_int_equal(fixture->reply.status, 202);
	expect_order(fixture, "command cam1 reboot because stuck");
	ask(fixture, "POST", "/api/v1/devices/cam1/command?dry_run=true", NULL,
	    "{\"command\": \"reboot\"}");
	assert_int_equal(fixture->reply.status, 200);
	expect_order(fixture, "command cam1 reboot because - dry");
	ask_problem(fixture, "POST", path, "{}", 422, "invalid", "1 thing is wrong in the body");
}

static void quarantine_and_release_take_a_reason_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "POST", "/api/v1/devices/cam1/quarantine", NULL, "{\"reason\": \"odd\"}");
	assert_int_equal(fixture->reply.status, 202);
	expect_order(fixture, "quarantine cam1 - because odd");
	ask(fixture, "POST", "/api/v1/devices/cam1/release?dry_run=true", NULL, NULL);
	assert_int_equal(fixture->reply.status, 200);
	expect_order(fixture, "release cam1 - because - dry");
	char *long_reason = mem_alloc(REASON_BYTES + 32), *body;
	memset(long_reason, 'r', REASON_BYTES);
	body = mem_printf("{\"reason\": \"%s\"}", long_reason);
	ask_problem(fixture, "POST", "/api/v1/devices/cam1/release", body, 422, "invalid",
		    "1 thing is wrong");
	assert_non_null(strstr(text_at(fixture, "errors.0.detail"), "longer than 255 bytes"));
	free(body);
	free(long_reason);
	ask(fixture, "POST", "/api/v1/devices/cam1/shadow", NULL, "{\"reason\": \"new policy\"}");
	expect_order(fixture, "shadow cam1 - because new policy");
	ask(fixture, "POST", "/api/v1/devices/cam1/enforce", NULL, NULL);
	expect_order(fixture, "enforce cam1 - because -");
	ask(fixture, "POST", "/api/v1/reload?dry_run=true", NULL, NULL);
	assert_true(json_is_true(at(fixture, "dry_run")));
	ask(fixture, "POST", "/api/v1/reload", NULL, "{\"reason\": \"new types\"}");
	expect_order(fixture, "reload cam1 - because new types");
	assert_int_equal(json_array_size(at(fixture, "changes")), 1);
	ask_problem(fixture, "POST", "/api/v1/devices/cam9/quarantine", NULL, 404, "not_found",
		    "no device is named 'cam9'");
}

static void the_engines_errors_become_problems(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int code;
		unsigned status;
		const char *name;
	} cases[] = {
		{-ENOENT, 404, "not_found"},      {-EEXIST, 409, "conflict"},
		{-EBUSY, 409, "conflict"},        {-EINVAL, 422, "invalid"},
		{-EPERM, 409, "defined_by_file"}, {-ETIMEDOUT, 503, "unavailable"},
		{-EIO, 500, "internal"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fixture->engine->fails = cases[i].code;
		ask_problem(fixture, "DELETE", "/api/v1/devices/cam1", NULL, cases[i].status,
			    cases[i].name, "remove 'cam1' was refused");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(devices_are_listed_by_pages),
		TEST(a_device_is_told_whole),
		TEST(a_device_is_enrolled),
		TEST(a_bad_device_gets_every_complaint),
		TEST(a_device_is_changed),
		TEST(a_device_is_removed),
		TEST(if_match_is_about_the_definition),
		TEST(what_is_known_is_not_sent_again),
		TEST(the_state_is_set),
		TEST(a_command_is_sent),
		TEST(quarantine_and_release_take_a_reason_or_nothing),
		TEST(the_engines_errors_become_problems),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
