/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_api.c - the site, notifiers, types, history and metrics, and what every path has, over
 * the socket; answers fit openapi.yaml. */
#include "api/test_fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io/http_server.h"

static const char camera[] = "{\"name\": \"cam3\", \"type\": \"camera\", \"port\": \"eth1\","
			     " \"mac\": \"02:00:00:00:00:03\", \"ips\": [\"192.0.2.3\"]}";

/* --- site --- */

static void version_names_the_daemon(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/version");
	assert_string_equal(text_at(fixture, "version"), KALKI_VERSION);
	assert_string_equal(text_at(fixture, "name"), "kalkid");
}

static void status_gives_numbers_and_health(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/status");
	assert_string_equal(text_at(fixture, "health"), "ok");
	assert_int_equal(number_at(fixture, "counts.transitions"), 12);
	assert_int_equal(number_at(fixture, "devices.total"), 2);
	assert_string_equal(text_at(fixture, "started"), "2026-01-31T12:00:00.000001Z");
	fixture->engine->status.in_trouble = 1; /* held, say, as its image does not start */
	get(fixture, "/api/v1/status");
	assert_string_equal(text_at(fixture, "health"), "degraded");
	fixture->engine->status.in_trouble = 0;
	fixture->engine->status.engine_reachable = false;
	get(fixture, "/api/v1/status");
	assert_string_equal(text_at(fixture, "health"), "degraded");
}

static void the_description_is_served(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/openapi.json");
	assert_true(json_equal(fixture->json, fixture->description));
}

/* --- notifiers --- */

static void notifiers_are_told_and_tested(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/notifiers");
	assert_string_equal(text_at(fixture, "items.0.name"), "ops");
	assert_int_equal(number_at(fixture, "items.0.waiting"), 3);
	assert_string_equal(text_at(fixture, "items.0.next_try"), "2023-11-14T22:15:00.000000Z");
	assert_string_equal(text_at(fixture, "items.0.last_error"), "Connection refused");
	assert_true(json_is_null(at(fixture, "items.1.last_success")));
	ask(fixture, "POST", "/api/v1/notifiers/ops/test", NULL, "{\"reason\": \"new\"}");
	assert_int_equal(fixture->reply.status, 202);
	assert_non_null(strstr(fixture->engine->order, "test ops - by"));
	assert_non_null(strstr(fixture->engine->order, "because new"));
	ask(fixture, "POST", "/api/v1/notifiers/ops/test?dry_run=true", NULL, NULL);
	assert_int_equal(fixture->reply.status, 200);
	ask_problem(fixture, "POST", "/api/v1/notifiers/op/test", NULL, 404, "not_found",
		    "no notifier is named 'op'");
}

/* --- types --- */

static void types_are_told(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/types");
	assert_string_equal(text_at(fixture, "items.0.states.1"), "Attack");
	assert_int_equal(number_at(fixture, "items.0.rules"), 1);
	get(fixture, "/api/v1/types/camera");
	assert_string_equal(text_at(fixture, "initial"), "Normal");
	assert_int_equal(number_at(fixture, "states.0.hops.0.parameters.ports.0"), 22);
	assert_true(json_is_null(at(fixture, "states.0.calm_to")));
	assert_string_equal(text_at(fixture, "states.1.calm_to"), "Normal");
	assert_string_equal(text_at(fixture, "rules.0.from.0"), "Normal");
	assert_string_equal(text_at(fixture, "rules.0.to"), "Attack");
	assert_non_null(strstr(text_at(fixture, "rules.0.when"), "brute-force"));
	assert_true(number_at(fixture, "rules.0.cost") > 0);
	assert_string_equal(text_at(fixture, "commands.0.name"), "reboot");
	ask_problem(fixture, "GET", "/api/v1/types/camra", NULL, 404, "not_found",
		    "no device type is named 'camra'");
	assert_string_equal(text_at(fixture, "hint"), "did you mean 'camera'?");
}

/* --- history --- */

static void emit_some(struct fixture *fixture)
{
	fake_engine_emit(fixture->engine, EVENT_ALERT, 1, "{\"n\":1}");
	fake_engine_emit(fixture->engine, EVENT_TRANSITION, 1, "{\"n\":2}");
	fake_engine_emit(fixture->engine, EVENT_ALERT, 2, "{\"n\":3}");
	fake_engine_emit(fixture->engine, EVENT_NODE, 0, "{\"n\":4}");
	TEXT_COPY(fixture->engine->events[2].acknowledged_by, "uid 0 (\"root\")");
}

