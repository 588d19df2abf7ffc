/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_server.c - see http_server.h. */
#include "io/http_server.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/unix_listen.h"

enum {
	STREAM_BLOCK_BYTES = 16 * 1024,
	/* Of a body too large, before the connection is cut. */
	BODY_DISCARD_MAX = 4 * HTTP_BODY_BYTES_MAX,
	LISTEN_BACKLOG = 512,
	HANDLES = 3,
};

struct http_server {
	struct http_server_config config;
	char *socket_path;
	struct MHD_Daemon *daemon;
	struct http_request *requests;
	unsigned request_count;
	uv_poll_t poll;    /* on libmicrohttpd's own epoll descriptor */
	uv_timer_t timer;  /* when libmicrohttpd wants to run next */
	uv_idle_t at_once; /* it wants to run now: an idle handle lets other descriptors have their
			    * turn, a timer of 0 that is re-armed from its callback would not
			    * (libuv 1.44) */
	unsigned handles_open;
	bool running; /* inside MHD_run */
	bool again;   /* something was resumed meanwhile */
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

struct http_request {
	struct http_server *server;
	struct http_request *previous, *next;
	struct MHD_Connection *connection;
	char *target;
	char *method; /* NULL until the headers are there */
	struct buffer body;
	size_t body_seen;
	bool too_large, dispatched, suspended, stream_waiting;
	struct MHD_Response *response; /* until it is queued */
	unsigned status;
	ssize_t (*read)(void *data, char *bytes, size_t room);
	void *read_data;
	void (*gone)(void *data);
	void *gone_data;
};

/* --- running libmicrohttpd on the loop --- */

static void run_soon(struct http_server *server);

static void run(struct http_server *server)
{
	server->running = true;
	server->again = false;
	MHD_run(server->daemon);
	server->running = false;
	uv_timer_stop(&server->timer);
	uv_idle_stop(&server->at_once);
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	bool waits = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES;
	if (server->again || (waits && wait_ms == 0))
		run_soon(server);
	else if (waits)
		uv_timer_start(&server->timer, server->timer.timer_cb, wait_ms, 0);
}

static void on_poll(uv_poll_t *poll, int status maybe_unused, int events maybe_unused)
{
	run(container_of(poll, struct http_server, poll));
}

static void on_timer(uv_timer_t *timer)
{
	run(container_of(timer, struct http_server, timer));
}

static void on_idle(uv_idle_t *idle)
{
	run(container_of(idle, struct http_server, at_once));
}

static void run_soon(struct http_server *server)
{
	if (server->running)
		server->again = true;
	else
		uv_idle_start(&server->at_once, on_idle);
}

/* --- requests --- */

static void *on_target(void *data, const char *target, struct MHD_Connection *connection)
{
	struct http_server *server = data;
	struct http_request *request = mem_alloc(sizeof(*request));
	request->server = server;
	request->connection = connection;
	request->target = mem_copy_text(target);
	request->next = server->requests;
	if (request->next)
		request->next->previous = request;
	server->requests = request;
	server->request_count++;
	return request;
}

static void on_completed(void *data, struct MHD_Connection *connection maybe_unused, void **context,
			 enum MHD_RequestTerminationCode code maybe_unused)
{
	struct http_server *server = data;
	struct http_request *request = *context;
	if (!request)
		return;
	*context = NULL;
	if (request->gone)
		request->gone(request->gone_data);
	if (request->previous)
		request->previous->next = request->next;
	else
		server->requests = request->next;
	if (request->next)
		request->next->previous = request->previous;
	server->request_count--;
	if (request->response)
		MHD_destroy_response(request->response);
	buffer_done(&request->body);
	free(request->target);
	free(request->method);
	free(request);
}

static void suspend(struct http_request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

static void resume(struct http_request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
	run_soon(request->server);
}

static enum MHD_Result queue_response(struct http_request *request)
{
	enum MHD_Result result = MHD_queue_response(request->connection, request->status,
						    request->response);
	MHD_destroy_response(take(request->response));
	return result;
}

static enum MHD_Result dispatch(struct http_request *request)
{
	request->dispatched = true;
	request->server->config.on_request(request->server->config.data, request);
	if (request->response)
		return queue_response(request);
	suspend(request);
	return MHD_YES;
}

static bool announced_too_large(const struct http_request *request)
{
	const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	return length && strtoull(length, NULL, 10) > HTTP_BODY_BYTES_MAX;
}

static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t count)
{
	request->body_seen += count;
	if (request->body_seen > HTTP_BODY_BYTES_MAX) {
		request->too_large = true;
		buffer_done(&request->body);
		return request->body_seen > BODY_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	buffer_add(&request->body, bytes, count);
	return MHD_YES;
}

/* Comes with the headers, with each piece of the body, at the body's end, and after a resume. */
static enum MHD_Result on_access(void *data, struct MHD_Connection *connection maybe_unused,
				 const char *url maybe_unused, const char *method,
				 const char *version maybe_unused, const char *bytes, size_t *count,
				 void **context)
{
	struct http_server *server = data;
	struct http_request *request = *context;
	if (!request->method) {
		request->method = mem_copy_text(method);
		request->too_large = announced_too_large(request);
		/* Answered before its body: libmicrohttpd closes the connection
		 * behind the answer. */
		return request->too_large ? dispatch(request) : MHD_YES;
	}
	if (*count) {
		enum MHD_Result result = take_body(request, bytes, *count);
		*count = 0;
		return result;
	}
	if (request->response)
		return queue_response(request);
	if (request->dispatched || server->closing)
		return MHD_NO;
	return dispatch(request);
}

/* --- opening and closing --- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;
	if (--server->handles_open)
		return;
	void (*closed)(void *data) = server->closed;
	void *data = server->closed_data;
	free(server->socket_path);
	free(server);
	if (closed)
		closed(data);
}

static void close_handles(struct http_server *server)
{
	uv_close((uv_handle_t *)&server->poll, on_handle_closed);
	uv_close((uv_handle_t *)&server->timer, on_handle_closed);
	uv_close((uv_handle_t *)&server->at_once, on_handle_closed);
}

static void open_handles(struct http_server *server, uv_loop_t *loop, int epoll_fd)
{
	/* An epoll descriptor can always be polled: uv_poll_init fails on files only. */
	int result = uv_poll_init(loop, &server->poll, epoll_fd);
	assert(result == 0);
	uv_timer_init(loop, &server->timer);
	uv_idle_init(loop, &server->at_once);
	server->poll.data = server->timer.data = server->at_once.data = server;
	server->timer.timer_cb = on_timer;
	server->handles_open = HANDLES;
	uv_poll_start(&server->poll, UV_READABLE, on_poll);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access,
				server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)HTTP_HEAD_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)HTTP_IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK, on_target,
				server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
				MHD_OPTION_END);
}

