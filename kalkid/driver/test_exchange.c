/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_exchange.c - exchanges against a small HTTP server on the same loop, and with real
 * programs. */
#include "driver/exchange.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { LONG_US = 60 * 1000000 };

struct bed {
	uv_loop_t loop;
	uv_tcp_t listener;
	unsigned port;
	struct buffer seen; /* everything that was asked */
	char directory[64];
	struct exchanges *exchanges;
	struct device_identity device;
	unsigned done; /* calls that have ended, in order */
};

struct asked {
	struct exchange_call call;
	struct bed *bed;
	bool over;
	unsigned order;
	int result;
	struct error err;
};

struct peer {
	uv_tcp_t tcp;
	uv_write_t write, more;
	struct bed *bed;
	struct buffer in;
};

/* --- the server --- */

static void on_peer_closed(uv_handle_t *handle)
{
	struct peer *peer = handle->data;
	buffer_done(&peer->in);
	free(peer);
}

static void close_peer(struct peer *peer)
{
	if (!uv_is_closing((uv_handle_t *)&peer->tcp))
		uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

static void say(struct peer *peer, const char *text)
{
	uv_buf_t piece = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
	uv_write(&peer->write, (uv_stream_t *)&peer->tcp, &piece, 1, NULL);
}

static void on_alloc(uv_handle_t *handle maybe_unused, size_t size, uv_buf_t *ret)
{
	*ret = uv_buf_init(malloc(size), (unsigned)size);
}

static void answer(struct peer *peer)
{
	if (strstr(peer->in.bytes, " /missing"))
		say(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
	else if (strstr(peer->in.bytes, " /moved"))
		say(peer, "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
	else if (strstr(peer->in.bytes, " /long"))
		say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
	else if (strstr(peer->in.bytes, " /digest") && !strstr(peer->in.bytes, "Digest "))
		say(peer, "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
			  "qop=\"auth\"\r\nContent-Length: 0\r\n\r\n");
	else if (!strstr(peer->in.bytes, " /silent"))
		say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	buffer_done(&peer->in);
}

static void pour(uv_write_t *write, int status)
{
	static char much[65536];
	struct peer *peer = container_of(write, struct peer, more);
	uv_buf_t piece = uv_buf_init(much, sizeof(much));
	if (status < 0 || uv_is_closing((uv_handle_t *)&peer->tcp))
		return;
	uv_write(&peer->more, (uv_stream_t *)&peer->tcp, &piece, 1, pour);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct peer *peer = stream->data;
	if (count < 0)
		close_peer(peer);
	if (count > 0) {
		buffer_add(&peer->in, bytes->base, (size_t)count);
		buffer_add(&peer->bed->seen, bytes->base, (size_t)count);
		bool is_long = strstr(peer->in.bytes, " /long") != NULL;
		if (strstr(peer->in.bytes, "\r\n\r\n"))
			answer(peer);
		if (is_long)
			pour(&peer->more, 0);
	}
	free(bytes->base);
}

static void on_connection(uv_stream_t *listener, int status maybe_unused)
{
	struct peer *peer = mem_alloc(sizeof(*peer));
	peer->bed = listener->data;
	uv_tcp_init(listener->loop, &peer->tcp);
	peer->tcp.data = peer;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->tcp), 0);
	uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read);
}

/* --- set-up --- */

