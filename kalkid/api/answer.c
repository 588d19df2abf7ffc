/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/answer.c - see answer.h. */
#include "api/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"

enum { ETAG_BYTES = 2 * DIGEST_TEXT_BYTES + 8 };

static const char application_json[] = "application/json";

static const char *status_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{503, "Service Unavailable"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Internal Server Error";
}

void answer_text(struct http_request *request, const char *content_type, const char *text,
		 size_t bytes)
{
	struct http_answer answer = {
		.status = 200, .content_type = content_type, .body = text, .body_bytes = bytes};
	http_answer(request, &answer);
}

void answer_json_text(struct http_request *request, const char *text, size_t bytes,
		      const char *version, const char *digest)
{
	char own[DIGEST_TEXT_BYTES], etag[ETAG_BYTES];
	if (!digest) {
		digest_text(own, text, bytes);
		digest = own;
	}
	snprintf(etag, sizeof(etag), "W/\"%s%s%s\"", version ? version : "", version ? "." : "",
		 digest);
	struct http_answer answer = {
		.status = 200,
		.content_type = application_json,
		.body = text,
		.body_bytes = bytes,
		.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}},
	};
	const char *known = http_request_header(request, "If-None-Match");
	if (known && strstr(known, etag + strlen("W/"))) {
		answer.status = 304;
		answer.content_type = answer.body = NULL;
		answer.body_bytes = 0;
	}
	http_answer(request, &answer);
}

void answer_json(struct http_request *request, json_t *body, const char *version)
{
	cleanup_free char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	answer_json_text(request, text, strlen(text), version, NULL);
}

void answer_status(struct http_request *request, unsigned status, json_t *body,
		   const char *location)
{
	cleanup_free char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	struct http_answer answer = {
		.status = status,
		.content_type = application_json,
		.body = text,
		.body_bytes = strlen(text),
		.headers = {{location ? "Location" : NULL, location}},
	};
	http_answer(request, &answer);
}

/* "body:3:14: ips[0]: ..." to its parts. */
static json_t *complaint_to_json(const char *line, size_t length)
{
	cleanup_free char *text = mem_printf("%.*s", (int)length, line);
	unsigned row = 0, column = 0;
	int read = 0;
	if (sscanf(text, "%*[^:]:%u:%u: %n", &row, &column, &read) != 2 || !read)
		return json_pack("{s:o}", "detail", encode_text(text));
	return json_pack("{s:I, s:I, s:o}", "line", (json_int_t)row, "column", (json_int_t)column,
			 "detail", encode_text(text + read));
}

static json_t *complaints_to_json(const struct complaints *complaints)
{
	json_t *list = json_array();
	const char *line = complaints->text.bytes;
	while (line && *line) {
		size_t length = strcspn(line, "\n");
		json_array_append_new(list, complaint_to_json(line, length));
		line += length + (line[length] == '\n');
	}
	return list;
}

void answer_problem(struct http_request *request, const struct problem *problem, const char *format,
		    ...)
{
	va_list args;
	va_start(args, format);
	char words[ERROR_TEXT_BYTES];
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	json_t *body = json_pack("{s:s, s:s, s:I, s:o, s:s}", "type", "about:blank", "title",
				 status_title(problem->status), "status",
				 (json_int_t)problem->status, "detail", encode_text(words), "code",
				 problem->code);
	if (problem->hint)
		json_object_set_new(body, "hint", encode_text(problem->hint));
	if (problem->complaints)
		json_object_set_new(body, "errors", complaints_to_json(problem->complaints));
	cleanup_free char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	struct http_answer answer = {
		.status = problem->status,
		.content_type = "application/problem+json",
		.body = text,
		.body_bytes = strlen(text),
		.headers = {{problem->allow ? "Allow" : NULL, problem->allow}},
	};
	http_answer(request, &answer);
}

void answer_error(struct http_request *request, const struct error *err)
{
	struct problem problem = {.status = 500, .code = "internal"};
	switch (err->code) {
	case -ENOENT: problem = (struct problem){404, "not_found"}; break;
	case -EEXIST:
	case -EBUSY: problem = (struct problem){409, "conflict"}; break;
	case -EINVAL: problem = (struct problem){422, "invalid"}; break;
	case -EPERM:
		problem = (struct problem){409, "defined_by_file",
					   "change that file; it is read again on reload"};
		break;
	case -EACCES: problem = (struct problem){403, "not_allowed"}; break;
	case -EAGAIN:
	case -ECANCELED:
	case -ECONNREFUSED:
	case -ENOSPC:
	case -ETIMEDOUT:
		problem = (struct problem){503, "unavailable", "it may work again soon"};
		break;
	default:
		log_error("a request failed", "target=%s error=\"%s\"",
			  http_request_target(request), err->text);
	}
	answer_problem(request, &problem, "%s", err->text);
}

bool etag_matches(const char *header, const char *version)
{
	size_t length = strlen(version);
	const char *at = header + strspn(header, " \t");
	if (strcmp(at, "*") == 0)
		return true;
	while ((at = strchr(at, '"'))) {
		if (strncmp(at + 1, version, length) == 0 && at[1 + length] == '.')
			return true;
		at = strchr(at + 1, '"');
		if (!at)
			return false;
		at++;
	}
	return false;
}