static void expect_ids(struct fixture *fixture, const char *target, const char *ids)
{
	cleanup_buffer struct buffer text = {0};
	json_t *item;
	size_t i;
	get(fixture, target);
	buffer_print(&text, "%s", "");
	json_array_foreach(at(fixture, "items"), i, item)
	{
		buffer_print(&text, "%s%lld", i ? " " : "",
			     (long long)json_integer_value(json_object_get(item, "id")));
	}
	assert_string_equal(text.bytes, ids);
}

static void events_are_told_by_pages(void **state)
{
	struct fixture *fixture = *state;
	expect_ids(fixture, "/api/v1/events", "");
	emit_some(fixture);
	expect_ids(fixture, "/api/v1/events", "4 3 2 1");
	assert_true(json_is_null(at(fixture, "next")));
	assert_true(json_is_null(at(fixture, "items.0.device")));
	assert_string_equal(text_at(fixture, "items.1.device"), "cam2");
	assert_string_equal(text_at(fixture, "items.1.acknowledged_by"), "uid 0 (\"root\")");
	assert_int_equal(number_at(fixture, "items.1.eve.n"), 3);
	expect_ids(fixture, "/api/v1/events?limit=3", "4 3 2");
	assert_string_equal(text_at(fixture, "next"), "2");
	expect_ids(fixture, "/api/v1/events?limit=3&cursor=2", "1");
	expect_ids(fixture, "/api/v1/events?order=oldest&limit=2", "1 2");
	expect_ids(fixture, "/api/v1/events?order=oldest&limit=2&cursor=2", "3 4");
	expect_ids(fixture, "/api/v1/events?kind=alert,node", "4 3 1");
	expect_ids(fixture, "/api/v1/events?device=cam2", "3");
	expect_ids(fixture, "/api/v1/events?type=camera", "3 2 1");
	expect_ids(fixture, "/api/v1/events?group=outside&type=camera", "3 2 1");
	expect_ids(fixture, "/api/v1/alerts?group=outside&device=cam2", "3");
	expect_ids(fixture, "/api/v1/events?since=2026-01-31T12:00:00.000004Z", "4 3");
	fixture->clock.wall_us += 3600 * 1000000ll + 4;
	expect_ids(fixture, "/api/v1/events?since=1h", "4 3");
	expect_ids(fixture, "/api/v1/devices/cam1/timeline", "2 1");
	expect_ids(fixture, "/api/v1/devices/cam1/timeline?kind=alert", "1");
	expect_ids(fixture, "/api/v1/alerts", "3 1");
	expect_ids(fixture, "/api/v1/alerts?unacknowledged=true", "1");
	expect_ids(fixture, "/api/v1/alerts?unacknowledged=false&device=cam2", "3");
}

static void bad_parameters_of_events_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *target;
		unsigned status;
		const char *code, *detail;
	} cases[] = {
		{"events?kind=alert,alarm", 400, "bad_parameter",
		 "parameter 'kind': no events are named 'alarm'"},
		{"events?kind=alart", 400, "bad_parameter",
		 "parameter 'kind': no events are named 'alart' (did you mean 'alert'?)"},
		{"events?order=up", 400, "bad_parameter",
		 "parameter 'order' is 'up' (newest or oldest is right)"},
		{"events?since=yesterday", 400, "bad_parameter",
		 "parameter 'since' is 'yesterday' (2026-01-31T12:00:00Z, or a time back from now "
		 "such as 1h30m, is right)"},
		{"events?limit=0", 400, "bad_parameter",
		 "parameter 'limit' is '0' (a number from 1 to 1000 is right)"},
		{"events?limit=1001", 400, "bad_parameter", "parameter 'limit' is '1001'"},
		{"events?cursor=x", 400, "bad_parameter", "parameter 'cursor' is 'x'"},
		{"events?device=cam9", 404, "not_found", "no device is named 'cam9'"},
		{"events?type=lamp", 404, "not_found", "no device is of these"},
		{"alerts?group=inside", 404, "not_found", "no device is of these"},
		{"devices/cam1/timeline?type=camera", 400, "bad_parameter",
		 "this path has no parameter 'type'"},
		{"devices/cam9/timeline", 404, "not_found", "no device is named 'cam9'"},
		{"alerts?unacknowledged=maybe", 400, "bad_parameter",
		 "parameter 'unacknowledged' is 'maybe' (true or false is right)"},
		{"devices?limit=x", 400, "bad_parameter", "parameter 'limit' is 'x'"},
		{"chains?limit=x", 400, "bad_parameter", "parameter 'limit' is 'x'"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *target = mem_printf("/api/v1/%s", cases[i].target);
		ask_problem(fixture, "GET", target, NULL, cases[i].status, cases[i].code,
			    cases[i].detail);
		free(target);
	}
	fixture->engine->fails = -EIO;
	ask_problem(fixture, "GET", "/api/v1/events", NULL, 500, "internal",
		    "the history is broken");
}

