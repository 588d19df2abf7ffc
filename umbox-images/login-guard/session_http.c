/* SPDX-License-Identifier: Apache-2.0 */
/* session_http.c - logins in HTTP requests, and how the device answers them.
 *
 * Basic and Digest send the credentials with every request: only an answer of 401 or 403 makes an
 * attempt a failed one.  A form that brings a password is an attempt that counts whatever the
 * answer, since devices say "wrong password" with a page of status 200. */
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
	};
}

static void note_login(struct session *session, const char *user, const char *password)
{
	struct session_http *http = &session->http;
	login_tried(session, &(struct login_attempt){.user = user, .password = password});
	if (http->answers_lost) {
		login_failed(session, user);
		return;
	}
	struct waiting_request *waiting = last_waiting(http);
	waiting->login = true;
	snprintf(waiting->user, sizeof(waiting->user), "%s", user);
}

static bool find_in_form(const struct login_texts *names, const char *form, size_t length,
			 char *ret)
{
	for (size_t i = 0; i < names->count; i++)
		if (umbox_http_form(form, length, names->text[i], ret, LOGIN_USER_BYTES))
			return true;
	return false;
}

static void read_form(struct session *session, const char *form, size_t length)
{
	const struct login_settings *settings = login_settings_of(session);
	char user[LOGIN_USER_BYTES] = "", password[LOGIN_USER_BYTES];
	if (!find_in_form(&settings->password_fields, form, length, password))
		return;
	find_in_form(&settings->user_fields, form, length, user);
	login_tried(session, &(struct login_attempt){.user = user, .password = password});
	if (session->word == UMBOX_STREAM_GO_ON)
		login_failed(session, user);
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	struct session *session = own;
	const char *authorization = request->fields[UMBOX_HTTP_AUTHORIZATION];
	char user[LOGIN_USER_BYTES], password[LOGIN_USER_BYTES];
	(void)stream;
	wait_for_answer(session, request);
	if (umbox_http_basic(authorization, user, sizeof(user), password, sizeof(password)))
		note_login(session, user, password);
	else if (umbox_http_digest(authorization, "username", user, sizeof(user)))
		note_login(session, user, NULL);
	if (session->word == UMBOX_STREAM_GO_ON)
		read_form(session, request->target, strlen(request->target));
	return session->word;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct session *session = own;
	(void)stream;
	if (strncasecmp(request->fields[UMBOX_HTTP_CONTENT_TYPE], form, sizeof(form) - 1) == 0)
		read_form(session, request->body, request->body_bytes);
	return session->word;
}

/* --- answers --- */

static int on_answer_head(http_parser *parser)
{
	struct session *session = parser->data;
	struct session_http *http = &session->http;
	if (parser->status_code / 100 == 1 || !http->count)
		return 0;
	struct waiting_request *answered = &http->waiting[http->first];
	http->first = (http->first + 1) % REQUESTS_WAITING_MAX;
	http->count--;
	if (answered->login && (parser->status_code == 401 || parser->status_code == 403))
		login_failed(session, answered->user);
	return answered->head;
}

static void read_answers(struct session *session, const uint8_t *bytes, size_t count)
{
	static const http_parser_settings settings = {.on_headers_complete = on_answer_head};
	struct session_http *http = &session->http;
	if (!http->answers.data) {
		http_parser_init(&http->answers, HTTP_RESPONSE);
		http->answers.data = session;
	}
	if (http->answers_lost)
		return;
	http_parser_execute(&http->answers, &settings, (const char *)bytes, count);
	http->answers_lost = HTTP_PARSER_ERRNO(&http->answers) != HPE_OK || http->answers.upgrade;
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