static void write_secret(const struct bed *bed, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", bed->directory, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct bed *bed = mem_alloc(sizeof(*bed));
	struct sockaddr_in address;
	int length = sizeof(address);
	struct error err = {0};
	signal(SIGPIPE, SIG_IGN);
	strcpy(bed->directory, "/tmp/kalki-exchange-XXXXXX");
	assert_non_null(mkdtemp(bed->directory));
	write_secret(bed, "login", "joe:geheim/x\n");
	write_secret(bed, "token", "tok/en\n");
	uv_loop_init(&bed->loop);
	uv_tcp_init(&bed->loop, &bed->listener);
	bed->listener.data = bed;
	uv_ip4_addr("127.0.0.1", 0, &address);
	assert_int_equal(uv_tcp_bind(&bed->listener, (struct sockaddr *)&address, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&bed->listener, 8, on_connection), 0);
	uv_tcp_getsockname(&bed->listener, (struct sockaddr *)&address, &length);
	bed->port = ntohs(address.sin_port);
	struct exchanges_config config = {
		.secrets = bed->directory, .known_hosts = "/dev/null", .at_once = 2};
	assert_int_equal(exchanges_open(&bed->exchanges, &bed->loop, &config, &err), 0);
	bed->device = (struct device_identity){.name = "lamp", .type = "hue"};
	bed->device.ip_count = 1;
	bed->device.ips[0] = (struct ip){.family = 4, .octet = {127, 0, 0, 1}};
	*state = bed;
	return 0;
}

static void on_closed(void *data)
{
	*(bool *)data = true;
}

static void close_any(uv_handle_t *handle, void *data maybe_unused)
{
	if (!uv_is_closing(handle))
		close_peer(handle->data);
}

static int tear_down(void **state)
{
	struct bed *bed = *state;
	bool closed = false;
	exchanges_close(bed->exchanges, on_closed, &closed);
	while (!closed)
		uv_run(&bed->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&bed->listener, NULL);
	uv_walk(&bed->loop, close_any, NULL);
	uv_run(&bed->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&bed->loop), 0);
	buffer_done(&bed->seen);
	cleanup_free char *command = mem_printf("rm -r %s", bed->directory);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

static void on_done(struct exchange_call *call, int result, const struct error *err)
{
	struct asked *asked = container_of(call, struct asked, call);
	assert_false(asked->over);
	asked->over = true;
	asked->order = ++asked->bed->done;
	asked->result = result;
	if (result < 0)
		asked->err = *err;
}

static void begin(struct bed *bed, struct asked *asked, const struct exchange *exchange)
{
	*asked = (struct asked){.bed = bed, .call.done = on_done};
	exchange_start(bed->exchanges, &asked->call, exchange, &bed->device);
	assert_false(asked->over);
}

static void end(struct asked *asked)
{
	while (!asked->over)
		uv_run(&asked->bed->loop, UV_RUN_ONCE);
}

static void ask(struct bed *bed, struct asked *asked, const struct exchange *exchange)
{
	begin(bed, asked, exchange);
	end(asked);
}

/* One of `path` at the server. */
static struct exchange http(const struct bed *bed, const char *path)
{
	static char url[256];
	snprintf(url, sizeof(url), "http://{ip}:%u%s", bed->port, path);
	struct exchange exchange = {
		.kind = EXCHANGE_HTTP, .timeout_us = LONG_US, .url = url, .verify = true};
	TEXT_COPY(exchange.method, "GET");
	return exchange;
}

static struct exchange program(const char *const *arguments)
{
	struct exchange exchange = {.kind = EXCHANGE_PROGRAM, .timeout_us = LONG_US};
	for (; arguments[exchange.argument_count]; exchange.argument_count++)
		exchange.arguments[exchange.argument_count] =
			(char *)(uintptr_t)arguments[exchange.argument_count];
	return exchange;
}

/* --- HTTP --- */

static void the_source_is_of_the_family_of_the_device(void **state maybe_unused)
{
	static const struct exchange_from both = {.ip4 = "10.20.0.1", .ip6 = "fd20::1"};
	static const struct exchange_from ip4 = {.ip4 = "10.20.0.1"};
	static const char *const four[] = {"10.20.0.9",
					   "lamp",
					   "lamp:80",
					   "http://10.20.0.9:80/a:b::c",
					   "https://u:p::@lamp/",
					   "mqtt://10.20.0.9"};
	static const char *const six[] = {"fd20::9", "[fd20::9]:22", "http://[fd20::9]:80/",
					  "https://u:p@[::1]/"};
	for (size_t i = 0; i < ARRAY_SIZE(four); i++)
		assert_string_equal(exchange_from_for(&both, four[i]), "10.20.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(six); i++) {
		assert_string_equal(exchange_from_for(&both, six[i]), "fd20::1");
		assert_null(exchange_from_for(&ip4, six[i]));
	}
}