/* The answer waits for the disk; where that cannot be had, it says so. */
static void an_order_is_answered_when_it_is_written(void **state)
{
	static const char question[] =
		"POST /api/v1/devices/cam1/quarantine HTTP/1.1\r\nHost: h\r\n"
		"Content-Length: 0\r\n\r\n";
	struct fixture *fixture = *state;
	ask(fixture, "POST", "/api/v1/devices/cam1/quarantine", NULL, NULL);
	assert_true(json_is_true(at(fixture, "written")));
	fixture->engine->writing_rests = true;
	for (unsigned i = 0; i < 2; i++) {
		struct test_client client;
		struct test_reply reply;
		test_client_open(&client, &fixture->loop, fixture->path);
		test_client_say(&client, question);
		while (!fixture->engine->written)
			test_client_turn(&client, POLLIN);
		expect_order(fixture, "quarantine cam1 - because -");
		for (unsigned turns = 0; turns < 5; turns++)
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
		test_client_take(&client);
		assert_int_equal(client.in.length, 0);
		if (i) { /* it leaves without an answer */
			test_client_close(&client);
			fake_engine_end_writing(fixture->engine, 0);
			continue;
		}
		fake_engine_end_writing(fixture->engine, -ENOSPC);
		test_client_reply(&client, &reply, false);
		assert_int_equal(reply.status, 202);
		assert_non_null(strstr(reply.body, "\"written\":false"));
		test_reply_done(&reply);
		test_client_close(&client);
	}
}

static void an_alert_is_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "POST", "/api/v1/alerts/3/acknowledge", NULL, "{\"reason\": \"known\"}");
	assert_int_equal(fixture->reply.status, 200);
	assert_int_equal(number_at(fixture, "alert"), 3);
	expect_order(fixture, "acknowledge 3 - because known");
	ask(fixture, "POST", "/api/v1/alerts/3/acknowledge?dry_run=true", NULL, NULL);
	assert_true(json_is_true(at(fixture, "dry_run")));
	expect_order(fixture, "acknowledge 3 - because - dry");
	ask_problem(fixture, "POST", "/api/v1/alerts/x/acknowledge", NULL, 404, "not_found",
		    "there is no 'x': an id is a number");
	fixture->engine->fails = -ENOENT;
	ask_problem(fixture, "POST", "/api/v1/alerts/4/acknowledge", NULL, 404, "not_found",
		    "acknowledge '4' was refused");
}

/* --- metrics --- */

