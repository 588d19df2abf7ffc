/* SPDX-License-Identifier: Apache-2.0 */
/* session_http.c - logins in HTTP requests, and how the device answers them.
 *
 * Basic and Digest send the credentials with every request: only an answer of 401 or 403 makes an
 * attempt a failed one, and not where it says that the password was right and only its challenge
 * too old (RFC 7616, `stale`). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session.h"

static struct waiting_request *last_waiting(struct session_http *http)
{
	return &http->waiting[(http->first + http->count - 1) % REQUESTS_WAITING_MAX];
}

static void wait_for_answer(struct session *session, const struct umbox_http_request *request)
{
	struct session_http *http = &session->http;
	if (http->count == REQUESTS_WAITING_MAX)
		http->answers_lost = true; /* nobody sends so many at once to a device */
	if (http->answers_lost)
		return;
	http->count++;
	*last_waiting(http) = (struct waiting_request){
		.head = strcmp(request->method, "HEAD") == 0,
		.upgrade = request->upgrade,
	};
}

void session_http_tried(struct session *session, const struct login_attempt *attempt)
{
	struct session_http *http = &session->http;
	login_tried(session, attempt);
	if (http->answers_lost) {
		login_failed(session, attempt->user);
		return;
	}
	struct waiting_request *waiting = last_waiting(http);
	waiting->login = true;
	snprintf(waiting->user, sizeof(waiting->user), "%s", attempt->user);
}

static void read_authorization(struct session *session, const char *authorization)
{
	char user[LOGIN_USER_BYTES], password[UMBOX_HTTP_FIELD_BYTES];
	struct login_attempt attempt = {.user = user};
	if (umbox_http_basic(authorization, user, sizeof(user), password, sizeof(password)))
		attempt.password = password;
	else if (!umbox_http_digest(authorization, "username", user, sizeof(user))) {
		if (strncasecmp(authorization, "Basic", 5) == 0)
			session->word =
				UMBOX_STREAM_CUT; /* who can tell what a device makes of it? */
		return;
	}
	session_http_tried(session, &attempt);
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	struct session *session = own;
	(void)stream;
	wait_for_answer(session, request);
	read_authorization(session, request->fields[UMBOX_HTTP_AUTHORIZATION]);
	if (session->word == UMBOX_STREAM_GO_ON)
		session_form_head(session, request);
	return session->word;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	struct session *session = own;
	(void)stream;
	session_form_body(session, request);
	return session->word;
}

/* --- answers --- */

/* Steps on in `text` with the next byte. */
static void match(const char *text, uint8_t *at, char byte)
{
	int letter = tolower((unsigned char)byte);
	if (!text[*at] || byte == ' ' || byte == '"')
		return;
	*at = letter == text[*at] ? *at + 1 : letter == text[0];
}

static const char challenge[] = "www-authenticate", stale[] = "stale=true";

static int on_answer_begin(http_parser *parser)
{
	struct session_http *http = &((struct session *)parser->data)->http;
	http->in_value = false;
	http->name_at = http->stale_at = 0;
	return 0;
}

static int on_answer_field(http_parser *parser, const char *bytes, size_t count)
{
	struct session_http *http = &((struct session *)parser->data)->http;
	if (http->in_value)
		http->name_at = 0;
	http->in_value = false;
	for (size_t i = 0; i < count; i++)
		match(challenge, &http->name_at, bytes[i]);
	return 0;
}

static int on_answer_value(http_parser *parser, const char *bytes, size_t count)
{
	struct session_http *http = &((struct session *)parser->data)->http;
	http->in_value = true;
	for (size_t i = 0; i < count && !challenge[http->name_at]; i++)
		match(stale, &http->stale_at, bytes[i]);
	return 0;
}

static int on_answer_head(http_parser *parser)
{
	struct session *session = parser->data;
	struct session_http *http = &session->http;
	http->in_step = true;
	if (!http->count)
		return 0;
	struct waiting_request *answered = &http->waiting[http->first];
	if (parser->status_code == 101 && answered->upgrade)
		session->word = UMBOX_STREAM_LET_GO;
	if (parser->status_code / 100 == 1)
		return 0;
	http->first = (http->first + 1) % REQUESTS_WAITING_MAX;
	http->count--;
	if (answered->login && stale[http->stale_at] &&
	    (parser->status_code == 401 || parser->status_code == 403))
		login_failed(session, answered->user);
	return answered->head;
}

static void read_answers(struct session *session, const uint8_t *bytes, size_t count)
{
	static const http_parser_settings settings = {
		.on_message_begin = on_answer_begin,
		.on_header_field = on_answer_field,
		.on_header_value = on_answer_value,
		.on_headers_complete = on_answer_head,
	};
	struct session_http *http = &session->http;
	if (!http->answers.data) {
		http_parser_init(&http->answers, HTTP_RESPONSE);
		http->answers.data = session;
	}
	if (http->answers_lost)
		return;
	http_parser_execute(&http->answers, &settings, (const char *)bytes, count);
	bool lost = HTTP_PARSER_ERRNO(&http->answers) != HPE_OK || http->answers.upgrade;
	if (lost && !http->in_step)
		http->answers.data = NULL; /* in the middle of an answer: the next one is tried */
	else
		http->answers_lost = lost;
}

void session_http_open(struct session *session)
{
	session->http.in_step = !session->stream->midstream;
}

void session_http_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count)
{
	struct umbox_http_watcher watcher = {on_head, on_body, session};
	enum umbox_stream_word word;
	if (side == UMBOX_SERVER) {
		read_answers(session, bytes, count);
		return;
	}
	switch (umbox_http_take(&session->http.reader, &watcher, session->stream, bytes, count,
				&word)) {
	case UMBOX_HTTP_FINE: break;
	case UMBOX_HTTP_OTHER:
	case UMBOX_HTTP_BAD:
		/* What nobody can read for sure may hide a login. */
		if (!session->stream->midstream)
			session->word = UMBOX_STREAM_CUT;
		break;
	}
}

void session_http_close(struct session *session)
{
	umbox_http_done(&session->http.reader);
}
