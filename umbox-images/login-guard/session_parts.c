/* SPDX-License-Identifier: Apache-2.0 */
/* session_parts.c - logins in forms that come in parts (multipart/form-data, RFC 7578): of each
 * part the name in its head, and the first line behind it.  What two readers could read in two ways
 * is cut. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session.h"

static const char disposition[] = "content-disposition";

/* What stands behind `name=`, with or without quotes; returns where it ends, NULL where readers
 * differ about that. */
static const char *find_end(const char *value)
{
	if (*value != '"')
		return value + strcspn(value, "; \t");
	const char *end = value + 1 + strcspn(value + 1, "\"");
	return *end && end[-1] != '\\' ? end + 1 : NULL;
}

static bool copy_value(const char *value, const char *end, char *ret, size_t room)
{
	size_t quote = *value == '"', length = (size_t)(end - value) - 2 * quote;
	if (length >= room || memchr(value, '\\', length))
		return false;
	memcpy(ret, value + quote, length);
	ret[length] = '\0';
	return true;
}

/* The parameter `name` of a field, "" when it is not there; false when it is there twice, or cannot
 * be read for sure. */
static bool find_parameter(const char *text, const char *name, char *ret, size_t room)
{
	bool found = false;
	ret[0] = '\0';
	for (text += strcspn(text, ";"); *text; text += strcspn(text, ";")) {
		text += 1 + strspn(text + 1, " \t");
		size_t length = strcspn(text, "=*; \t");
		bool meant = length == strlen(name) && !strncasecmp(text, name, length);
		text += length + strspn(text + length, " \t");
		if (*text == '=') {
			const char *value = text + 1 + strspn(text + 1, " \t");
			text = find_end(value);
			if (!text || (meant && (found || !copy_value(value, text, ret, room))))
				return false;
			found |= meant;
		} else if (meant) {
			return false; /* name*=, in another alphabet */
		}
	}
	return true;
}

void session_parts_begin(struct session *session, const char *content_type)
{
	struct parts_reader *parts = &session->http.parts;
	*parts = (struct parts_reader){.boundary = "--"};
	if (strncasecmp(content_type, "multipart/", strlen("multipart/")) != 0)
		return;
	parts->place = PARTS_REST;
	if (!find_parameter(content_type, "boundary", parts->boundary + 2,
			    sizeof(parts->boundary) - 2) ||
	    !parts->boundary[2])
		session->word = UMBOX_STREAM_CUT;
}

/* Lines that go on the one before (RFC 5322, 2.2.3) are of old times. */
static bool take_head(struct parts_reader *parts)
{
	const char *line = parts->line;
	size_t length = strlen(disposition);
	if (*line == ' ' || *line == '\t' || strlen(line) < parts->length)
		return false;
	if (!*line) {
		parts->place = PARTS_VALUE;
		return true;
	}
	if (strncasecmp(line, disposition, length) != 0 ||
	    line[length + strspn(line + length, " \t")] != ':')
		return true;
	bool again = parts->named;
	parts->named = true;
	return !again && find_parameter(line, "name", parts->name, sizeof(parts->name));
}

/* A line that does not fit is no password. */
static void take_line(struct session *session)
{
	struct parts_reader *parts = &session->http.parts;
	char *line = parts->line;
	bool fits = parts->length < sizeof(parts->line);
	if (fits && parts->length && line[parts->length - 1] == '\r')
		parts->length--;
	line[fits ? parts->length : sizeof(parts->line) - 1] = '\0';
	if (!strncmp(line, parts->boundary, strlen(parts->boundary))) {
		parts->place = PARTS_HEAD;
		parts->named = false;
		parts->name[0] = '\0';
	} else if (parts->place == PARTS_HEAD) {
		if (!fits || !take_head(parts))
			session->word = UMBOX_STREAM_CUT;
	} else if (parts->place == PARTS_VALUE) {
		if (fits)
			session_form_note(session, parts->name, line, true);
		parts->place = PARTS_REST;
	}
	parts->length = 0;
}

void session_parts_bytes(struct session *session, const char *bytes, size_t count)
{
	struct parts_reader *parts = &session->http.parts;
	for (size_t i = 0; i < count && parts->place != PARTS_NONE; i++)
		if (bytes[i] == '\n')
			take_line(session);
		else if (parts->length < sizeof(parts->line))
			parts->line[parts->length++] = bytes[i];
}

void session_parts_end(struct session *session)
{
	if (session->http.parts.length)
		take_line(session);
}