static void a_server_is_asked(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	struct exchange exchange = http(bed, "/{device}/{type}");
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, 0);
	assert_string_equal(asked.call.answer.bytes, "hello");
	assert_non_null(strstr(bed->seen.bytes, "GET /lamp/hue HTTP/1.1\r\n"));
	assert_null(strstr(bed->seen.bytes, "Authorization"));
	buffer_done(&asked.call.answer);

	TEXT_COPY(exchange.method, "PUT");
	exchange.header_names[0] = (char[]){"X-A"};
	exchange.header_values[0] = (char[]){"of {device}"};
	exchange.header_count = 1;
	exchange.body = (char[]){"{\"on\":{type}}"};
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, 0);
	assert_non_null(strstr(bed->seen.bytes, "PUT /lamp/hue HTTP/1.1\r\n"));
	assert_non_null(strstr(bed->seen.bytes, "\r\nX-A: of lamp\r\n"));
	assert_non_null(strstr(bed->seen.bytes, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(bed->seen.bytes, "{\"on\":hue}"));
	buffer_done(&asked.call.answer);
}

static void credentials_are_used_and_never_told(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	struct exchange exchange = http(bed, "/missing");
	TEXT_COPY(exchange.credential, "login");
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EPROTO);
	assert_string_equal(asked.err.text, "http of lamp: the answer has status 404");
	assert_non_null(strstr(bed->seen.bytes, "Authorization: Basic am9lOmdlaGVpbS94\r\n"));

	write_secret(bed, "login@lamp", "joe:other");
	ask(bed, &asked, &exchange);
	assert_non_null(strstr(bed->seen.bytes, "Authorization: Basic am9lOm90aGVy\r\n"));

	exchange = http(bed, "/digest");
	TEXT_COPY(exchange.credential, "login");
	exchange.login = EXCHANGE_LOGIN_DIGEST;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, 0);
	assert_non_null(strstr(bed->seen.bytes, "Authorization: Digest username=\"joe\""));
	buffer_done(&asked.call.answer);

	exchange = http(bed, "/missing");
	TEXT_COPY(exchange.credential, "token");
	exchange.login = EXCHANGE_LOGIN_BEARER;
	ask(bed, &asked, &exchange);
	assert_non_null(strstr(bed->seen.bytes, "Authorization: Bearer tok/en\r\n"));

	/* A token is no user with a password; what it is does not stand in the words. */
	exchange.login = EXCHANGE_LOGIN_BASIC;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EINVAL);
	assert_string_equal(asked.err.text,
			    "credential 'token': user:password is wanted in one line");

	exchange = http(bed, "/missing/{credential}");
	TEXT_COPY(exchange.credential, "token");
	exchange.credential_in_text = true;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EPROTO);
	assert_null(strstr(asked.err.text, "tok"));
	assert_non_null(strstr(bed->seen.bytes, "GET /missing/tok%2Fen HTTP/1.1\r\n"));

	TEXT_COPY(exchange.credential, "none");
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -ENOENT);
}

static void what_is_no_answer_is_told(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	struct exchange exchange = http(bed, "/moved");
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EPROTO);
	exchange = http(bed, "/long");
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EMSGSIZE);
	exchange = http(bed, "/silent");
	exchange.timeout_us = 50000;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -ETIMEDOUT);
	bed->device.ip_count = 0;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EADDRNOTAVAIL);
	assert_null(asked.call.answer.bytes);
}

/* --- programs --- */

