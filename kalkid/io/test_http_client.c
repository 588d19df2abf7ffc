/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/test_http_client.c - the client against a small server on the same loop. */
#include "io/http_client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { PATIENCE_MS = 60000 };

struct server {
	uv_loop_t loop;
	uv_pipe_t listener;
	struct buffer seen; /* everything that was asked */
	char path[128];
	char directory[64];
	struct http_client *client;
	unsigned connections;
};

struct peer {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	struct server *server;
	struct buffer in;
	unsigned pieces;
};

static void free_peer(uv_handle_t *handle)
{
	struct peer *peer = handle->data;
	buffer_done(&peer->in);
	free(peer);
}

static void close_timer(uv_handle_t *handle)
{
	struct peer *peer = handle->data;
	peer->timer.data = peer;
	uv_close((uv_handle_t *)&peer->timer, free_peer);
}

static void close_peer(struct peer *peer)
{
	if (!uv_is_closing((uv_handle_t *)&peer->pipe))
		uv_close((uv_handle_t *)&peer->pipe, close_timer);
}

static void say(struct peer *peer, const char *text)
{
	uv_buf_t piece = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
	uv_write(&peer->write, (uv_stream_t *)&peer->pipe, &piece, 1, NULL);
}

static void on_tick(uv_timer_t *timer)
{
	struct peer *peer = timer->data;
	if (peer->pieces++ < 3)
		say(peer, "4\r\ntick\r\n");
	else
		close_peer(peer);
}

static void answer(struct peer *peer)
{
	if (strstr(peer->in.bytes, " /hello"))
		say(peer, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 5\r\n\r\nhello");
	else if (strstr(peer->in.bytes, " /missing"))
		say(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
	else if (strstr(peer->in.bytes, " /break"))
		close_peer(peer);
	else if (strstr(peer->in.bytes, " /stream")) {
		say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		uv_timer_start(&peer->timer, on_tick, 1, 1);
	}
	/* Anything else is never answered. */
	buffer_done(&peer->in);
}

static void on_alloc(uv_handle_t *handle maybe_unused, size_t size, uv_buf_t *ret)
{
	*ret = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct peer *peer = stream->data;
	if (count < 0)
		close_peer(peer);
	if (count > 0) {
		buffer_add(&peer->in, bytes->base, (size_t)count);
		buffer_add(&peer->server->seen, bytes->base, (size_t)count);
		if (strstr(peer->in.bytes, "\r\n\r\n"))
			answer(peer);
	}
	free(bytes->base);
}

static void on_connection(uv_stream_t *listener, int status maybe_unused)
{
	struct peer *peer = mem_alloc(sizeof(*peer));
	peer->server = listener->data;
	peer->server->connections++;
	uv_pipe_init(listener->loop, &peer->pipe, 0);
	uv_timer_init(listener->loop, &peer->timer);
	peer->pipe.data = peer->timer.data = peer;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->pipe), 0);
	uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read);
}

static int set_up(void **state)
{
	struct server *server = mem_alloc(sizeof(*server));
	uv_loop_init(&server->loop);
	strcpy(server->directory, "/tmp/kalki-http-XXXXXX");
	assert_non_null(mkdtemp(server->directory));
	snprintf(server->path, sizeof(server->path), "%s/s", server->directory);
	uv_pipe_init(&server->loop, &server->listener, 0);
	server->listener.data = server;
	assert_int_equal(uv_pipe_bind(&server->listener, server->path), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 16, on_connection), 0);
	assert_int_equal(http_client_open(&server->client, &server->loop, server->path, NULL), 0);
	*state = server;
	return 0;
}

static void on_client_closed(void *data)
{
	*(unsigned *)data += 1;
}

static int tear_down(void **state)
{
	struct server *server = *state;
	unsigned closed = 0;
	http_client_close(server->client, on_client_closed, &closed);
	uv_close((uv_handle_t *)&server->listener, NULL);
	while (uv_run(&server->loop, UV_RUN_DEFAULT))
		;
	assert_int_equal(closed, 1);
	assert_int_equal(uv_loop_close(&server->loop), 0);
	unlink(server->path);
	rmdir(server->directory);
	buffer_done(&server->seen);
	free(server);
	return 0;
}

