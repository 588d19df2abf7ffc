/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/test_http_server.c - real sockets on a real loop: whole, partial, pipelined and broken
 * requests, answers that come later, streams, the end, and the socket's path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/http_server.h"
#include "io/test_client.h"
#include "io/unix_listen.h"

struct fixture {
	uv_loop_t loop;
	struct http_server *server;
	char folder[64], path[96];
	struct http_request *later; /* the one that waits for its answer */
	unsigned gone, requests;
	unsigned stream_left; /* pieces that the stream still has */
	bool stream_ends;
	bool closed;
};

static void count_gone(void *data)
{
	struct fixture *fixture = data;
	fixture->gone++;
}

static ssize_t read_piece(void *data, char *bytes, size_t room)
{
	struct fixture *fixture = data;
	if (!fixture->stream_left)
		return fixture->stream_ends ? HTTP_STREAM_END : 0;
	fixture->stream_left--;
	return snprintf(bytes, room, "piece %u;", fixture->stream_left);
}

static void answer_text(struct http_request *request, unsigned status, const char *text)
{
	struct http_answer answer = {
		.status = status,
		.content_type = "text/plain",
		.body = text,
		.body_bytes = strlen(text),
		.headers = {{"X-Test", "yes"}},
	};
	http_answer(request, &answer);
}

static void on_request(void *data, struct http_request *request)
{
	struct fixture *fixture = data;
	fixture->requests++;
	http_request_watch(request, count_gone, fixture);
	const char *target = http_request_target(request);
	size_t bytes;
	const char *body = http_request_body(request, &bytes);
	if (http_request_too_large(request)) {
		answer_text(request, 413, "too large");
	} else if (text_starts(target, "/later")) {
		fixture->later = request;
	} else if (text_starts(target, "/stream")) {
		struct http_answer answer = {.status = 200, .content_type = "text/event-stream"};
		fixture->later = request;
		http_stream(request, &answer, read_piece, fixture);
	} else {
		struct http_peer peer = {0};
		assert_int_equal(http_request_peer(request, &peer, NULL), 0);
		cleanup_free char *text =
			mem_printf("%s %s %zu:%.*s uid %u host %s", http_request_method(request),
				   target, bytes, (int)min_of(bytes, (size_t)20), body ? body : "",
				   peer.uid, http_request_header(request, "Host"));
		answer_text(request, 200, text);
	}
}

static int open_server(struct fixture *fixture, struct http_server **ret, struct error *err)
{
	struct http_server_config config = {
		.socket_path = fixture->path,
		.group = getgid(),
		.mode = 0660,
		.on_request = on_request,
		.data = fixture,
	};
	return http_server_open(ret, &fixture->loop, &config, err);
}

static int setup(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/kalki-http-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
	uv_loop_init(&fixture->loop);
	struct error err = {0};
	assert_int_equal(open_server(fixture, &fixture->server, &err), 0);
	*state = fixture;
	return 0;
}

static void note_closed(void *data)
{
	bool *closed = data;
	*closed = true;
}

static void close_server(struct fixture *fixture)
{
	http_server_close(take(fixture->server), note_closed, &fixture->closed);
	while (!fixture->closed)
		uv_run(&fixture->loop, UV_RUN_ONCE);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->server)
		close_server(fixture);
	assert_int_equal(uv_run(&fixture->loop, UV_RUN_NOWAIT), 0);
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	assert_int_equal(fixture->gone, fixture->requests);
	unlink(fixture->path);
	assert_int_equal(rmdir(fixture->folder), 0);
	free(fixture);
	return 0;
}

static void expect(struct test_client *client, unsigned status, const char *body)
{
	struct test_reply reply;
	test_client_reply(client, &reply, false);
	assert_int_equal(reply.status, status);
	assert_non_null(strstr(reply.body, body));
	test_reply_done(&reply);
}

static void answers_with_method_target_body_and_peer(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client,
			"PUT /a%20b?c=%41 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	char *words = mem_printf("PUT /a%%20b?c=%%41 5:hello uid %u host h", getuid());
	struct test_reply reply;
	test_client_reply(&client, &reply, false);
	assert_string_equal(reply.body, words);
	assert_string_equal(test_reply_header(&reply, "X-Test"), "yes");
	assert_string_equal(test_reply_header(&reply, "Content-Type"), "text/plain");
	test_reply_done(&reply);
	free(words);
	test_client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
				 "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
				 "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&client, 200, "GET /1");
	expect(&client, 200, "POST /2 3:abc");
	expect(&client, 200, "GET /3");
	test_client_close(&client);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	static const char words[] =
		"POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
	for (const char *at = words; *at; at++) {
		test_client_send(&client, at, 1);
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	expect(&client, 200, "POST /slow 5:abcde");
	test_client_close(&client);
}

static void a_body_too_large_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
	expect(&client, 413, "too large");
	test_client_close(&client);
}

