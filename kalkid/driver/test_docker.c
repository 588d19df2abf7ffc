/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_docker.c - the client against an engine that says what the test wants. */
#include "driver/docker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { PEERS_MAX = 32 };

struct engine;

struct peer {
	uv_pipe_t pipe;
	uv_write_t write;
	struct engine *engine;
	struct buffer in;
};

struct engine {
	uv_loop_t loop;
	uv_pipe_t listener;
	char directory[64], path[96];
	struct peer peers[PEERS_MAX];
	unsigned peer_count;
	const char *version;
	const char *answer; /* to all but pings and events */
	struct buffer asked;
	struct peer *events; /* whoever asked for them last */

	struct docker *docker;
	struct docker_listener listener_of_docker;
	unsigned ups, downs, died;
	char words[256];
	bool closed;
};

static void say(struct peer *peer, const char *text)
{
	uv_buf_t piece = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
	uv_write(&peer->write, (uv_stream_t *)&peer->pipe, &piece, 1, NULL);
}

static void answer(struct peer *peer)
{
	static char pong[128];
	struct engine *engine = peer->engine;
	const char *in = peer->in.bytes;
	buffer_add(&engine->asked, in, strcspn(in, "\r"));
	buffer_print(&engine->asked, "\n");
	if (strstr(in, "/_ping")) {
		snprintf(pong, sizeof(pong),
			 "HTTP/1.1 200 OK\r\nApi-Version: %s\r\n"
			 "Content-Length: 2\r\n\r\nOK",
			 engine->version);
		say(peer, pong);
	} else if (strstr(in, "/events")) {
		engine->events = peer;
		say(peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
	} else {
		say(peer, engine->answer);
	}
	buffer_done(&peer->in);
}

static void on_alloc(uv_handle_t *handle maybe_unused, size_t size, uv_buf_t *ret)
{
	*ret = uv_buf_init(malloc(size), (unsigned)size);
}

static void close_peer(struct peer *peer)
{
	buffer_done(&peer->in);
	if (!uv_is_closing((uv_handle_t *)&peer->pipe))
		uv_close((uv_handle_t *)&peer->pipe, NULL);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct peer *peer = container_of((uv_pipe_t *)stream, struct peer, pipe);
	if (count > 0)
		buffer_add(&peer->in, bytes->base, (size_t)count);
	free(bytes->base);
	if (count < 0)
		close_peer(peer);
	else if (peer->in.bytes && strstr(peer->in.bytes, "\r\n\r\n"))
		answer(peer);
}

static void on_connection(uv_stream_t *listener, int status maybe_unused)
{
	struct engine *engine = container_of((uv_pipe_t *)listener, struct engine, listener);
	assert_true(engine->peer_count < PEERS_MAX);
	struct peer *peer = &engine->peers[engine->peer_count++];
	peer->engine = engine;
	uv_pipe_init(&engine->loop, &peer->pipe, 0);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->pipe), 0);
	uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read);
}

static struct engine *engine_of(struct docker_listener *listener)
{
	return container_of(listener, struct engine, listener_of_docker);
}

static void on_up(struct docker_listener *listener)
{
	engine_of(listener)->ups++;
	uv_stop(&engine_of(listener)->loop);
}

static void on_down(struct docker_listener *listener, const char *words)
{
	struct engine *engine = engine_of(listener);
	engine->downs++;
	TEXT_COPY(engine->words, words);
	uv_stop(&engine->loop);
}

static void on_event(struct docker_listener *listener, const struct docker_event *event)
{
	struct engine *engine = engine_of(listener);
	engine->died += event->kind == DOCKER_EVENT_DIED;
	assert_string_equal(event->instance, "site");
	uv_stop(&engine->loop);
}

static int set_up(void **state)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	engine->version = "1.41";
	engine->listener_of_docker =
		(struct docker_listener){.on_up = on_up, .on_down = on_down, .on_event = on_event};
	uv_loop_init(&engine->loop);
	strcpy(engine->directory, "/tmp/kalki-docker-XXXXXX");
	assert_non_null(mkdtemp(engine->directory));
	snprintf(engine->path, sizeof(engine->path), "%s/s", engine->directory);
	uv_pipe_init(&engine->loop, &engine->listener, 0);
	assert_int_equal(uv_pipe_bind(&engine->listener, engine->path), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&engine->listener, 16, on_connection), 0);
	assert_int_equal(docker_open(&engine->docker, &engine->loop, engine->path, "site",
				     &engine->listener_of_docker, NULL),
			 0);
	*state = engine;
	return 0;
}

static void on_closed(void *data)
{
	struct engine *engine = data;
	engine->closed = true;
	for (unsigned i = 0; i < engine->peer_count; i++)
		close_peer(&engine->peers[i]);
	uv_close((uv_handle_t *)&engine->listener, NULL);
}

static int tear_down(void **state)
{
	struct engine *engine = *state;
	docker_close(engine->docker, on_closed, engine);
	while (uv_run(&engine->loop, UV_RUN_DEFAULT))
		;
	assert_true(engine->closed);
	assert_int_equal(uv_loop_close(&engine->loop), 0);
	buffer_done(&engine->asked);
	unlink(engine->path);
	rmdir(engine->directory);
	free(engine);
	return 0;
}

static void run_until(struct engine *engine, const unsigned *count, unsigned wanted)
{
	while (*count < wanted)
		uv_run(&engine->loop, UV_RUN_DEFAULT);
}

struct asked {
	struct docker_call call;
	uv_loop_t *loop;
	unsigned done;
	int result;
	char words[256];
};

