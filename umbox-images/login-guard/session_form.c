/* SPDX-License-Identifier: Apache-2.0 */
/* session_form.c - logins in forms: fields of a target's query and of a body, wherever user and
 * password stand, however long what is between them; and what a form of any kind means.
 *
 * Where a field comes twice one device takes the first and another the last: both are looked at. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session.h"

static void note(struct form_field *field, const char *value)
{
	if (!field->known)
		snprintf(field->first, sizeof(field->first), "%s", value);
	snprintf(field->last, sizeof(field->last), "%s", value);
	field->known = true;
}

static bool take_field(const struct login_texts *names, const char *text, size_t length,
		       struct form_field *field)
{
	char value[LOGIN_USER_BYTES];
	for (size_t i = 0; i < names->count; i++)
		if (umbox_http_form(text, length, names->text[i], value, sizeof(value))) {
			note(field, value);
			return true;
		}
	return false;
}

/* Returns how many bytes were read: without `ended` the last field may go on. */
static size_t take_fields(struct session *session, const char *text, size_t length, bool ended)
{
	const struct login_settings *settings = login_settings_of(session);
	struct form *form = &session->http.form;
	size_t at = 0;
	while (at < length) {
		const char *stop = memchr(text + at, '&', length - at);
		if (!stop && !ended)
			break;
		size_t count = stop ? (size_t)(stop - text) - at : length - at;
		if (take_field(&settings->password_fields, text + at, count, &form->password))
			form->page = true;
		else
			take_field(&settings->user_fields, text + at, count, &form->user);
		at += count + !!stop;
	}
	return at;
}

static bool is_named(const struct login_texts *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcasecmp(names->text[i], name) == 0)
			return true;
	return false;
}

void session_form_note(struct session *session, const char *name, const char *value, bool page)
{
	const struct login_settings *settings = login_settings_of(session);
	struct form *form = &session->http.form;
	struct login_attempt attempt = {form->user.last, form->password.last};
	if (is_named(&settings->password_fields, name)) {
		note(&form->password, value);
		form->page |= page;
	} else if (is_named(&settings->user_fields, name)) {
		note(&form->user, value);
	} else {
		return;
	}
	/* One of many in one body. */
	if (form->password.known && !form->told && login_is_default(session, &attempt)) {
		form->told = true;
		login_tried(session, &attempt);
	}
}

/* The page of a form says "wrong password" with a status of 200, so it counts as one failed login
 * whatever the answer; a program that speaks JSON is told by the status. */
static void judge(struct session *session)
{
	struct form *form = &session->http.form;
	struct login_attempt attempt = {form->user.last, form->password.last};
	const struct login_attempt others[] = {
		{form->user.first, form->password.first},
		{form->user.first, form->password.last},
		{form->user.last, form->password.first},
	};
	if (!form->password.known || form->told)
		return;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (login_is_default(session, &others[i]))
			attempt = others[i];
	if (form->counted && !login_is_default(session, &attempt))
		return;
	if (!form->page) {
		session_http_tried(session, &attempt);
		return;
	}
	login_tried(session, &attempt);
	if (session->word == UMBOX_STREAM_GO_ON && !form->counted)
		login_failed(session, attempt.user);
	form->counted = true;
}

void session_form_head(struct session *session, const struct umbox_http_request *request)
{
	struct session_http *http = &session->http;
	const char *query = strchr(request->target, '?');
	http->form = (struct form){.told = false};
	http->json = (struct json_reader){.state = 0};
	http->body_seen = 0;
	session_parts_begin(session, request->fields[UMBOX_HTTP_CONTENT_TYPE]);
	if (!query)
		return;
	/* Nobody has read its end. */
	if (strlen(request->target) == sizeof(request->target) - 1) {
		session->word = UMBOX_STREAM_CUT;
		return;
	}
	take_fields(session, query + 1, strlen(query + 1), true);
	judge(session);
}

/* Whatever its type is said to be: many devices do not look.  What is left in it for the next call
 * is not read again byte by byte. */
void session_form_body(struct session *session, struct umbox_http_request *request)
{
	struct session_http *http = &session->http;
	session_json_bytes(session, request->body + http->body_seen,
			   request->body_bytes - http->body_seen);
	session_parts_bytes(session, request->body + http->body_seen,
			    request->body_bytes - http->body_seen);
	size_t taken = take_fields(session, request->body, request->body_bytes, !request->body_cut);
	if (!request->body_cut) {
		session_parts_end(session);
		judge(session);
		return;
	}
	if (!taken) /* a field too long for a name or a password */
		taken = request->body_bytes;
	memmove(request->body, request->body + taken, request->body_bytes - taken);
	request->body_bytes -= taken;
	http->body_seen = request->body_bytes;
}
