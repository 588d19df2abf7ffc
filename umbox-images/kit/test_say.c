/* SPDX-License-Identifier: Apache-2.0 */
/* test_say.c - the lines a umbox says, how they reach the daemon, and the parameters it reads. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"

/* A folder as /run/kalki is, with the daemon's end of the socket. */
struct world {
	char folder[64], socket_path[128], json_path[128];
	int listener, connection;
	struct umbox *umbox;
	char text[64 * 1024]; /* read from the connection, not yet taken */
	size_t length;
};

static void listen_again(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", world->folder);
	unlink(address.sun_path);
	world->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(world->listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->listener, 4), 0);
}

static void write_json(struct world *world, const char *parameters)
{
	FILE *file = fopen(world->json_path, "w");
	assert_non_null(file);
	fprintf(file,
		"{\"contract\":1,\"umbox\":418,\"hop\":\"brute-force\",\"generation\":3,"
		"\"device\":{\"name\":\"cam1\"},\"parameters\":%s}",
		parameters);
	fclose(file);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	if (!world)
		return -1;
	strcpy(world->folder, "/tmp/umbox-test-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->json_path, sizeof(world->json_path), "%s/umbox.json", world->folder);
	snprintf(world->socket_path, sizeof(world->socket_path), "%s/control.sock", world->folder);
	setenv("UMBOX_FOLDER", world->folder, 1);
	write_json(world, "{}");
	listen_again(world);
	world->connection = -1;
	world->umbox = umbox_open();
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	umbox_control_done(&world->umbox->control);
	umbox_free(world->umbox);
	close(world->listener);
	if (world->connection >= 0)
		close(world->connection);
	unlink(world->socket_path);
	unlink(world->json_path);
	rmdir(world->folder);
	free(world);
	return 0;
}

static void reopen(struct world *world, const char *parameters)
{
	umbox_free(world->umbox);
	write_json(world, parameters);
	world->umbox = umbox_open();
}

static void connect_now(struct world *world)
{
	world->umbox->now_us += CONTROL_PAUSE_MAX_MS * 1000;
	assert_true(umbox_control_connect(&world->umbox->control, world->umbox->now_us));
	world->connection = accept4(world->listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(world->connection >= 0);
}

/* The next line as JSON; NULL when there is none (whole) there. */
static json_t *next_line(struct world *world)
{
	ssize_t got = recv(world->connection, world->text + world->length,
			   sizeof(world->text) - world->length, 0);
	world->length += got > 0 ? (size_t)got : 0;
	char *end = memchr(world->text, '\n', world->length);
	if (!end)
		return NULL;
	size_t line = (size_t)(end - world->text);
	json_t *value = json_loadb(world->text, line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	assert_true(line < UMBOX_LINE_BYTES);
	world->length -= line + 1;
	memmove(world->text, end + 1, world->length);
	return value;
}

static void expect_kind(struct world *world, const char *kind)
{
	json_t *line = next_line(world);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "kalki")), kind);
	json_decref(line);
}

static void say_record(struct umbox *umbox, uint64_t number)
{
	struct umbox_json json;
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	umbox_json_number(&json, "number", number);
	umbox_json_close(&json, '}');
	umbox_record(umbox, &json);
}

static void expect_record(struct world *world, int64_t number)
{
	json_t *line = next_line(world);
	assert_non_null(line);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(line, "record"), "number")),
		number);
	json_decref(line);
}

static void an_alert_says_what_it_knows(void **state)
{
	struct world *world = *state;
	connect_now(world);
	assert_true(
		umbox_alert(world->umbox, &(struct umbox_alert){
						  .type = "brute-force",
						  .severity = UMBOX_HIGH,
						  .source = {4, {10, 20, 0, 9}},
						  .target = {6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
						  .target_port = 22,
						  .count = 6,
						  .detail = "a \"quote\"\n\xff µ",
					  }));
	json_t *line = next_line(world);
	json_t *wanted = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:s}", "kalki", "alert", "type",
				   "brute-force", "severity", "high", "source", "10.20.0.9",
				   "target", "2001:db8::1", "target_port", 22, "count", 6, "detail",
				   "a \"quote\"\n? µ");
	assert_true(json_equal(line, wanted));
	json_decref(line);
	json_decref(wanted);
}

