/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_api_chains.c - chains, umboxes, captures and telemetry, over the socket; answers fit
 * openapi.yaml. */
#include "api/test_fixture.h"

static void chains_and_plans_are_told(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1/chain");
	assert_int_equal(number_at(fixture, "hops.0.umbox"), 26);
	assert_string_equal(text_at(fixture, "hops.0.legs.in"), "u1ai");
	assert_int_equal(number_at(fixture, "hops.0.counters.out.dropped"), 2);
	assert_int_equal(number_at(fixture, "hops.0.counters.inside.overrun"), 9);
	assert_int_equal(number_at(fixture, "hops.0.counters.inside.own.rules_age_days"), 12);
	assert_true(json_is_null(at(fixture, "hops.1.umbox")));
	assert_true(json_is_null(at(fixture, "hops.1.counters")));
	assert_string_equal(text_at(fixture, "hops.1.role"), "coming");
	get(fixture, "/api/v1/chains?limit=1");
	assert_string_equal(text_at(fixture, "items.0.device"), "cam1");
	assert_string_equal(text_at(fixture, "next"), "cam1");
	get(fixture, "/api/v1/chains?limit=5&cursor=cam1");
	assert_string_equal(text_at(fixture, "items.0.device"), "cam2");
	assert_true(json_is_null(at(fixture, "next")));
	get(fixture, "/api/v1/devices/cam1/plan");
	assert_string_equal(text_at(fixture, "steps.0.hop"), "watch");
	assert_int_equal(number_at(fixture, "steps.1.path.1"), 27);
	assert_true(json_is_true(at(fixture, "steps.2.cut")));
	ask_problem(fixture, "GET", "/api/v1/devices/cam9/chain", NULL, 404, "not_found",
		    "no device is named 'cam9'");
	ask_problem(fixture, "GET", "/api/v1/devices/cam9/plan", NULL, 404, "not_found",
		    "no device is named 'cam9'");
}

static void reasons_are_told(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1/why");
	assert_string_equal(text_at(fixture, "state"), "Normal");
	assert_int_equal(number_at(fixture, "in_state_us"), 60000000);
	assert_string_equal(text_at(fixture, "rules.0.name"), "brute-force");
	assert_true(json_is_true(at(fixture, "rules.0.applies")));
	assert_string_equal(text_at(fixture, "rules.0.to"), "Attack");
	assert_string_equal(text_at(fixture, "rules.0.truth"), "false");
	assert_int_equal(number_at(fixture, "rules.0.held_back_us"), 0);
	assert_string_equal(text_at(fixture, "rules.0.words"),
			    "rule 'brute-force': alert(\"brute-force\", within: 10m) is false");
	assert_string_equal(text_at(fixture, "rules.0.parts.0.text"),
			    "alert(\"brute-force\", within: 10m)");
	assert_true(json_is_true(at(fixture, "rules.0.parts.0.decisive")));
	ask_problem(fixture, "GET", "/api/v1/devices/cam9/why", NULL, 404, "not_found",
		    "no device is named 'cam9'");
}

static void umboxes_are_told(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/umboxes");
	assert_int_equal(json_array_size(at(fixture, "items")), 1);
	assert_string_equal(text_at(fixture, "items.0.device"), "cam1");
	get(fixture, "/api/v1/umboxes?limit=1");
	assert_string_equal(text_at(fixture, "next"), "cam1");
	get(fixture, "/api/v1/umboxes/26");
	assert_string_equal(text_at(fixture, "image"), "kalki/brute-force:1");
	static const char *const strangers[] = {"27", "u1a", "0", "4294967322"};
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++) {
		char path[64], words[64];
		snprintf(path, sizeof(path), "/api/v1/umboxes/%s", strangers[i]);
		snprintf(words, sizeof(words), "there is no umbox '%s'", strangers[i]);
		ask_problem(fixture, "GET", path, NULL, 404, "not_found", words);
		assert_string_equal(text_at(fixture, "hint"), "there are 26 (watch of cam1)");
	}
}

static void ask_logs(struct fixture *fixture, struct test_client *client)
{
	test_client_open(client, &fixture->loop, fixture->path);
	test_client_say(client, "GET /api/v1/umboxes/26/logs?bytes=99 HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->engine->logs)
		test_client_turn(client, POLLIN);
	assert_int_equal(fixture->engine->logs_bytes, 99);
}

static void logs_come_when_the_engine_has_them(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	struct test_reply reply;
	ask_logs(fixture, &client);
	fake_engine_end_logs(fixture->engine, 0, "line 1\nline 2\n");
	test_client_reply(&client, &reply, false);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "line 1\nline 2\n");
	assert_string_equal(test_reply_header(&reply, "Content-Type"), "text/plain; charset=utf-8");
	test_reply_done(&reply);
	test_client_close(&client);
	ask_logs(fixture, &client);
	fake_engine_end_logs(fixture->engine, -ETIMEDOUT, "Docker says nothing");
	test_client_reply(&client, &reply, false);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.body, "Docker says nothing"));
	test_reply_done(&reply);
	test_client_close(&client);
	ask_problem(fixture, "GET", "/api/v1/umboxes/27/logs", NULL, 404, "not_found",
		    "there is no umbox '27'");
	assert_string_equal(text_at(fixture, "hint"), "there are 26 (watch of cam1)");
	ask_problem(fixture, "GET", "/api/v1/umboxes/26/logs?bytes=0", NULL, 400, "bad_parameter",
		    "parameter 'bytes' is '0' (a number from 1 to 1048576 is right)");
}