struct asked {
	struct http_client_request request;
	uv_loop_t *loop;
	unsigned done, heads;
	int result;
	struct buffer body, stream;
	char words[256];
};

static void on_done(struct http_client_request *request, int result, const struct error *err)
{
	struct asked *asked = container_of(request, struct asked, request);
	asked->done++;
	asked->result = result;
	asked->body = request->answer;
	uv_stop(asked->loop);
	if (result < 0)
		TEXT_COPY(asked->words, err->text);
}

static void ask(struct server *server, struct asked *asked, const char *method, const char *path)
{
	asked->loop = &server->loop;
	asked->request.method = method;
	asked->request.path = path;
	asked->request.done = on_done;
	if (!asked->request.timeout_ms && !asked->request.on_data)
		asked->request.timeout_ms = PATIENCE_MS;
	http_client_start(server->client, &asked->request);
	assert_int_equal(asked->done, 0);
}

static void run_until(struct server *server, const unsigned *count)
{
	while (!*count)
		uv_run(&server->loop, UV_RUN_DEFAULT);
}

static void answers_come_with_status_body_and_header(void **state)
{
	struct asked asked = {.request.header = "Api-Version"};
	ask(*state, &asked, "GET", "/hello");
	run_until(*state, &asked.done);
	assert_int_equal(asked.result, 0);
	assert_int_equal(asked.request.status, 200);
	assert_string_equal(asked.body.bytes, "hello");
	assert_string_equal(asked.request.header_value, "1.41");
	buffer_done(&asked.body);

	struct asked missing = {0};
	ask(*state, &missing, "DELETE", "/missing");
	run_until(*state, &missing.done);
	assert_int_equal(missing.result, 0);
	assert_int_equal(missing.request.status, 404);
	buffer_done(&missing.body);
	assert_int_equal(((struct server *)*state)->connections, 1);
}

static void a_post_carries_its_body_and_type(void **state)
{
	struct server *server = *state;
	struct asked with = {.request.body = "{\"a\":1}"}, without = {0};
	ask(server, &with, "POST", "/hello");
	run_until(server, &with.done);
	assert_non_null(strstr(server->seen.bytes, "POST /hello HTTP/1.1\r\n"));
	assert_non_null(strstr(server->seen.bytes, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(server->seen.bytes, "Content-Length: 7\r\n"));
	assert_non_null(strstr(server->seen.bytes, "{\"a\":1}"));
	buffer_done(&with.body);

	buffer_done(&server->seen);
	ask(server, &without, "POST", "/hello");
	run_until(server, &without.done);
	assert_non_null(strstr(server->seen.bytes, "Content-Length: 0\r\n"));
	assert_null(strstr(server->seen.bytes, "Content-Type"));
	buffer_done(&without.body);
}

static void several_are_in_flight(void **state)
{
	struct server *server = *state;
	struct asked asked[12] = {0};
	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++)
		ask(server, &asked[i], "GET", "/hello");
	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
		run_until(server, &asked[i].done);
		assert_int_equal(asked[i].result, 0);
		buffer_done(&asked[i].body);
	}
	assert_true(server->connections > 1);
}

static void on_head(struct http_client_request *request)
{
	struct asked *asked = container_of(request, struct asked, request);
	asked->heads++;
	assert_int_equal(request->status, 200);
}

static int on_data(struct http_client_request *request, const char *bytes, size_t count)
{
	struct asked *asked = container_of(request, struct asked, request);
	buffer_add(&asked->stream, bytes, count);
	return 0;
}

static void a_stream_comes_in_pieces_and_its_end_is_told(void **state)
{
	struct asked asked = {.request.on_head = on_head, .request.on_data = on_data};
	ask(*state, &asked, "GET", "/stream");
	run_until(*state, &asked.done);
	assert_int_equal(asked.heads, 1);
	assert_string_equal(asked.stream.bytes, "tickticktick");
	assert_int_equal(asked.result, -EIO);
	assert_null(asked.body.bytes);
	buffer_done(&asked.stream);
}