static void alerts_of_a_type_have_a_budget(void **state)
{
	struct world *world = *state;
	unsigned said = 0;
	for (int i = 0; i < 100; i++)
		said += umbox_alert(world->umbox, &(struct umbox_alert){.type = "a"});
	assert_int_equal(said, UMBOX_ALERTS_BURST);
	assert_true(umbox_alert(world->umbox, &(struct umbox_alert){.type = "b"}));
	world->umbox->now_us += 1000000;
	for (int i = said = 0; i < 100; i++)
		said += umbox_alert(world->umbox, &(struct umbox_alert){.type = "a"});
	assert_int_equal(said, UMBOX_ALERTS_PER_SECOND);
	assert_int_equal(world->umbox->alerts_lost,
			 100 - UMBOX_ALERTS_BURST + 100 - UMBOX_ALERTS_PER_SECOND);
}

static void ready_is_said_on_every_connection(void **state)
{
	struct world *world = *state;
	connect_now(world);
	assert_null(next_line(world));
	umbox_control_ready(&world->umbox->control, world->umbox->now_us);
	expect_kind(world, "ready");

	close(world->connection);
	umbox_control_serve(&world->umbox->control, world->umbox->now_us);
	assert_int_equal(world->umbox->control.fd, -1);
	say_record(world->umbox, 1);
	connect_now(world);
	expect_kind(world, "ready");
	expect_record(world, 1);
	assert_null(next_line(world));
}

static void waits_between_attempts(void **state)
{
	struct world *world = *state;
	struct umbox_control *control = &world->umbox->control;
	int64_t now_us = 1000000;
	close(world->listener);
	for (int64_t pause_ms = CONTROL_PAUSE_MIN_MS, i = 0; i < 6; i++) {
		assert_false(umbox_control_connect(control, now_us));
		assert_int_equal(control->next_us, now_us + pause_ms * 1000);
		now_us = control->next_us;
		pause_ms = pause_ms * 2 < CONTROL_PAUSE_MAX_MS ? pause_ms * 2
							       : CONTROL_PAUSE_MAX_MS;
	}
	listen_again(world);
	assert_false(umbox_control_connect(control, now_us - 1));
	assert_true(umbox_control_connect(control, now_us));
	assert_int_equal(control->pause_ms, CONTROL_PAUSE_MIN_MS);
}

static void keeps_a_bounded_number_of_lines(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < CONTROL_LINES_MAX + 10; i++)
		say_record(world->umbox, i);
	assert_int_equal(world->umbox->records, CONTROL_LINES_MAX);
	assert_int_equal(world->umbox->records_lost, 10);
	connect_now(world);
	for (unsigned i = 0; i < CONTROL_LINES_MAX; i++)
		expect_record(world, i);
	assert_null(next_line(world));
}

/* The daemon reads nothing for a while, then dies in the middle of a line. */
static void a_line_cut_in_two_is_said_again(void **state)
{
	struct world *world = *state;
	struct umbox_json json;
	connect_now(world);
	assert_int_equal(setsockopt(world->umbox->control.fd, SOL_SOCKET, SO_SNDBUF, &(int){4608},
				    sizeof(int)),
			 0);
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	while (json.length < UMBOX_RECORD_BYTES - 20)
		umbox_json_number(&json, json.length == 1 ? "number" : "more", 7);
	umbox_json_close(&json, '}');
	for (int i = 0; i < 8; i++)
		umbox_record(world->umbox,
			     &(struct umbox_json){.length = 12, .text = "{\"number\":5}"});
	while (!world->umbox->control.sent)
		assert_true(umbox_control_say(&world->umbox->control, json.text, json.length, 0));
	unsigned waiting = world->umbox->control.count;
	close(world->connection);
	umbox_control_serve(&world->umbox->control, world->umbox->now_us);
	assert_int_equal(world->umbox->control.count, waiting);
	assert_int_equal(world->umbox->control.sent, 0);
}

static void the_socket_has_a_high_descriptor(void **state)
{
	struct world *world = *state;
	connect_now(world);
	assert_true(world->umbox->control.fd >= CONTROL_DESCRIPTOR);
}

static void a_heartbeat_tells_the_counters(void **state)
{
	struct world *world = *state;
	uint64_t *mine = umbox_counter(world->umbox, "mine");
	connect_now(world);
	*mine = 12;
	world->umbox->passed = 3;
	umbox_heartbeat(world->umbox);
	json_t *line = next_line(world);
	const json_t *counters = json_object_get(line, "counters");
	assert_int_equal(json_integer_value(json_object_get(counters, "passed")), 3);
	assert_int_equal(json_integer_value(json_object_get(counters, "mine")), 12);
	json_decref(line);
}

