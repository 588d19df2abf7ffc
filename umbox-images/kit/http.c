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
	return too_long(http, count);
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

static void find_field(struct umbox_http *http)
{
	http->name_ended = true;
	for (http->field = 0; http->field < UMBOX_HTTP_FIELD_COUNT; http->field++)
		if (strlen(field_names[http->field]) == http->name_bytes &&
		    strncasecmp(http->name, field_names[http->field], http->name_bytes) == 0)
			break;
	if (http->field == UMBOX_HTTP_FIELD_COUNT)
		return;
	char *value = http->request->fields[http->field];
	if (value[0])
		append(http, value, UMBOX_HTTP_FIELD_BYTES, ", ", 2);
}

static int on_value(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	if (!http->name_ended)
		find_field(http);
	if (http->field < UMBOX_HTTP_FIELD_COUNT)
		append(http, http->request->fields[http->field], UMBOX_HTTP_FIELD_BYTES, bytes,
		       count);
	return too_long(http, count) || has_control(bytes, count, "\t");
}

static int on_head(http_parser *parser)
{
	struct umbox_http *http = parser->data;
	http->request->method = http_method_str(parser->method);
	return tell(http, http->watcher->on_head);
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
	struct umbox_http *http = parser->data;
	struct umbox_http_request *request = http->request;
	size_t room = sizeof(request->body) - request->body_bytes;
	request->body_cut |= count > room;
	count = count < room ? count : room;
	memcpy(request->body + request->body_bytes, bytes, count);
	request->body_bytes += count;
	if (!request->body_cut || http->body_told)
		return 0;
	http->body_told = true;
	return tell(http, http->watcher->on_body);
}

static int on_end(http_parser *parser)
{
	struct umbox_http *http = parser->data;
	http->other = parser->upgrade;
	if (!http->request->body_bytes || http->body_told)
		return 0;
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
	return HTTP_PARSER_ERRNO(&http->parser) == HPE_OK ? UMBOX_HTTP_FINE : UMBOX_HTTP_BAD;
}

const char *umbox_http_why(const struct umbox_http *http)
{
	if (http->head_bytes > UMBOX_HTTP_HEAD_BYTES)
		return "its head is too long";
	return http_errno_description(HTTP_PARSER_ERRNO(&http->parser));
}

void umbox_http_done(struct umbox_http *http)
{
	free(http->request);
	http->request = NULL;
}