static void metrics_are_told_in_both_dialects(void **state)
{
	struct fixture *fixture = *state;
	static const char *const samples[] = {
		"\nkalki_build_info{version=\"" KALKI_VERSION "\"} 1\n",
		"\nkalki_device_state{device=\"cam1\",kalki_device_state=\"Normal\"} 1\n",
		"\nkalki_device_state{device=\"cam1\",kalki_device_state=\"Attack\"} 0\n",
		"\nkalki_transitions_total 12\n",
		"\nkalki_alerts_total{device=\"cam2\"} 3\n",
		"\nkalki_chain_degraded{device=\"cam1\"} 0\n",
		"\nkalki_chain_degraded{device=\"cam2\"} 1\n",
		"\nkalki_standby_degraded{device=\"cam1\"} 0\n",
		"\nkalki_umbox_up{device=\"cam1\",hop=\"watch\",umbox=\"26\"} 1\n",
		"\nkalki_drift_repairs_total 4\n",
		("\nkalki_chain_hop_packets_total{device=\"cam1\",hop=\"watch\",umbox=\"26\","
		 "direction=\"to_network\"} 41\n"),
		("\nkalki_chain_hop_drops_total{device=\"cam1\",hop=\"watch\",umbox=\"26\","
		 "reason=\"overrun\"} 9\n"),
		("\nkalki_umbox_own{device=\"cam1\",hop=\"watch\",umbox=\"26\","
		 "counter=\"rules_age_days\"} 12\n"),
		"\nkalki_events_dropped_total{reason=\"rate\"} 5\n",
		"\nkalki_events_dropped_total{reason=\"store\"} 6\n",
		"\nprocess_resident_memory_bytes ",
		"\nprocess_cpu_seconds_total ",
	};
	for (int open = 0; open < 2; open++) {
		ask(fixture, "GET", "/metrics",
		    open ? "Accept: application/openmetrics-text;version=1.0.0\r\n" : NULL, NULL);
		assert_int_equal(fixture->reply.status, 200);
		for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
			assert_non_null(strstr(fixture->reply.body, samples[i]));
		assert_int_equal(!!strstr(fixture->reply.body, "\n# EOF\n"), open);
		assert_int_equal(
			!!strstr(fixture->reply.body, "\n# TYPE kalki_device_state stateset\n"),
			open);
		assert_int_equal(
			!!strstr(fixture->reply.body, "\n# TYPE kalki_transitions_total counter\n"),
			!open);
		assert_null(strstr(fixture->reply.body, "192.0.2."));
		assert_null(strstr(fixture->reply.body, "02:00:00"));
	}
}

static void prometheus_has_nothing_to_say_against_them(void **state)
{
	struct fixture *fixture = *state;
	if (system("command -v promtool >/dev/null") != 0)
		return; /* cmocka 1.1 calls a skipped test failed in TAP */
	get(fixture, "/metrics");
	FILE *promtool = popen("promtool check metrics", "we");
	assert_non_null(promtool);
	fwrite(fixture->reply.body, 1, fixture->reply.body_bytes, promtool);
	assert_int_equal(pclose(promtool), 0);
}

/* --- what every path has --- */

static void head_says_what_get_says(void **state)
{
	struct fixture *fixture = *state;
	get(fixture, "/api/v1/devices");
	char *length = mem_copy_text(header(fixture, "Content-Length"));
	ask(fixture, "HEAD", "/api/v1/devices", NULL, NULL);
	assert_int_equal(fixture->reply.status, 200);
	assert_string_equal(header(fixture, "Content-Length"), length);
	free(length);
	ask(fixture, "HEAD", "/api/v1/events", "Accept: text/event-stream\r\n", NULL);
	assert_string_equal(header(fixture, "Content-Type"), "application/json");
}

static void options_and_wrong_methods_are_told_what_is_allowed(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "OPTIONS", "/api/v1/devices", NULL, NULL);
	assert_int_equal(fixture->reply.status, 204);
	assert_string_equal(header(fixture, "Allow"), "OPTIONS, GET, HEAD, POST");
	ask_problem(fixture, "PATCH", "/api/v1/devices", "{}", 405, "method_not_allowed",
		    "PATCH is not for this path (it takes OPTIONS, GET, HEAD, POST)");
	assert_string_equal(header(fixture, "Allow"), "OPTIONS, GET, HEAD, POST");
	ask_problem(fixture, "OPTIONS", "/api/v1/nothing", NULL, 404, "no_such_path", "");
}

static void unknown_paths_and_parameters_get_a_hint(void **state)
{
	struct fixture *fixture = *state;
	ask_problem(fixture, "GET", "/api/v1/devcies", NULL, 404, "no_such_path",
		    "there is nothing at this path");
	assert_string_equal(text_at(fixture, "hint"), "did you mean /api/v1/devices?");
	ask_problem(fixture, "GET", "/api/v1/alerts?acknowledged=true", NULL, 400, "bad_parameter",
		    "this path has no parameter 'acknowledged'");
	assert_string_equal(text_at(fixture, "hint"),
			    "it takes: device type group unacknowledged since order cursor limit");
	ask_problem(fixture, "GET", "/api/v1/status?x=1", NULL, 400, "bad_parameter",
		    "this path has no parameter 'x'");
	assert_null(at(fixture, "hint"));
	ask_problem(fixture, "GET", "/api/v1/devices/%zz", NULL, 400, "bad_request",
		    "a '%' without two hex digits behind it");
	ask_problem(fixture, "POST", "/api/v1/devices?dry_run=1", camera, 400, "bad_parameter",
		    "parameter 'dry_run' is '1' (true or false is right)");
}