static void a_program_answers(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	const char *echo[] = {"/bin/echo", "-n", "{ip} $HOME;", "{device}", NULL};
	struct exchange exchange = program(echo);
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, 0);
	assert_string_equal(asked.call.answer.bytes, "127.0.0.1 $HOME; lamp");
	buffer_done(&asked.call.answer);

	/* It inherits nothing and reads nothing: 3 is the folder that ls itself opens. */
	const char *list[] = {"/bin/sh", "-c", "cat; ls /proc/self/fd; env | grep -c =", NULL};
	exchange = program(list);
	ask(bed, &asked, &exchange);
	assert_string_equal(asked.call.answer.bytes, "0\n1\n2\n3\n4\n");
	buffer_done(&asked.call.answer);
}

static void a_program_that_fails_is_told(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	const char *fails[] = {"/bin/sh", "-c", "echo why >&2; echo more >&2; exit 3", NULL};
	struct exchange exchange = program(fails);
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EIO);
	assert_string_equal(asked.err.text, "program of lamp: sh: exit code 3: why");
	const char *missing[] = {"/no/such", NULL};
	exchange = program(missing);
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -ENOENT);
	assert_non_null(strstr(asked.err.text, "such: cannot be started"));
	const char *much[] = {"/bin/sh", "-c", "yes", NULL};
	exchange = program(much);
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -EMSGSIZE);
}

/* The child of the program holds its pipe, and goes with it. */
static void the_deadline_ends_the_whole_group(void **state)
{
	struct bed *bed = *state;
	struct asked asked;
	char command[256];
	snprintf(command, sizeof(command), "sleep 1000 & echo $! >%s/new; mv %s/new %s/pid; wait",
		 bed->directory, bed->directory, bed->directory);
	const char *waits[] = {"/bin/sh", "-c", command, NULL};
	struct exchange exchange = program(waits);
	exchange.timeout_us = 2000000;
	ask(bed, &asked, &exchange);
	assert_int_equal(asked.result, -ETIMEDOUT);
	char path[128];
	int pid = 0;
	snprintf(path, sizeof(path), "%s/pid", bed->directory);
	FILE *file = fopen(path, "re");
	if (!file) /* too busy to get so far */
		return;
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	/* Gone, or not waited for yet by whoever is its parent now. */
	cleanup_free char *check = mem_printf(
		"for i in $(seq 600); do grep -q 'State:.*[RS] ' /proc/%d/status 2>/dev/null || "
		"exit 0; sleep 0.1; done; exit 1",
		pid);
	assert_int_equal(system(check), 0);
}

/* --- several --- */

static void two_run_at_once_and_the_others_wait(void **state)
{
	struct bed *bed = *state;
	struct asked asked[4];
	const char *sleeps[] = {"/bin/sleep", "1000", NULL}, *quick[] = {"/bin/echo", NULL};
	struct exchange slow = program(sleeps), fast = program(quick);
	begin(bed, &asked[0], &slow);
	begin(bed, &asked[1], &slow);
	begin(bed, &asked[2], &fast);
	begin(bed, &asked[3], &fast);
	exchange_cancel(&asked[3].call); /* while it waits */
	end(&asked[3]);
	assert_int_equal(asked[3].result, -ECANCELED);
	assert_false(asked[2].over);
	exchange_cancel(&asked[0].call); /* makes room */
	end(&asked[0]);
	assert_int_equal(asked[0].result, -ECANCELED);
	end(&asked[2]);
	assert_int_equal(asked[2].result, 0);
	buffer_done(&asked[2].call.answer);
	exchange_cancel(&asked[1].call);
	end(&asked[1]);
}

static void closing_cancels(void **state)
{
	struct bed *bed = *state;
	static struct asked asked[3];
	struct exchange silent = http(bed, "/silent");
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		begin(bed, &asked[i], &silent);
	tear_down(state);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		assert_int_equal(asked[i].result, -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_source_is_of_the_family_of_the_device, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_server_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(credentials_are_used_and_never_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_answer_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_that_fails_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_deadline_ends_the_whole_group, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_run_at_once_and_the_others_wait, set_up,
						tear_down),
		cmocka_unit_test_setup(closing_cancels, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