static void no_two_counters_have_one_name(void **state)
{
	static const char *const taken[] = {"refused", "records_lost", "mine"};
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct world *world = *state;
		reopen(world, "{}");
		umbox_counter(world->umbox, "mine");
		assert_string_equal(world->umbox->failure, "");
		umbox_counter(world->umbox, taken[i]);
		assert_non_null(strstr(world->umbox->failure, taken[i]));
	}
}

static void a_record_that_does_not_fit_is_lost_whole(void **state)
{
	struct world *world = *state;
	struct umbox_json json;
	connect_now(world);
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '[');
	while (!json.full)
		umbox_json_text(&json, NULL, "abcdefgh");
	assert_false(umbox_record(world->umbox, &json));
	assert_null(next_line(world));
	assert_int_equal(world->umbox->records_lost, 1);
}

static void parameters_have_defaults_and_bounds(void **state)
{
	struct world *world = *state;
	int64_t ports[4] = {80, 443};
	reopen(world,
	       "{\"attempts\":7,\"block\":true,\"name\":\"x\",\"ports\":[1,2,3],\"none\":[]}");
	assert_string_equal(world->umbox->failure, "");
	assert_int_equal(umbox_identity(world->umbox)->umbox, 418);
	assert_int_equal(umbox_identity(world->umbox)->generation, 3);
	assert_string_equal(umbox_identity(world->umbox)->device, "cam1");
	assert_int_equal(umbox_integer(world->umbox, "attempts", 5, 1, 10), 7);
	assert_int_equal(umbox_integer(world->umbox, "absent", 5, 1, 10), 5);
	assert_true(umbox_boolean(world->umbox, "block", false));
	assert_string_equal(umbox_text(world->umbox, "name", "y"), "x");
	assert_int_equal(umbox_integers(world->umbox, "absent", ports, 2, 4, 1, 9), 2);
	assert_int_equal(ports[1], 443);
	assert_int_equal(umbox_integers(world->umbox, "ports", ports, 2, 4, 1, 9), 3);
	assert_int_equal(ports[2], 3);
	assert_int_equal(umbox_integers(world->umbox, "none", ports, 2, 4, 1, 9), 0);
	assert_string_equal(world->umbox->failure, "");
}

static void wrong_parameters_are_told(void **state)
{
	struct world *world = *state;
	int64_t ports[2];
	static const struct {
		const char *json, *message;
	} cases[] = {
		{"{\"x\":11}", "parameter 'x': not an integer from 1 to 10"},
		{"{\"x\":\"1\"}", "parameter 'x': not an integer from 1 to 10"},
		{"{\"b\":1}", "parameter 'b': neither true nor false"},
		{"{\"t\":1}", "parameter 't': not a text"},
		{"{\"l\":[1,2,3]}", "parameter 'l': not a list of at most 2 integers"},
		{"{\"l\":[1,99]}", "parameter 'l': not an integer from 1 to 10"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reopen(world, cases[i].json);
		umbox_integer(world->umbox, "x", 1, 1, 10);
		umbox_boolean(world->umbox, "b", false);
		umbox_text(world->umbox, "t", "");
		umbox_integers(world->umbox, "l", ports, 0, 2, 1, 10);
		assert_string_equal(world->umbox->failure, cases[i].message);
	}
}

static void a_bad_document_is_told(void **state)
{
	struct world *world = *state;
	reopen(world, "[]");
	assert_non_null(strstr(world->umbox->failure, "'parameters' is not an object"));
	reopen(world, "{");
	assert_non_null(strstr(world->umbox->failure, "umbox.json:1:"));
	unlink(world->json_path);
	umbox_free(world->umbox);
	world->umbox = umbox_open();
	assert_non_null(strstr(world->umbox->failure, "No such file"));
}

int main(void)
{
#define with_world(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		with_world(an_alert_says_what_it_knows),
		with_world(alerts_of_a_type_have_a_budget),
		with_world(ready_is_said_on_every_connection),
		with_world(waits_between_attempts),
		with_world(keeps_a_bounded_number_of_lines),
		with_world(a_line_cut_in_two_is_said_again),
		with_world(the_socket_has_a_high_descriptor),
		with_world(a_heartbeat_tells_the_counters),
		with_world(no_two_counters_have_one_name),
		with_world(a_record_that_does_not_fit_is_lost_whole),
		with_world(parameters_have_defaults_and_bounds),
		with_world(wrong_parameters_are_told),
		with_world(a_bad_document_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
