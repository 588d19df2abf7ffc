/* SPDX-License-Identifier: Apache-2.0 */
/* session_form.c - logins in forms: fields of a target's query and of a body, wherever user and
 * password stand, however long what is between them.
 *
 * Where a field comes twice one device takes the first and another the last: both are looked at. */
#include <stdio.h>
#include <string.h>

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
		if (!take_field(&settings->password_fields, text + at, count, &form->password))
			take_field(&settings->user_fields, text + at, count, &form->user);
		at += count + !!stop;
	}
	return at;
}

/* A form counts as one failed login whatever the answer, since devices say "wrong password" with a
 * page of status 200. */
static void judge(struct session *session)
{
	struct form *form = &session->http.form;
	struct login_attempt attempt = {form->user.last, form->password.last};
	const struct login_attempt others[] = {
		{form->user.first, form->password.first},
		{form->user.first, form->password.last},
		{form->user.last, form->password.first},
	};
	if (!form->password.known)
		return;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (login_is_default(session, &others[i]))
			attempt = others[i];
	if (form->counted && !login_is_default(session, &attempt))
		return;
	login_tried(session, &attempt);
	if (session->word == UMBOX_STREAM_GO_ON && !form->counted)
		login_failed(session, attempt.user);
	form->counted = true;
}

void session_form_head(struct session *session, const struct umbox_http_request *request)
{
	const char *query = strchr(request->target, '?');
	session->http.form = (struct form){.counted = false};
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

/* Whatever its type is said to be: many devices do not look. */
void session_form_body(struct session *session, struct umbox_http_request *request)
{
	size_t taken = take_fields(session, request->body, request->body_bytes, !request->body_cut);
	if (!request->body_cut) {
		judge(session);
		return;
	}
	if (!taken) /* a field too long for a name or a password */
		taken = request->body_bytes;
	memmove(request->body, request->body + taken, request->body_bytes - taken);
	request->body_bytes -= taken;
}