static void bodies_must_be_json(void **state)
{
	struct fixture *fixture = *state;
	ask_problem(fixture, "POST", "/api/v1/devices", "{\"name\":\n nonsense}", 400, "bad_json",
		    "the body is no JSON: ");
	assert_int_equal(number_at(fixture, "errors.0.line"), 2);
	/* YAML is for files. */
	ask_problem(fixture, "POST", "/api/v1/devices", "name: cam3\ntype: camera\n", 400,
		    "bad_json", "the body is no JSON: ");
	ask_problem(fixture, "POST", "/api/v1/devices", NULL, 400, "bad_json", "there is no body");
	ask_problem(fixture, "POST", "/api/v1/devices", "{\"name\": \"a\", \"name\": \"b\"}", 422,
		    "invalid", "1 thing is wrong in the body");
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "POST /api/v1/devices HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
				 "Content-Type: application/jsonx\r\n\r\n{}");
	assert_true(test_client_wait(&client, "the body is not said to be JSON"));
	assert_non_null(strstr(client.in.bytes, "HTTP/1.1 415"));
	test_client_close(&client);
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "POST /api/v1/devices HTTP/1.1\r\nHost: h\r\n"
				 "Content-Length: 9999999\r\n\r\n");
	assert_true(test_client_wait(&client, "the body is longer than 262144 bytes"));
	assert_non_null(strstr(client.in.bytes, "HTTP/1.1 413"));
	test_client_close(&client);
}

/* --- who may --- */

/* Asks from another process, with no rights but those of `uid`, `gid` and group `extra`. */
static unsigned status_as(struct fixture *fixture, uid_t uid, gid_t gid, gid_t extra)
{
	int pipes[2];
	char status[4] = "";
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		static const char words[] = "GET /api/v1/version HTTP/1.1\r\nHost: h\r\n\r\n";
		char reply[64] = "";
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		TEXT_COPY(address.sun_path, fixture->path);
		if (setgroups(1, &extra) < 0 || setgid(gid) < 0 || setuid(uid) < 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    write(fd, words, strlen(words)) < 0 || read(fd, reply, sizeof(reply) - 1) < 12)
			_exit(1);
		_exit(write(pipes[1], reply + 9, 3) == 3 ? 0 : 1);
	}
	close(pipes[1]);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 400 && read(pipes[0], status, 3) != 3; i++)
		test_client_turn(&fixture->client, POLLIN);
	close(pipes[0]);
	/* It holds the listening socket, too: the path is in use while it lives. */
	waitpid(child, NULL, 0);
	return (unsigned)atoi(status);
}

static void strangers_are_refused(void **state)
{
	struct fixture *fixture = *state;
	if (getuid() != 0)
		return; /* cmocka 1.1 calls a skipped test failed in TAP */
	/* The kernel would refuse them already: let them connect all the same. */
	assert_int_equal(chmod(fixture->path, 0666), 0);
	assert_int_equal(chmod(fixture->folder, 0755), 0);
	gid_t ours = getegid();
	assert_int_equal(status_as(fixture, 65534, 65534, 65534), 403);
	assert_int_equal(status_as(fixture, 65534, ours, 65534), 200);
	assert_int_equal(status_as(fixture, 65534, 65534, ours), 200);
	assert_int_equal(status_as(fixture, 0, 65534, 65534), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(version_names_the_daemon),
		TEST(status_gives_numbers_and_health),
		TEST(the_description_is_served),
		TEST(notifiers_are_told_and_tested),
		TEST(types_are_told),
		TEST(events_are_told_by_pages),
		TEST(bad_parameters_of_events_are_refused),
		TEST(an_order_is_answered_when_it_is_written),
		TEST(an_alert_is_acknowledged),
		TEST(metrics_are_told_in_both_dialects),
		TEST(prometheus_has_nothing_to_say_against_them),
		TEST(head_says_what_get_says),
		TEST(options_and_wrong_methods_are_told_what_is_allowed),
		TEST(unknown_paths_and_parameters_get_a_hint),
		TEST(bodies_must_be_json),
		TEST(strangers_are_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
