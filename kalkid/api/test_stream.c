/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_stream.c - the event stream: live, filtered, resumed from the history, too slow, too
 * many. */
#include "api/test_fixture.h"

#include "api/stream.h"

/* In HTTP/1.0, so that the stream comes as it is and not in chunks. */
static void listen_with(struct fixture *fixture, struct test_client *client, const char *query,
			const char *headers)
{
	char *text = mem_printf("GET /api/v1/events%s HTTP/1.0\r\nHost: h\r\n"
				"Accept: text/event-stream\r\n%s\r\n",
				query, headers);
	test_client_open(client, &fixture->loop, fixture->path);
	test_client_say(client, text);
	free(text);
}

/* Until the stream is open: what happens from now on is for it. */
static void wait_open(struct test_client *client)
{
	assert_true(test_client_wait(client, "retry: 1000\n\n"));
	assert_non_null(strstr(client->in.bytes, " 200 OK"));
	assert_non_null(strstr(client->in.bytes, "Content-Type: text/event-stream"));
}

static void what_happens_is_told_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	fake_engine_emit(fixture->engine, EVENT_NODE, 0, "{\"n\":1}");
	listen_with(fixture, &client, "", "");
	wait_open(&client);
	fake_engine_emit(fixture->engine, EVENT_ALERT, 1, "{\"n\":2}");
	assert_true(test_client_wait(
		&client,
		"id: 2\nevent: alert\ndata: {\"id\":2,\"time\":\"2026-01-31T12:00:00.000003Z\","
		"\"kind\":\"alert\",\"device\":\"cam1\",\"generation\":7,"
		"\"acknowledged_by\":null,\"eve\":{\"n\":2}}\n\n"));
	/* What was before is not told. */
	assert_null(strstr(client.in.bytes, "id: 1\n"));
	test_client_close(&client);
}

static void a_stream_may_be_filtered(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	listen_with(fixture, &client, "?kind=transition&device=cam2", "");
	wait_open(&client);
	fake_engine_emit(fixture->engine, EVENT_TRANSITION, 1, "{}");
	fake_engine_emit(fixture->engine, EVENT_ALERT, 2, "{}");
	fake_engine_emit(fixture->engine, EVENT_TRANSITION, 2, "{}");
	assert_true(test_client_wait(&client, "id: 3\n"));
	assert_null(strstr(client.in.bytes, "id: 1\n"));
	assert_null(strstr(client.in.bytes, "id: 2\n"));
	test_client_close(&client);
}

/* Counts, and checks that ids come in order without a gap. */
static unsigned expect_sequence(const struct test_client *client, unsigned first)
{
	unsigned expected = first;
	for (const char *at = client->in.bytes; (at = strstr(at, "id: ")); at++) {
		if (at[-1] != '\n')
			continue;
		assert_int_equal(strtoul(at + 4, NULL, 10), expected);
		expected++;
	}
	return expected - first;
}

static void emit_many(struct fixture *fixture, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fake_engine_emit(fixture->engine, EVENT_NODE, 0,
				 "{\"words\":\"something happened\"}");
}

static void a_stream_goes_on_after_the_last_id(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	emit_many(fixture, 700);
	/* The newest are not on disk yet. */
	fixture->engine->uncommitted = 120;
	listen_with(fixture, &client, "", "Last-Event-ID: 100\r\n");
	assert_true(test_client_wait(&client, "id: 700\n"));
	fake_engine_emit(fixture->engine, EVENT_NODE, 0, "{}");
	assert_true(test_client_wait(&client, "id: 701\n"));
	assert_int_equal(expect_sequence(&client, 101), 601);
	assert_null(strstr(client.in.bytes, "missed"));
	test_client_close(&client);
	listen_with(fixture, &client, "?cursor=0", "");
	assert_true(test_client_wait(&client, "id: 701\n"));
	assert_int_equal(expect_sequence(&client, 1), 701);
	test_client_close(&client);
	listen_with(fixture, &client, "?since=2026-01-31T12:00:00.000700Z", "");
	assert_true(test_client_wait(&client, "id: 701\n"));
	assert_int_equal(expect_sequence(&client, 699), 3);
	test_client_close(&client);
}

static void wait_for_reads(struct fixture *fixture, struct test_client *client)
{
	while (!fixture->engine->reads)
		test_client_turn(client, POLLIN);
}

/* What left the ring while the history was read is read too. */
static void the_ring_may_turn_while_the_history_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	static const unsigned total = STREAM_EVENTS_MAX + 100;
	fixture->engine->reads_rest = true;
	listen_with(fixture, &client, "?cursor=0", "");
	wait_for_reads(fixture, &client);
	emit_many(fixture, total);
	fixture->engine->uncommitted = total; /* when it was read, nothing had happened */
	fake_engine_end_reads(fixture->engine);
	fixture->engine->uncommitted = 0;
	wait_for_reads(fixture, &client);
	fixture->engine->reads_rest = false;
	fake_engine_end_reads(fixture->engine);
	cleanup_free char *last = mem_printf("id: %u\n", total);
	assert_true(test_client_wait(&client, last));
	assert_int_equal(expect_sequence(&client, 1), total);
	test_client_close(&client);
}

