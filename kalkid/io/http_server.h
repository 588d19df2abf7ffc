/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_server.h - HTTP/1.1 over a Unix socket on the loop: libmicrohttpd behind one uv_poll_t.
 *
 * A request reaches `on_request` once, with its whole body.  It is answered by http_answer or
 * http_stream, then or later; until then its connection is suspended and costs nothing.  It lives
 * until `gone` ran (http_request_watch), which happens once after the answer is out, the client
 * left or the server closed. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

struct http_server;
struct http_request;

enum {
	HTTP_CONNECTIONS_MAX = 256,      /* the others wait in the socket's queue */
	HTTP_HEAD_BYTES_MAX = 32 * 1024, /* request line and headers, and what is sent at once */
	HTTP_BODY_BYTES_MAX = 256 * 1024,
	HTTP_HEADERS_MAX = 4,   /* of an answer, beside its content type */
	HTTP_IDLE_SECONDS = 20, /* a connection on which nothing moves is closed, also one that its
				 * client left in the middle of a request; suspended ones stay */
};

struct http_server_config {
	const char *socket_path;
	gid_t group;
	mode_t mode;
	void (*on_request)(void *data, struct http_request *request);
	void *data;
};

/* Errors as unix_listen. */
int http_server_open(struct http_server **ret, uv_loop_t *loop,
		     const struct http_server_config *config, struct error *err) must_check;
/* Ends every connection (their requests are gone), removes the socket, then runs `closed`.  Not
 * from inside `on_request` or a stream's `read`. */
void http_server_close(struct http_server *server, void (*closed)(void *data), void *data);
unsigned http_server_requests_open(const struct http_server *server);

const char *http_request_method(const struct http_request *request);
/* As it came: path and query, nothing decoded. */
const char *http_request_target(const struct http_request *request);
/* NULL when it is not there. */
const char *http_request_header(const struct http_request *request, const char *name);
/* NULL when there is none. */
const char *http_request_body(const struct http_request *request, size_t *ret_bytes);
/* The body was longer than HTTP_BODY_BYTES_MAX and is not kept. */
bool http_request_too_large(const struct http_request *request);

/* Who connected, as the kernel knew it then. */
struct http_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
int http_request_peer(const struct http_request *request, struct http_peer *ret,
		      struct error *err) must_check;
/* Among the groups that the peer had beside its first. */
bool http_request_peer_in_group(const struct http_request *request, gid_t group);

void http_request_watch(struct http_request *request, void (*gone)(void *data), void *data);

struct http_header {
	const char *name, *value;
};

struct http_answer {
	unsigned status;
	const char *content_type; /* NULL: no body */
	const char *body;         /* copied */
	size_t body_bytes;
	struct http_header headers[HTTP_HEADERS_MAX]; /* up to the first without a name */
};
void http_answer(struct http_request *request, const struct http_answer *answer);

enum { HTTP_STREAM_END = -1 };
/* An answer without a known end.  `read` fills `bytes` whenever the client has room and says how
 * many: 0 for nothing now (http_stream_wake asks again), HTTP_STREAM_END for the end. */
void http_stream(struct http_request *request, const struct http_answer *answer,
		 ssize_t (*read)(void *data, char *bytes, size_t room), void *data);
void http_stream_wake(struct http_request *request);
