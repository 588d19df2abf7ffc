/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/test_client.h - for tests: a client of a Unix socket that lets the server's loop run
 * meanwhile. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/text.h"

enum { TEST_CLIENT_PATIENCE_MS = 20000 };

struct test_client {
	uv_loop_t *loop;
	int fd;
	struct buffer in;
	bool ended; /* the server closed */
};

static inline void test_client_open(struct test_client *client, uv_loop_t *loop, const char *path)
{
	*client = (struct test_client){.loop = loop};
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_true(TEXT_COPY(address.sun_path, path));
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static inline void test_client_close(struct test_client *client)
{
	close(client->fd);
	buffer_done(&client->in);
}

/* Lets the loop do what it has to do now, waiting for something to happen first. */
static inline void test_client_turn(struct test_client *client, short events)
{
	struct pollfd fds[] = {
		{.fd = uv_backend_fd(client->loop), .events = POLLIN},
		{.fd = client->ended ? -1 : client->fd, .events = events},
	};
	uv_run(client->loop, UV_RUN_NOWAIT);
	int timeout = uv_backend_timeout(client->loop);
	poll(fds, 2, timeout < 0 || timeout > 50 ? 50 : timeout);
	uv_run(client->loop, UV_RUN_NOWAIT);
}

static inline void test_client_take(struct test_client *client)
{
	char bytes[65536];
	for (;;) {
		ssize_t count = read(client->fd, bytes, sizeof(bytes));
		if (count > 0)
			buffer_add(&client->in, bytes, (size_t)count);
		else if (count == 0 || errno == ECONNRESET || errno == EPIPE)
			client->ended = true;
		if (count <= 0)
			return;
	}
}

/* False when the server closed before all was sent. */
static inline bool test_client_send(struct test_client *client, const char *bytes, size_t count)
{
	uint64_t start = uv_hrtime();
	while (count) {
		ssize_t sent = send(client->fd, bytes, count, MSG_NOSIGNAL);
		if (sent > 0) {
			bytes += sent;
			count -= (size_t)sent;
		} else if (errno != EAGAIN) {
			return false;
		} else {
			test_client_turn(client, POLLOUT);
		}
		assert_true(uv_hrtime() - start < TEST_CLIENT_PATIENCE_MS * 1000000ull);
	}
	return true;
}

static inline bool test_client_say(struct test_client *client, const char *text)
{
	return test_client_send(client, text, strlen(text));
}

/* Reads until `words` have come; false when the server closed without them. */
static inline bool test_client_wait(struct test_client *client, const char *words)
{
	uint64_t start = uv_hrtime();
	for (;;) {
		test_client_take(client);
		if (client->in.length &&
		    memmem(client->in.bytes, client->in.length, words, strlen(words)))
			return true;
		if (client->ended)
			return false;
		assert_true(uv_hrtime() - start < TEST_CLIENT_PATIENCE_MS * 1000000ull);
		test_client_turn(client, POLLIN);
	}
}

static inline void test_client_wait_end(struct test_client *client)
{
	assert_false(test_client_wait(client, "\x01 never said \x01"));
}

/* One answer: its head with the empty line, and its body. */
struct test_reply {
	unsigned status;
	char *head, *body;
	size_t body_bytes;
};

static inline void test_reply_done(struct test_reply *reply)
{
	free(reply->head);
	free(reply->body);
}

/* A header's value (to the end of its line) or NULL. */
static inline const char *test_reply_header(const struct test_reply *reply, const char *name)
{
	static char value[512];
	size_t length = strlen(name);
	for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1 + strspn(line + length + 1, " ");
		size_t bytes = min_of(strcspn(line, "\r"), sizeof(value) - 1);
		memcpy(value, line, bytes);
		value[bytes] = '\0';
		return value;
	}
	return NULL;
}

/* Takes the next answer off the connection; `head_only` for one to HEAD. */
static inline void test_client_reply(struct test_client *client, struct test_reply *ret,
				     bool head_only)
{
	assert_true(test_client_wait(client, "\r\n\r\n"));
	size_t head = (size_t)(strstr(client->in.bytes, "\r\n\r\n") + 4 - client->in.bytes);
	*ret = (struct test_reply){.head = strndup(client->in.bytes, head)};
	ret->status = (unsigned)atoi(ret->head + strlen("HTTP/1.1 "));
	buffer_drop(&client->in, head);
	const char *length = test_reply_header(ret, "Content-Length");
	ret->body_bytes = length && !head_only ? strtoul(length, NULL, 10) : 0;
	while (client->in.length < ret->body_bytes) {
		assert_false(client->ended);
		test_client_turn(client, POLLIN);
		test_client_take(client);
	}
	ret->body = malloc(ret->body_bytes + 1);
	if (ret->body_bytes)
		memcpy(ret->body, client->in.bytes, ret->body_bytes);
	ret->body[ret->body_bytes] = '\0';
	buffer_drop(&client->in, ret->body_bytes);
}
