/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_http.h - the requests that a client sends over one connection (HTTP/1.0 and 1.1).
 *
 * Put one into the `own` of a stream and give it the client's bytes; it tells each request when its
 * head is whole, which is before the segment with the head's end is let through, and so before the
 * device can act on it.  Pipelined requests, chunked bodies, heads in a thousand segments are read;
 * what two readers could read in two ways (a length, credentials or a host told twice, a body of a
 * GET, obsolete line folding in a length, control characters, a fragment in a target, a request
 * without a version) is an error, and so is a head longer than UMBOX_HTTP_HEAD_BYTES.  Parsed by
 * http-parser. */
#pragma once

#include <http_parser.h>

#include "umbox_stream.h"

enum {
	UMBOX_HTTP_HEAD_BYTES = 16 * 1024,
	UMBOX_HTTP_TARGET_BYTES = 2048,
	UMBOX_HTTP_FIELD_BYTES = 1024,
	UMBOX_HTTP_BODY_BYTES = 4096, /* of a body that are kept for on_body */
};

/* The fields that detectors ask for.  Several of one name are joined with ", " (RFC 9110, 5.3). */
enum umbox_http_field {
	UMBOX_HTTP_AUTHORIZATION,
	UMBOX_HTTP_CONTENT_TYPE,
	UMBOX_HTTP_COOKIE,
	UMBOX_HTTP_HOST,
	UMBOX_HTTP_PROXY_AUTHORIZATION,
	UMBOX_HTTP_SOAP_ACTION,
	UMBOX_HTTP_USER_AGENT,
	UMBOX_HTTP_FIELD_COUNT,
};

struct umbox_http_request {
	const char *method;                   /* "GET" */
	char target[UMBOX_HTTP_TARGET_BYTES]; /* as it was sent: a path, or a whole URL */
	char fields[UMBOX_HTTP_FIELD_COUNT][UMBOX_HTTP_FIELD_BYTES]; /* "" when it was not sent */
	bool cut;     /* target or a field did not fit: what is here is its beginning */
	bool upgrade; /* it asks for another protocol; HTTP goes on unless the server agrees (101)
		       */
	/* Whole when on_body is called without `body_cut`. */
	char body[UMBOX_HTTP_BODY_BYTES];
	size_t body_bytes;
	bool body_cut;
};

struct umbox_http_watcher {
	/* The head is whole.  The request lives until the next one. */
	enum umbox_stream_word (*on_head)(struct umbox_stream *stream,
					  struct umbox_http_request *request, void *user);
	/* The body has ended, or has filled its room and goes on (`body_cut`); not called for
	 * requests without one.  Who then takes bytes out of it is called again for the rest.  May
	 * be NULL. */
	enum umbox_stream_word (*on_body)(struct umbox_stream *stream,
					  struct umbox_http_request *request, void *user);
	void *user;
};

/* Zeroed memory is a reader at its beginning. */
struct umbox_http {
	http_parser parser;
	const struct umbox_http_watcher *watcher;
	struct umbox_stream *stream;
	struct umbox_http_request *request;
	enum umbox_stream_word word;
	size_t head_bytes;
	enum umbox_http_field field; /* the one whose value comes; FIELD_COUNT: of no interest */
	char name[32];               /* of the field that comes, as far as it fits */
	size_t name_bytes;
	bool name_ended, body_told;
	unsigned fields_seen; /* a bit for each */
	bool other;           /* it has become another protocol (CONNECT) */
};

enum umbox_http_result {
	UMBOX_HTTP_FINE,
	UMBOX_HTTP_OTHER, /* from here on another protocol, if the server agrees (CONNECT) */
	UMBOX_HTTP_BAD,   /* no HTTP, or open to two readings */
};

/* The next bytes of the client.  `*ret_word` is what the watcher said, GO_ON when it was not asked.
 * After BAD of a stream that is midstream the next bytes are tried as the beginning of a request;
 * it is no longer midstream once a request was read to its end. */
enum umbox_http_result umbox_http_take(struct umbox_http *http,
				       const struct umbox_http_watcher *watcher,
				       struct umbox_stream *stream, const uint8_t *bytes,
				       size_t count, enum umbox_stream_word *ret_word);
void umbox_http_done(struct umbox_http *http);

/* User and password of "Basic ..." (RFC 7617); false when it is none, does not fit, or has anything
 * in it that two readers could read in two ways. */
bool umbox_http_basic(const char *authorization, char *user, size_t user_room, char *password,
		      size_t password_room);
/* A parameter of "Digest ..." (RFC 7616): `username`, `uri`, ...; false when it is not there. */
bool umbox_http_digest(const char *authorization, const char *parameter, char *ret, size_t room);
/* A field of a form (application/x-www-form-urlencoded, or the query of a target), decoded; the
 * case of its name is nothing. */
bool umbox_http_form(const char *text, size_t length, const char *name, char *ret, size_t room);
/* The path of a target without query, decoded, with "//", "." and ".." resolved, so that one path
 * has one spelling; false when it cannot be decoded or does not fit. */
bool umbox_http_path(const char *target, char *ret, size_t room);