static void closing_cancels_what_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct test_client streams, pages;
	fixture->engine->reads_rest = true;
	emit_many(fixture, 3);
	listen_with(fixture, &streams, "?cursor=0", "");
	wait_for_reads(fixture, &streams);
	test_client_open(&pages, &fixture->loop, fixture->path);
	test_client_say(&pages, "GET /api/v1/events HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->engine->reads->next)
		test_client_turn(&pages, POLLIN);
	fixture_close(fixture);
	test_client_wait_end(&streams);
	test_client_wait_end(&pages);
	assert_null(strstr(streams.in.bytes, "id: "));
	for (struct store_read *read = fixture->engine->reads; read; read = read->next)
		assert_true(read->cancelled);
	/* They end after the API. */
	fake_engine_end_reads(fixture->engine);
	test_client_close(&streams);
	test_client_close(&pages);
}

static void a_forgotten_past_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	emit_many(fixture, 10);
	fixture->engine->status.store.oldest_event = 5;
	listen_with(fixture, &client, "", "Last-Event-ID: 2\r\n");
	assert_true(test_client_wait(&client, "id: 10\n"));
	assert_non_null(
		strstr(client.in.bytes, "event: missed\ndata: {\"missed\":null}\n\nid: 3\n"));
	test_client_close(&client);
}

static void a_slow_client_is_told_and_cut(void **state)
{
	struct fixture *fixture = *state;
	struct test_client slow, fast;
	listen_with(fixture, &slow, "", "");
	listen_with(fixture, &fast, "?kind=alert", "");
	wait_open(&slow);
	wait_open(&fast);
	/* Nobody reads; the ring passes the slow one. */
	static const unsigned total = STREAM_EVENTS_MAX * 2 + 1000;
	for (unsigned i = 0; i < total; i++) {
		fake_engine_emit(fixture->engine, EVENT_NODE, 0,
				 "{\"words\":\"something happened\"}");
		if (i % 64 == 0)
			uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	fake_engine_emit(fixture->engine, EVENT_ALERT, 1, "{}");
	assert_true(test_client_wait(&fast, "event: alert\n"));
	assert_true(test_client_wait(&slow, "event: missed\ndata: {\"missed\":"));
	test_client_wait_end(&slow);
	/* What it got and what it is said to have missed is everything. */
	unsigned got = 0;
	for (const char *at = slow.in.bytes; (at = strstr(at, "\nevent: node\n")); at++)
		got++;
	const char *missed = strstr(slow.in.bytes, "{\"missed\":");
	assert_non_null(missed);
	assert_int_equal(got + strtoul(missed + strlen("{\"missed\":"), NULL, 10), total + 1);
	assert_true(got < total);
	test_client_close(&slow);
	test_client_close(&fast);
}

static void there_are_not_too_many_streams(void **state)
{
	struct fixture *fixture = *state;
	static struct test_client clients[STREAM_CLIENTS_MAX];
	for (int i = 0; i < STREAM_CLIENTS_MAX; i++) {
		listen_with(fixture, &clients[i], "", "");
		wait_open(&clients[i]);
	}
	ask(fixture, "GET", "/api/v1/events", "Accept: text/event-stream\r\n", NULL);
	assert_int_equal(fixture->reply.status, 503);
	assert_string_equal(text_at(fixture, "code"), "unavailable");
	assert_string_equal(text_at(fixture, "detail"), "64 event streams are open already");
	fake_engine_emit(fixture->engine, EVENT_NODE, 0, "{}");
	for (int i = 0; i < STREAM_CLIENTS_MAX; i++) {
		assert_true(test_client_wait(&clients[i], "id: 1\n"));
		test_client_close(&clients[i]);
	}
}

static void bad_streams_are_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char accept[] = "Accept: text/event-stream\r\n";
	ask(fixture, "GET", "/api/v1/events?limit=5", accept, NULL);
	assert_int_equal(fixture->reply.status, 400);
	assert_string_equal(text_at(fixture, "detail"), "a stream has no 'order' and no 'limit'");
	ask(fixture, "GET", "/api/v1/events", "Accept: text/event-stream\r\nLast-Event-ID: x\r\n",
	    NULL);
	assert_int_equal(fixture->reply.status, 400);
	assert_string_equal(text_at(fixture, "detail"),
			    "Last-Event-ID is 'x' (an event's id is right)");
	ask(fixture, "GET", "/api/v1/events?device=cam9", accept, NULL);
	assert_int_equal(fixture->reply.status, 404);
}

static void a_stream_ends_when_the_history_fails(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	emit_many(fixture, 3);
	fixture->engine->fails = -EIO;
	listen_with(fixture, &client, "?cursor=0", "");
	test_client_wait_end(&client);
	assert_null(strstr(client.in.bytes, "id: "));
	test_client_close(&client);
}

static void closing_ends_the_streams(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	listen_with(fixture, &client, "", "");
	wait_open(&client);
	fake_engine_emit(fixture->engine, EVENT_NODE, 0, "{}");
	fixture_close(fixture);
	test_client_wait_end(&client);
	test_client_close(&client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_happens_is_told_at_once),
		TEST(a_stream_may_be_filtered),
		TEST(a_stream_goes_on_after_the_last_id),
		TEST(the_ring_may_turn_while_the_history_is_read),
		TEST(closing_cancels_what_is_read),
		TEST(a_forgotten_past_is_told),
		TEST(a_slow_client_is_told_and_cut),
		TEST(there_are_not_too_many_streams),
		TEST(bad_streams_are_refused),
		TEST(a_stream_ends_when_the_history_fails),
		TEST(closing_ends_the_streams),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
