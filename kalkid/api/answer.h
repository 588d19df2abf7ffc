/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/answer.h - answers to requests: JSON with an ETag, and problems (RFC 9457). */
#pragma once

#include <jansson.h>

#include "codec/document.h"
#include "io/http_server.h"

/* 200 with JSON, or 304 when the asker has it already.  `version` (may be NULL) names what If-Match
 * is about, see etag_matches.  `body` is taken. */
void answer_json(struct http_request *request, json_t *body, const char *version);
/* The same of a text; `digest` is its digest where that is known already, or NULL. */
void answer_json_text(struct http_request *request, const char *text, size_t bytes,
		      const char *version, const char *digest);
/* Another status than 200; no ETag.  `body` is taken; `location` may be NULL. */
void answer_status(struct http_request *request, unsigned status, json_t *body,
		   const char *location);
void answer_text(struct http_request *request, const char *content_type, const char *text,
		 size_t bytes);

/* What went wrong, beside the words. */
struct problem {
	unsigned status;
	const char *code;                    /* one of openapi.yaml's */
	const char *hint;                    /* may be NULL */
	const struct complaints *complaints; /* may be NULL */
	const char *allow;                   /* of status 405 */
};
void answer_problem(struct http_request *request, const struct problem *problem, const char *format,
		    ...) printf_like(3, 4);
/* The problem that a negative errno of the engine means. */
void answer_error(struct http_request *request, const struct error *err);

/* Whether the list in `header` ("*" or ETags) holds one whose version is `version`.  The ETags are
 * W/"version.digest of the body": a device's version is its definition, so that an alert in between
 * does not refuse a change, which If-Match on the whole body would. */
bool etag_matches(const char *header, const char *version);