static void send_chunks(struct test_client *client, unsigned count)
{
	static char chunk[0x4000 + 16];
	int head = snprintf(chunk, sizeof(chunk), "4000\r\n");
	memset(chunk + head, 'x', 0x4000);
	memcpy(chunk + head + 0x4000, "\r\n", 2);
	for (unsigned i = 0; i < count; i++)
		if (!test_client_send(client, chunk, (size_t)head + 0x4000 + 2))
			return;
}

static void a_chunked_body_too_large_is_not_kept(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	static const char head[] =
		"POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, head);
	send_chunks(&client, 20);
	test_client_say(&client, "0\r\n\r\n");
	expect(&client, 413, "too large");
	test_client_close(&client);

	/* Without an end it is cut. */
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, head);
	send_chunks(&client, 200);
	test_client_wait_end(&client);
	test_client_close(&client);
}

static void garbage_is_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char *const garbage[] = {
		": : :\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		struct test_client client;
		test_client_open(&client, &fixture->loop, fixture->path);
		test_client_say(&client, garbage[i]);
		struct test_reply reply;
		test_client_reply(&client, &reply, true);
		assert_in_range(reply.status, 400, 505);
		test_reply_done(&reply);
		test_client_wait_end(&client);
		test_client_close(&client);
	}
}

static void clients_that_leave_early_harm_nobody(void **state)
{
	struct fixture *fixture = *state;
	static const char *const parts[] = {
		"",
		"\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET /half HTTP/1.1\r\nHost",
		"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
	};
	struct test_client client;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		test_client_open(&client, &fixture->loop, fixture->path);
		test_client_say(&client, parts[i]);
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
		test_client_close(&client);
	}
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->later)
		test_client_turn(&client, POLLIN);
	test_client_close(&client);
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "GET /fine HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&client, 200, "GET /fine");
	answer_text(fixture->later, 200, "nobody is there");
	test_client_say(&client, "GET /fine HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&client, 200, "GET /fine");
	test_client_close(&client);
}

static void a_head_too_long_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	char *words = mem_alloc(2 * HTTP_HEAD_BYTES_MAX);
	memset(words, 'a', 2 * HTTP_HEAD_BYTES_MAX - 1);
	test_client_say(&client, "GET /x HTTP/1.1\r\nHost: h\r\nX: ");
	test_client_say(&client, words);
	free(words);
	assert_true(test_client_wait(&client, "HTTP/1.1 431"));
	test_client_close(&client);
}

static void an_answer_may_come_later(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client, other;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_open(&other, &fixture->loop, fixture->path);
	test_client_say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!fixture->later)
		test_client_turn(&client, POLLIN);
	test_client_say(&other, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&other, 200, "GET /now");
	answer_text(fixture->later, 200, "at last");
	expect(&client, 200, "at last");
	/* The connection goes on. */
	test_client_say(&client, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&client, 200, "GET /again");
	test_client_close(&client);
	test_client_close(&other);
}