static void logs_may_come_after_the_api_is_closed(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	ask_logs(fixture, &client);
	fixture_close(fixture);
	test_client_wait_end(&client);
	test_client_close(&client);
	fake_engine_end_logs(fixture->engine, 0, "nobody reads this");
	assert_null(fixture->engine->logs);
}

static void captures_are_taken_listed_and_fetched(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	struct test_reply reply;
	get(fixture, "/api/v1/devices/cam1/captures");
	assert_int_equal(json_integer_value(at(fixture, "items.0.id")), 42);
	assert_int_equal(json_integer_value(at(fixture, "items.0.frames")), 7);
	ask_problem(fixture, "GET", "/api/v1/devices/cam9/captures", NULL, 404, "not_found",
		    "no device is named 'cam9'");

	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "POST /api/v1/devices/cam1/captures HTTP/1.1\r\nHost: h\r\n"
				 "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
				 "{\"reason\":\"odd\"}");
	while (!fixture->engine->capture)
		test_client_turn(&client, POLLIN);
	expect_order(fixture, "capture cam1  because odd");
	fake_engine_end_capture(fixture->engine, 0, "");
	test_client_reply(&client, &reply, false);
	assert_int_equal(reply.status, 201);
	assert_string_equal(test_reply_header(&reply, "Location"), "/api/v1/captures/42");
	test_reply_done(&reply);

	test_client_say(&client, "GET /api/v1/captures/42 HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->engine->capture_job)
		test_client_turn(&client, POLLIN);
	fake_engine_end_capture_job(fixture->engine, "frames");
	test_client_reply(&client, &reply, false);
	assert_string_equal(reply.body, "frames");
	assert_string_equal(test_reply_header(&reply, "Content-Type"), "application/x-pcapng");
	test_reply_done(&reply);
	ask_problem(fixture, "GET", "/api/v1/captures/43", NULL, 404, "not_found",
		    "there is no capture 43");

	ask(fixture, "DELETE", "/api/v1/captures/42", NULL, NULL);
	assert_int_equal(fixture->reply.status, 200);
	assert_int_equal(json_integer_value(at(fixture, "capture")), 42);
	expect_order(fixture, "remove-capture 42 - because -");
	ask_problem(fixture, "DELETE", "/api/v1/captures/43", NULL, 404, "not_found",
		    "there is no capture 43");

	/* Whoever asked is gone before the engine has an answer. */
	test_client_say(&client, "GET /api/v1/captures/42 HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->engine->capture_job)
		test_client_turn(&client, POLLIN);
	fixture_close(fixture);
	test_client_wait_end(&client);
	test_client_close(&client);
	fake_engine_end_capture_job(fixture->engine, "frames");
	assert_null(fixture->engine->capture_job);
}

static void telemetry_is_told_and_pushed(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices/cam1/telemetry");
	assert_string_equal(text_at(fixture, "sensors.0.name"), "power");
	assert_true(json_number_value(at(fixture, "sensors.0.value")) == 2.5);
	assert_string_equal(text_at(fixture, "sensors.0.time"), "1970-01-01T00:00:01.000000Z");
	assert_true(json_is_null(at(fixture, "sensors.1.value")));
	assert_true(json_is_null(at(fixture, "sensors.1.time")));
	assert_true(json_is_false(at(fixture, "sources.0.available")));
	ask(fixture, "PUT", "/api/v1/devices/cam1/telemetry?source=p", NULL, "{\"power\": 3}");
	assert_int_equal(fixture->reply.status, 202);
	expect_order(fixture, "push cam1 p because -");
	ask(fixture, "PUT", "/api/v1/devices/cam1/telemetry?dry_run=true", NULL, "{\"power\": 3}");
	assert_int_equal(fixture->reply.status, 200);
	ask_problem(fixture, "PUT", "/api/v1/devices/cam1/telemetry", "{\"power\": true}", 422,
		    "invalid", "power: is no number");
	ask_problem(fixture, "GET", "/api/v1/devices/cam9/telemetry", NULL, 404, "not_found",
		    "no device is named 'cam9'");
	ask_problem(fixture, "PUT", "/api/v1/devices/cam9/telemetry", "{\"power\": 1}", 404,
		    "not_found", "no device is named 'cam9'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(chains_and_plans_are_told),
		TEST(reasons_are_told),
		TEST(umboxes_are_told),
		TEST(logs_come_when_the_engine_has_them),
		TEST(logs_may_come_after_the_api_is_closed),
		TEST(captures_are_taken_listed_and_fetched),
		TEST(telemetry_is_told_and_pushed),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
