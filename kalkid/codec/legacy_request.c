/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/legacy_request.c - see legacy_request.h. */
#include "codec/legacy_request.h"

#include <string.h>

#include "base/text.h"

static struct legacy_request *request_of(http_parser *parser)
{
	return container_of(parser, struct legacy_request, parser);
}

static int refuse(struct legacy_request *request, int result, const char *words)
{
	request->result = error_set(&request->err, result, "%s", words);
	return 1;
}

static int on_target(http_parser *parser, const char *bytes, size_t count)
{
	struct legacy_request *request = request_of(parser);
	size_t used = strlen(request->target);
	if (used + count >= sizeof(request->target))
		return refuse(request, -ENOENT, "an HTTP request to somewhere else");
	memcpy(request->target + used, bytes, count);
	return 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
	struct legacy_request *request = request_of(parser);
	if (request->body_bytes + count > sizeof(request->body))
		return refuse(request, -EMSGSIZE, "an HTTP request that is too long");
	memcpy(request->body + request->body_bytes, bytes, count);
	request->body_bytes += count;
	return 0;
}

static int on_whole(http_parser *parser)
{
	struct legacy_request *request = request_of(parser);
	bool there = text_equal(request->target, "/alert/") ||
		     text_equal(request->target, "/alert");
	request->whole = true;
	if (parser->method != HTTP_POST || !there)
		return refuse(request, -ENOENT, "an HTTP request to somewhere else");
	http_parser_pause(parser, 1); /* one is enough */
	return 0;
}

void legacy_request_begin(struct legacy_request *request)
{
	*request = (struct legacy_request){0};
	http_parser_init(&request->parser, HTTP_REQUEST);
}

bool legacy_request_take(struct legacy_request *request, const char *bytes, size_t count)
{
	static const http_parser_settings settings = {
		.on_url = on_target,
		.on_body = on_body,
		.on_message_complete = on_whole,
	};
	if (request->whole || request->result < 0)
		return true;
	request->seen += count;
	if (request->seen > LEGACY_REQUEST_BYTES)
		return refuse(request, -EMSGSIZE, "an HTTP request that is too long");
	size_t taken = http_parser_execute(&request->parser, &settings, bytes, count);
	if (!request->whole && request->result == 0 && (taken != count || request->parser.upgrade))
		return refuse(request, -EINVAL, "malformed HTTP");
	return request->whole || request->result < 0;
}

int legacy_request_read(const struct legacy_request *request, struct umbox_line *ret,
			struct error *err)
{
	if (request->result < 0)
		return error_set(err, request->result, "%s", request->err.text);
	if (!request->whole)
		return error_set(err, -EINVAL, "an HTTP request that ends too soon");
	return legacy_alert_read(ret, request->body, request->body_bytes, err);
}

static const char *status_of(int result)
{
	switch (result) {
	case 0: return "200 OK";
	case -EBUSY: return "429 Too Many Requests";
	case -ENOENT: return "404 Not Found";
	case -EMSGSIZE: return "413 Content Too Large";
	default: return "400 Bad Request";
	}
}

size_t legacy_answer_print(char text[static LEGACY_ANSWER_BYTES], int result)
{
	return (size_t)snprintf(text, LEGACY_ANSWER_BYTES,
				"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
				"Content-Length: 2\r\nConnection: close\r\n\r\n{}",
				status_of(result));
}