static void a_stream_goes_on_when_it_is_woken(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	fixture->stream_left = 2;
	test_client_say(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(test_client_wait(&client, "piece 0;"));
	http_stream_wake(fixture->later);
	http_stream_wake(fixture->later); /* twice is once */
	uv_run(&fixture->loop, UV_RUN_NOWAIT);
	fixture->stream_left = 1001;
	http_stream_wake(fixture->later);
	assert_true(test_client_wait(&client, "piece 1000;"));
	fixture->stream_ends = true;
	http_stream_wake(fixture->later);
	assert_true(test_client_wait(&client, "piece 0;"));
	assert_true(test_client_wait(&client, "\r\n0\r\n\r\n"));
	test_client_close(&client);
}

static void a_stream_learns_that_its_client_left(void **state)
{
	struct fixture *fixture = *state;
	struct test_client client, other;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_open(&other, &fixture->loop, fixture->path);
	fixture->stream_left = 1;
	test_client_say(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(test_client_wait(&client, "piece 0;"));
	test_client_close(&client);
	for (int i = 0; i < 100 && !fixture->gone; i++) {
		fixture->stream_left = 1;
		http_stream_wake(fixture->later);
		test_client_turn(&other, POLLIN);
	}
	assert_int_equal(fixture->gone, 1);
	test_client_close(&other);
}

static void closing_ends_whoever_waits(void **state)
{
	struct fixture *fixture = *state;
	struct test_client idle, later, stream;
	test_client_open(&idle, &fixture->loop, fixture->path);
	test_client_open(&later, &fixture->loop, fixture->path);
	test_client_open(&stream, &fixture->loop, fixture->path);
	fixture->stream_left = 1;
	test_client_say(&stream, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(test_client_wait(&stream, "piece 0;"));
	test_client_say(&later, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	test_client_say(&idle, "GET /half HTTP/1.1\r\nHos");
	while (http_server_requests_open(fixture->server) < 3)
		test_client_turn(&later, POLLIN);
	close_server(fixture);
	test_client_wait_end(&idle);
	test_client_wait_end(&later);
	test_client_wait_end(&stream);
	assert_int_equal(access(fixture->path, F_OK), -1);
	test_client_close(&idle);
	test_client_close(&later);
	test_client_close(&stream);
}

static void five_hundred_connections_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	enum { COUNT = 500 };
	static struct test_client clients[COUNT];
	for (int i = 0; i < COUNT; i++) {
		test_client_open(&clients[i], &fixture->loop, fixture->path);
		test_client_say(&clients[i],
				"GET /many HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	}
	for (int i = 0; i < COUNT; i++) {
		expect(&clients[i], 200, "GET /many");
		test_client_wait_end(&clients[i]);
		test_client_close(&clients[i]);
	}
	assert_int_equal(fixture->requests, COUNT);
	assert_int_equal(http_server_requests_open(fixture->server), 0);
}

static void the_socket_has_its_mode(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	assert_int_equal(lstat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode, S_IFSOCK | 0660);
	assert_int_equal(status.st_gid, getgid());
}

static void a_living_socket_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct http_server *second = NULL;
	struct error err = {0};
	assert_int_equal(open_server(fixture, &second, &err), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(err.text, "another kalkid is running"));
	struct test_client client;
	test_client_open(&client, &fixture->loop, fixture->path);
	test_client_say(&client, "GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
	expect(&client, 200, "GET /alive");
	test_client_close(&client);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	close_server(fixture);
	struct unix_listen_config config = {
		.path = fixture->path, .group = getgid(), .mode = 0600, .backlog = 1};
	int stale;
	assert_int_equal(unix_listen(&stale, &config, NULL), 0);
	close(stale);
	struct error err = {0};
	assert_int_equal(open_server(fixture, &fixture->server, &err), 0);
	/* Whoever owned the stale one does not remove the new one. */
	unix_unlink_stale(fixture->path);
	assert_int_equal(access(fixture->path, F_OK), 0);
	fixture->closed = false;
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	close_server(fixture);
	int fd = open(fixture->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	struct error err = {0};
	assert_int_equal(open_server(fixture, &fixture->server, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is no socket"));
	assert_int_equal(access(fixture->path, F_OK), 0);
}

static void a_path_must_fit_and_its_folder_exist(void **state)
{
	struct fixture *fixture = *state;
	struct unix_listen_config config = {.path = "/nowhere/at/all", .mode = 0600};
	int listener;
	struct error err = {0};
	assert_int_equal(unix_listen(&listener, &config, &err), -ENOENT);
	char path[200];
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	config.path = path;
	assert_int_equal(unix_listen(&listener, &config, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "longer than 107 bytes"));
	assert_non_null(fixture->server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_with_method_target_body_and_peer),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(a_request_may_come_byte_by_byte),
		TEST(a_body_too_large_is_refused),
		TEST(a_chunked_body_too_large_is_not_kept),
		TEST(garbage_is_refused),
		TEST(clients_that_leave_early_harm_nobody),
		TEST(a_head_too_long_is_refused),
		TEST(an_answer_may_come_later),
		TEST(a_stream_goes_on_when_it_is_woken),
		TEST(a_stream_learns_that_its_client_left),
		TEST(closing_ends_whoever_waits),
		TEST(five_hundred_connections_come_and_go),
		TEST(the_socket_has_its_mode),
		TEST(a_living_socket_is_left_alone),
		TEST(a_stale_socket_is_replaced),
		TEST(what_is_no_socket_is_left_alone),
		TEST(a_path_must_fit_and_its_folder_exist),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
