/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_client.h - HTTP requests to a server on a Unix socket, several at once.
 *
 * Glossary: a *request* is embedded in its user's own object; the *answer* is what the server sent,
 * whatever its status says: a status of 500 is a success of the client. */
#pragma once

#include "base/text.h"
#include "io/transfer.h"

enum {
	HTTP_ANSWER_BYTES_MAX = 16 * 1024 * 1024,
	HTTP_HEADER_BYTES = 64,
};

struct http_client;
struct http_client_request;

struct http_client_request {
	/* Set by the user before http_client_start, which copies the texts. */
	const char *method;
	const char *path;    /* with its query, well formed */
	const char *body;    /* JSON; NULL sends an empty one where the method has a body */
	unsigned timeout_ms; /* 0 only for streams: none once the connection stands */
	const char *header;  /* name of a header of the answer that is wanted, or NULL */
	/* For a stream: the head has come, `status` stands; and each piece of the body as it
	 * comes, instead of `answer`.  A negative result ends the request with it. */
	void (*on_head)(struct http_client_request *request);
	int (*on_data)(struct http_client_request *request, const char *bytes, size_t count);
	/* Exactly once, never before http_client_start returned: 0 when an answer came, else
	 * -ECANCELED, -ETIMEDOUT, -EMSGSIZE, the errno of the connection (nothing was sent then),
	 * or -EIO (the connection broke: the server may have done what was asked).  The request is
	 * the user's again, and `answer` is the user's to free, result or not. */
	void (*done)(struct http_client_request *request, int result, const struct error *err);

	/* The answer. */
	unsigned status;
	struct buffer answer;
	char header_value[HTTP_HEADER_BYTES];

	/* The client's own. */
	struct http_client *client;
	struct transfer transfer;
	struct curl_slist *headers;
	int data_result;
};

int http_client_open(struct http_client **ret, uv_loop_t *loop, const char *socket,
		     struct error *err) must_check;
/* Cancels what is open; `closed` runs once, after the last `done`. */
void http_client_close(struct http_client *client, void (*closed)(void *data), void *data);

/* Also from inside on_head, on_data and done. */
void http_client_start(struct http_client *client, struct http_client_request *request);