static struct asked from_inside;

static void start_from_inside(struct http_client_request *request)
{
	struct asked *asked = container_of(request, struct asked, request);
	from_inside = (struct asked){.loop = asked->loop};
	from_inside.request = (struct http_client_request){
		.method = "GET", .path = "/hello", .timeout_ms = PATIENCE_MS, .done = on_done};
	http_client_start(request->client, &from_inside.request);
}

static void a_stream_may_lead_to_requests(void **state)
{
	struct asked asked = {.request.on_head = start_from_inside, .request.on_data = on_data};
	ask(*state, &asked, "GET", "/stream");
	run_until(*state, &asked.done);
	run_until(*state, &from_inside.done);
	assert_int_equal(from_inside.result, 0);
	assert_string_equal(from_inside.body.bytes, "hello");
	buffer_done(&from_inside.body);
	buffer_done(&asked.stream);
}

static int on_unwanted_data(struct http_client_request *request maybe_unused,
			    const char *bytes maybe_unused, size_t count maybe_unused)
{
	return -EMSGSIZE;
}

static void a_stream_ends_when_its_reader_refuses(void **state)
{
	struct asked asked = {.request.on_data = on_unwanted_data};
	ask(*state, &asked, "GET", "/stream");
	run_until(*state, &asked.done);
	assert_int_equal(asked.result, -EMSGSIZE);
}

static void every_wait_has_a_deadline(void **state)
{
	struct asked asked = {.request.timeout_ms = 20};
	ask(*state, &asked, "GET", "/never");
	run_until(*state, &asked.done);
	assert_int_equal(asked.result, -ETIMEDOUT);
}

static void a_broken_connection_is_told(void **state)
{
	struct asked asked = {0};
	ask(*state, &asked, "POST", "/break");
	run_until(*state, &asked.done);
	assert_int_equal(asked.result, -EIO);
	assert_non_null(strstr(asked.words, "/s: "));
}

static void cancelling_completes_once(void **state)
{
	struct asked early = {0}, late = {0};
	ask(*state, &early, "GET", "/hello");
	transfer_cancel(&early.request.transfer);
	transfer_cancel(&early.request.transfer);
	assert_int_equal(early.done, 0);
	ask(*state, &late, "GET", "/never");
	for (unsigned i = 0; i < 5; i++)
		uv_run(&((struct server *)*state)->loop, UV_RUN_NOWAIT);
	transfer_cancel(&late.request.transfer);
	run_until(*state, &late.done);
	assert_int_equal(early.done, 1);
	assert_int_equal(early.result, -ECANCELED);
	assert_int_equal(late.result, -ECANCELED);
}

static void closing_cancels_what_is_open(void **state)
{
	static struct asked asked;
	asked = (struct asked){0};
	ask(*state, &asked, "GET", "/never");
	uv_run(&((struct server *)*state)->loop, UV_RUN_NOWAIT);
	tear_down(state);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.result, -ECANCELED);
}

static void a_missing_server_is_an_errno(void **state)
{
	struct server *server = *state;
	struct asked asked = {0};
	unlink(server->path);
	ask(server, &asked, "GET", "/hello");
	run_until(server, &asked.done);
	assert_int_equal(asked.result, -ENOENT);
	assert_non_null(strstr(asked.words, "No such file"));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* the server answers requests that were cancelled */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_come_with_status_body_and_header, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_post_carries_its_body_and_type, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(several_are_in_flight, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_comes_in_pieces_and_its_end_is_told,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_may_lead_to_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_ends_when_its_reader_refuses, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(every_wait_has_a_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_broken_connection_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelling_completes_once, set_up, tear_down),
		cmocka_unit_test_setup(closing_cancels_what_is_open, set_up),
		cmocka_unit_test_setup_teardown(a_missing_server_is_an_errno, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
