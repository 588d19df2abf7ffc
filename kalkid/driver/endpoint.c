/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/endpoint.c - see endpoint.h. */
#include "driver/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/legacy_request.h"
#include "io/lone_port.h"

enum { TURN_BYTES = 4096 };

struct connection {
	struct endpoint *endpoint;
	uv_poll_t poll;
	int fd;     /* -1: closed */
	bool taken; /* libuv has its handle */
	uint64_t number;
	struct legacy_request request;
};

struct endpoint {
	struct intake *intake;
	uv_poll_t listener;
	int fd;
	unsigned handles; /* libuv's, not closed yet */
	bool closing;
	uint64_t connected; /* so far */
	struct connection connections[ENDPOINT_CONNECTIONS_MAX];
};

static void free_when_done(struct endpoint *endpoint)
{
	if (--endpoint->handles == 0 && endpoint->closing)
		free(endpoint);
}

static void on_listener_closed(uv_handle_t *handle)
{
	free_when_done(container_of((uv_poll_t *)handle, struct endpoint, listener));
}

static void on_connection(uv_poll_t *poll, int status, int events);

/* Its place is free: others may come again. */
static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *connection = container_of((uv_poll_t *)handle, struct connection, poll);
	struct endpoint *endpoint = connection->endpoint;
	connection->taken = false;
	if (!endpoint->closing)
		uv_poll_start(&endpoint->listener, UV_READABLE, on_connection);
	free_when_done(endpoint);
}

static void close_connection(struct connection *connection)
{
	if (connection->fd < 0)
		return;
	uv_close((uv_handle_t *)&connection->poll, on_connection_closed);
	close(take_fd(connection->fd));
}

void endpoint_close(struct endpoint *endpoint)
{
	if (!endpoint || endpoint->closing)
		return;
	endpoint->closing = true;
	for (unsigned i = 0; i < ENDPOINT_CONNECTIONS_MAX; i++)
		if (endpoint->connections[i].taken)
			close_connection(&endpoint->connections[i]);
	uv_close((uv_handle_t *)&endpoint->listener, on_listener_closed);
	close(take_fd(endpoint->fd));
}

static int read_request(void *data, struct umbox_line *ret, struct error *err)
{
	return legacy_request_read(data, ret, err);
}

/* One request a connection.  An answer that is not taken at once is not waited for. */
static void answer(struct connection *connection, int result)
{
	char text[LEGACY_ANSWER_BYTES];
	size_t length = legacy_answer_print(text, result);
	(void)!send(connection->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	close_connection(connection);
}

static void on_readable(uv_poll_t *poll, int status, int events maybe_unused)
{
	struct connection *connection = container_of(poll, struct connection, poll);
	struct endpoint *endpoint = connection->endpoint;
	char bytes[TURN_BYTES];
	ssize_t count = status < 0 ? 0 : recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		close_connection(connection);
		return;
	}
	if (!legacy_request_take(&connection->request, bytes, (size_t)count))
		return;
	int result = intake_take(endpoint->intake, read_request, &connection->request);
	if (!endpoint->closing) /* what was said may have ended the umbox */
		answer(connection, result);
}

/* NULL when all are taken. */
static struct connection *find_place(struct endpoint *endpoint)
{
	for (unsigned i = 0; i < ENDPOINT_CONNECTIONS_MAX; i++)
		if (!endpoint->connections[i].taken)
			return &endpoint->connections[i];
	return NULL;
}

static void close_oldest(struct endpoint *endpoint)
{
	struct connection *oldest = &endpoint->connections[0];
	for (unsigned i = 1; i < ENDPOINT_CONNECTIONS_MAX; i++)
		if (endpoint->connections[i].number < oldest->number)
			oldest = &endpoint->connections[i];
	close_connection(oldest);
}

static void on_connection(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	struct endpoint *endpoint = container_of(poll, struct endpoint, listener);
	struct connection *connection = find_place(endpoint);
	if (!connection) {
		uv_poll_stop(poll); /* until its place is free */
		close_oldest(endpoint);
		return;
	}
	cleanup_close int fd = accept4(endpoint->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* It listens no more, and would be told as readable for ever. */
	if (fd < 0 && errno == EINVAL) {
		intake_end(endpoint->intake, "its endpoint was closed");
		return;
	}
	if (fd < 0 || uv_poll_init(poll->loop, &connection->poll, fd) < 0)
		return;
	endpoint->handles++;
	connection->endpoint = endpoint;
	connection->fd = take_fd(fd);
	connection->taken = true;
	connection->number = endpoint->connected++;
	legacy_request_begin(&connection->request);
	uv_poll_start(&connection->poll, UV_READABLE, on_readable);
}

int endpoint_open(struct endpoint **ret, uv_loop_t *loop, int netns, struct intake *intake,
		  struct error *err)
{
	int fd = lone_port_listen(netns, LEGACY_PORT, ENDPOINT_CONNECTIONS_MAX, err);
	if (fd < 0) {
		error_prefix(err, "the umbox's endpoint: ");
		return fd;
	}
	struct endpoint *endpoint = mem_alloc(sizeof(*endpoint));
	endpoint->intake = intake;
	endpoint->fd = fd;
	int result = uv_poll_init(loop, &endpoint->listener, fd);
	if (result < 0) {
		close(fd);
		free(endpoint);
		return error_errno(err, result, "the umbox's endpoint");
	}
	endpoint->handles = 1;
	uv_poll_start(&endpoint->listener, UV_READABLE, on_connection);
	*ret = endpoint;
	return 0;
}
