/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - requests out of a client's bytes; see umbox_http.h. */
#include "umbox_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const field_names[UMBOX_HTTP_FIELD_COUNT] = {
	[UMBOX_HTTP_AUTHORIZATION] = "authorization",
	[UMBOX_HTTP_CONTENT_TYPE] = "content-type",
	[UMBOX_HTTP_COOKIE] = "cookie",
	[UMBOX_HTTP_HOST] = "host",
	[UMBOX_HTTP_PROXY_AUTHORIZATION] = "proxy-authorization",
	[UMBOX_HTTP_SOAP_ACTION] = "soapaction",
	[UMBOX_HTTP_USER_AGENT] = "user-agent",
};

/* The first word that is not GO_ON stands. */
static int tell(struct umbox_http *http,
		enum umbox_stream_word (*told)(struct umbox_stream *, struct umbox_http_request *,
					       void *))
{
	if (told && http->word == UMBOX_STREAM_GO_ON)
		http->word = told(http->stream, http->request, http->watcher->user);
	return 0;
}

/* What does not fit is cut, and said to be. */
static void append(struct umbox_http *http, char *text, size_t room, const char *bytes,
		   size_t count)
{
	size_t length = strlen(text);
	if (count > room - 1 - length) {
		count = room - 1 - length;
		http->request->cut = true;
	}
	memcpy(text + length, bytes, count);
	text[length + count] = '\0';
}

/* --- what the parser tells --- */

static int on_begin(http_parser *parser)
{
	struct umbox_http *http = parser->data;
	*http->request = (struct umbox_http_request){.method = ""};
	http->name_ended = http->body_told = false;
	http->fields_seen = 0;
	http->name_bytes = 0;
	http->head_bytes = 0;
	return 0;
}

static bool too_long(struct umbox_http *http, size_t count)
{
	http->head_bytes += count;
	return http->head_bytes > UMBOX_HTTP_HEAD_BYTES;
}

/* Debian's parser is built to be lenient. */
static bool has_control(const char *bytes, size_t count, const char *allowed)
{
	for (size_t i = 0; i < count; i++)
		if (((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f) &&
		    !(bytes[i] && strchr(allowed, bytes[i])))
			return true;
	return false;
}

static int on_target(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	append(http, http->request->target, sizeof(http->request->target), bytes, count);
	return too_long(http, count) || has_control(bytes, count, "") || memchr(bytes, '#', count);
}

static int on_field(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	if (http->name_ended)
		http->name_bytes = 0;
	http->name_ended = false;
	for (size_t i = 0; i < count; i++, http->name_bytes++)
		if (http->name_bytes < sizeof(http->name))
			http->name[http->name_bytes] = bytes[i];
	return too_long(http, count) || has_control(bytes, count, "") || memchr(bytes, ' ', count);
}

/* Of these one reader takes the first and another the last. */
static bool may_come_twice(enum umbox_http_field field)
{
	return field != UMBOX_HTTP_AUTHORIZATION && field != UMBOX_HTTP_CONTENT_TYPE &&
	       field != UMBOX_HTTP_HOST;
}

/* False where it has come before and must not. */
static bool find_field(struct umbox_http *http)
{
	http->name_ended = true;
	for (http->field = 0; http->field < UMBOX_HTTP_FIELD_COUNT; http->field++)
		if (strlen(field_names[http->field]) == http->name_bytes &&
		    strncasecmp(http->name, field_names[http->field], http->name_bytes) == 0)
			break;
	if (http->field == UMBOX_HTTP_FIELD_COUNT)
		return true;
	char *value = http->request->fields[http->field];
	if (value[0])
		append(http, value, UMBOX_HTTP_FIELD_BYTES, ", ", 2);
	bool again = http->fields_seen >> http->field & 1;
	http->fields_seen |= 1u << http->field;
	return !again || may_come_twice(http->field);
}

static int on_value(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	if (!http->name_ended && !find_field(http))
		return -1;
	if (http->field < UMBOX_HTTP_FIELD_COUNT)
		append(http, http->request->fields[http->field], UMBOX_HTTP_FIELD_BYTES, bytes,
		       count);
	return too_long(http, count) || has_control(bytes, count, "\t");
}

/* A request without a version (HTTP/0.9) ends with its first line, for those who answer it. */
static bool has_no_version(const http_parser *parser)
{
	return parser->http_major == 0 && parser->http_minor == 9;
}

/* Many devices take what follows the head of a GET for the next request, whatever the head says. */
static bool has_doubtful_body(const http_parser *parser)
{
	bool body = parser->flags & F_CHUNKED ||
		    (parser->content_length && parser->content_length != UINT64_MAX);
	return body && (parser->method == HTTP_GET || parser->method == HTTP_HEAD);
}

/* Who asks for another protocol goes on with this one, unless the server agrees. */
static int on_head(http_parser *parser)
{
	struct umbox_http *http = parser->data;
	if (has_no_version(parser) || has_doubtful_body(parser))
		return -1;
	http->request->method = http_method_str(parser->method);
	if (parser->method != HTTP_CONNECT) {
		http->request->upgrade = parser->upgrade;
		parser->upgrade = 0;
	}
	return tell(http, http->watcher->on_head);
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	struct umbox_http_request *request = http->request;
	while (count && !http->body_told) {
		size_t room = sizeof(request->body) - request->body_bytes;
		size_t part = count < room ? count : room;
		memcpy(request->body + request->body_bytes, bytes, part);
		request->body_bytes += part;
		bytes += part;
		count -= part;
		if (!count)
			break;
		request->body_cut = true;
		tell(http, http->watcher->on_body);
		http->body_told = request->body_bytes == sizeof(request->body);
	}
	return 0;
}

static int on_end(http_parser *parser)
{
	struct umbox_http *http = parser->data;
	struct umbox_http_request *request = http->request;
	http->other = parser->upgrade;
	http->stream->midstream = false; /* in step with the client from here on */
	if ((!request->body_bytes && !request->body_cut) || http->body_told)
		return 0;
	request->body_cut = false;
	return tell(http, http->watcher->on_body);
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

static void begin(struct umbox_http *http)
{
	http_parser_init(&http->parser, HTTP_REQUEST);
	http->parser.data = http;
}

enum umbox_http_result umbox_http_take(struct umbox_http *http,
				       const struct umbox_http_watcher *watcher,
				       struct umbox_stream *stream, const uint8_t *bytes,
				       size_t count, enum umbox_stream_word *ret_word)
{
	*ret_word = UMBOX_STREAM_GO_ON;
	if (http->other)
		return UMBOX_HTTP_OTHER;
	if (!http->request) {
		http->request = calloc(1, sizeof(*http->request));
		if (!http->request)
			abort();
		begin(http);
	} else if (stream->midstream && HTTP_PARSER_ERRNO(&http->parser) != HPE_OK) {
		begin(http);
	}
	http->watcher = watcher;
	http->stream = stream;
	http->word = UMBOX_STREAM_GO_ON;
	http_parser_execute(&http->parser, &settings, (const char *)bytes, count);
	*ret_word = http->word;
	if (http->other)
		return UMBOX_HTTP_OTHER;
	if (HTTP_PARSER_ERRNO(&http->parser) != HPE_OK || has_no_version(&http->parser))
		return UMBOX_HTTP_BAD;
	return UMBOX_HTTP_FINE;
}

void umbox_http_done(struct umbox_http *http)
{
	free(http->request);
	http->request = NULL;
}