int http_server_open(struct http_server **ret, uv_loop_t *loop,
		     const struct http_server_config *config, struct error *err)
{
	cleanup_free struct http_server *server = mem_alloc(sizeof(*server));
	server->config = *config;
	struct unix_listen_config where = {
		.path = config->socket_path,
		.group = config->group,
		.mode = config->mode,
		.backlog = LISTEN_BACKLOG,
	};
	int fd;
	int result = unix_listen(&fd, &where, err);
	if (result < 0)
		return result;
	server->daemon = start_daemon(server, fd); /* owns it from here on */
	if (!server->daemon) {
		unix_unlink_stale(config->socket_path);
		return error_set(err, -EIO, "%s: the HTTP server does not start",
				 config->socket_path);
	}
	open_handles(server, loop,
		     MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	server->socket_path = mem_copy_text(config->socket_path);
	*ret = take(server);
	return 0;
}

void http_server_close(struct http_server *server, void (*closed)(void *data), void *data)
{
	assert(!server->running && !server->closing);
	server->closing = true;
	server->closed = closed;
	server->closed_data = data;
	close_handles(server); /* before the descriptor that is polled goes */
	/* libmicrohttpd must not be stopped with suspended connections. */
	for (struct http_request *request = server->requests; request; request = request->next)
		if (request->suspended)
			MHD_resume_connection(request->connection);
	server->running = true;
	MHD_run(server->daemon);
	MHD_stop_daemon(server->daemon);
	assert(!server->requests);
	unix_unlink_stale(server->socket_path);
}

unsigned http_server_requests_open(const struct http_server *server)
{
	return server->request_count;
}

/* --- what a request says --- */

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_target(const struct http_request *request)
{
	return request->target;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_body(const struct http_request *request, size_t *ret_bytes)
{
	*ret_bytes = request->body.length;
	return request->body.length ? request->body.bytes : NULL;
}

bool http_request_too_large(const struct http_request *request)
{
	return request->too_large;
}

static int request_fd(const struct http_request *request)
{
	return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		->connect_fd;
}

int http_request_peer(const struct http_request *request, struct http_peer *ret, struct error *err)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);
	if (getsockopt(request_fd(request), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return error_errno(err, -errno, "who is connected");
	*ret = (struct http_peer){.uid = peer.uid, .gid = peer.gid, .pid = peer.pid};
	return 0;
}

bool http_request_peer_in_group(const struct http_request *request, gid_t group)
{
	socklen_t bytes = 0;
	int fd = request_fd(request);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE)
		return false; /* none */
	cleanup_free gid_t *groups = mem_alloc(bytes);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) < 0)
		return false;
	for (size_t i = 0; i < bytes / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

void http_request_watch(struct http_request *request, void (*gone)(void *data), void *data)
{
	request->gone = gone;
	request->gone_data = data;
}

/* --- answers --- */

static void give_response(struct http_request *request, const struct http_answer *answer,
			  struct MHD_Response *response)
{
	assert(response && !request->response && request->method);
	if (answer->content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					answer->content_type);
	for (unsigned i = 0; i < HTTP_HEADERS_MAX && answer->headers[i].name; i++)
		MHD_add_response_header(response, answer->headers[i].name,
					answer->headers[i].value);
	request->response = response;
	request->status = answer->status;
	resume(request);
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
	/* The library takes the bytes as not const, and copies them. */
	give_response(request, answer,
		      MHD_create_response_from_buffer(answer->body_bytes, (void *)answer->body,
						      MHD_RESPMEM_MUST_COPY));
}

static ssize_t on_stream_read(void *data, uint64_t position maybe_unused, char *bytes, size_t room)
{
	struct http_request *request = data;
	if (request->server->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	ssize_t count = request->read(request->read_data, bytes, room);
	if (count < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (count == 0) {
		request->stream_waiting = true;
		suspend(request);
	}
	return count;
}

void http_stream(struct http_request *request, const struct http_answer *answer,
		 ssize_t (*read)(void *data, char *bytes, size_t room), void *data)
{
	request->read = read;
	request->read_data = data;
	give_response(request, answer,
		      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
							on_stream_read, request, NULL));
}

void http_stream_wake(struct http_request *request)
{
	if (!request->stream_waiting)
		return;
	request->stream_waiting = false;
	resume(request);
}