static void on_done(struct docker_call *call, int result, const struct error *err)
{
	struct asked *asked = container_of(call, struct asked, call);
	asked->done++;
	asked->result = result;
	if (result < 0)
		TEXT_COPY(asked->words, err->text);
	uv_stop(asked->loop);
}

static void the_lower_version_is_spoken(void **state)
{
	static const struct {
		const char *offered, *spoken;
	} cases[] = {
		{"1.41", "/v1.41/events"}, {"1.43", "/v1.43/events"}, {"1.52", "/v1.44/events"}};
	struct engine *engine = *state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		engine->version = cases[i].offered;
		run_until(engine, &engine->ups, i + 1);
		assert_non_null(strstr(engine->asked.bytes, cases[i].spoken));
		close_peer(engine->events);
		run_until(engine, &engine->downs, i + 1);
	}
}

static void an_engine_that_is_too_old_is_told_once(void **state)
{
	struct engine *engine = *state;
	engine->version = "1.40";
	run_until(engine, &engine->downs, 1);
	assert_non_null(strstr(engine->words, "speaks API 1.40 (it must be 1.41 or later)"));
	/* Tried again, until it is another. */
	engine->version = "1.41";
	run_until(engine, &engine->ups, 1);
	assert_int_equal(engine->downs, 1);
}

static void events_are_told_of_this_instance_only(void **state)
{
	struct engine *engine = *state;
	run_until(engine, &engine->ups, 1);
	say(engine->events,
	    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\",\"Attributes\":"
	    "{\"org.kalki.instance\":\"other\"}}}\nnonsense\n{\"Type\":\"container\",\"Action\":\"die\","
	    "\"Actor\":{\"ID\":\"b\",\"Attributes\":{\"org.kalki.instance\":\"site\"}}}\n");
	run_until(engine, &engine->died, 1);
	assert_int_equal(engine->died, 1);
}

static void answers_become_results(void **state)
{
	static const struct {
		const char *answer;
		int result;
		const char *words;
	} cases[] = {
		{"HTTP/1.1 204 No Content\r\n\r\n", 0, ""},
		{"HTTP/1.1 304 Not Modified\r\n\r\n", 0, ""},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\n\r\n{\"message\":\"no such it\"}",
		 -ENOENT, "docker: no such it (status 404)"},
		{"HTTP/1.1 409 Conflict\r\nContent-Length: 19\r\n\r\n{\"message\":\"taken\"}",
		 -EEXIST, "docker: taken (status 409)"},
		{"HTTP/1.1 400 Bad Request\r\nContent-Length: 12\r\n\r\nplain words\n", -EINVAL,
		 "docker: plain words (status 400)"},
		{"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", -EIO, "docker:  (status 500)"},
	};
	struct engine *engine = *state;
	run_until(engine, &engine->ups, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked asked = {.call.done = on_done, .loop = &engine->loop};
		engine->answer = cases[i].answer;
		docker_start(engine->docker, &asked.call, "abc");
		assert_int_equal(asked.done, 0);
		run_until(engine, &asked.done, 1);
		assert_int_equal(asked.result, cases[i].result);
		assert_string_equal(asked.words, cases[i].words);
	}
	assert_non_null(strstr(engine->asked.bytes, "POST /v1.41/containers/abc/start HTTP/1.1\n"));
}

static void what_is_gone_is_removed(void **state)
{
	struct engine *engine = *state;
	struct asked asked = {.call.done = on_done, .loop = &engine->loop};
	run_until(engine, &engine->ups, 1);
	engine->answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	docker_remove(engine->docker, &asked.call, "abc");
	run_until(engine, &asked.done, 1);
	assert_int_equal(asked.result, 0);
}

static void a_broken_answer_leaves_the_result_unknown(void **state)
{
	struct engine *engine = *state;
	struct asked asked = {.call.done = on_done, .loop = &engine->loop};
	run_until(engine, &engine->ups, 1);
	engine->answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nBroken";
	docker_start(engine->docker, &asked.call, "abc");
	while (!strstr(engine->asked.bytes, "start"))
		uv_run(&engine->loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < engine->peer_count; i++)
		close_peer(&engine->peers[i]);
	run_until(engine, &asked.done, 1);
	assert_int_equal(asked.result, -ETIMEDOUT);
}

static void calls_fail_before_and_after(void **state)
{
	struct engine *engine = *state;
	struct asked early = {.call.done = on_done, .loop = &engine->loop};
	struct asked odd = {.call.done = on_done, .loop = &engine->loop};
	struct umbox_image image;
	docker_start(engine->docker, &early.call, "abc");
	assert_int_equal(early.done, 0);
	run_until(engine, &early.done, 1);
	assert_int_equal(early.result, -ENOTCONN);
	docker_image(engine->docker, &odd.call, "a/../../containers/x", &image);
	run_until(engine, &odd.done, 1);
	assert_int_equal(odd.result, -EINVAL);
}

static struct asked late;

static void closing_cancels_and_ends(void **state)
{
	struct engine *engine = *state;
	run_until(engine, &engine->ups, 1);
	late = (struct asked){.call.done = on_done, .loop = &engine->loop};
	engine->answer = "";
	docker_start(engine->docker, &late.call, "abc");
	tear_down(state);
	assert_int_equal(late.done, 1);
	assert_int_equal(late.result, -ECANCELED);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_lower_version_is_spoken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_engine_that_is_too_old_is_told_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(events_are_told_of_this_instance_only, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(answers_become_results, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_gone_is_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_broken_answer_leaves_the_result_unknown, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(calls_fail_before_and_after, set_up, tear_down),
		cmocka_unit_test_setup(closing_cancels_and_ends, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
