/* SPDX-License-Identifier: Apache-2.0 */
/* session_json.c - logins in JSON: fields of a body that begins as an object or an array, however
 * deep they stand. */
#include <stdlib.h>
#include <string.h>

#include "session.h"

enum json_state {
	JSON_BEFORE, /* nothing but blanks has come */
	JSON_NO,     /* it is something else */
	JSON_BETWEEN,
	JSON_TEXT,
	JSON_ESCAPE,
	JSON_CODE, /* of \uXXXX */
	JSON_BARE, /* a number, true, false, null */
};

static void append(struct json_reader *json, char byte)
{
	if (json->length < sizeof(json->text))
		json->text[json->length++] = byte;
}

/* What does not fit is neither a name nor a password. */
static void end_text(struct session *session)
{
	struct json_reader *json = &session->http.json;
	bool fits = json->length < sizeof(json->text);
	json->text[fits ? json->length : 0] = '\0';
	json->state = JSON_BETWEEN;
	if (json->valued && fits)
		session_form_note(session, json->name, json->text, false);
	json->valued = false;
}

static void between(struct session *session, char byte)
{
	struct json_reader *json = &session->http.json;
	switch (byte) {
	case ' ':
	case '\t':
	case '\r':
	case '\n': break;
	case '"':
		json->state = JSON_TEXT;
		json->length = 0;
		break;
	case ':':
		memcpy(json->name, json->text, sizeof(json->name));
		json->valued = true;
		break;
	case ',':
	case '{':
	case '}':
	case '[':
	case ']': json->valued = false; break;
	default:
		json->state = JSON_BARE;
		json->length = 0;
		append(json, byte);
	}
}

static void in_text(struct session *session, char byte)
{
	struct json_reader *json = &session->http.json;
	if (byte == '"')
		end_text(session);
	else if (byte == '\\')
		json->state = JSON_ESCAPE;
	else
		append(json, byte);
}

static void escaped(struct json_reader *json, char byte)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
	const char *found = byte ? strchr(letters, byte) : NULL;
	json->state = JSON_TEXT;
	if (byte == 'u') {
		json->state = JSON_CODE;
		json->code_length = 0;
	} else {
		append(json, found ? meant[found - letters] : byte);
	}
}

/* What is no ASCII is in no name. */
static void in_code(struct json_reader *json, char byte)
{
	json->code[json->code_length++] = byte;
	if (json->code_length < sizeof(json->code) - 1)
		return;
	json->code[json->code_length] = '\0';
	unsigned long code = strtoul(json->code, NULL, 16);
	append(json, code && code < 0x80 ? (char)code : '?');
	json->state = JSON_TEXT;
}

static void in_bare(struct session *session, char byte)
{
	struct json_reader *json = &session->http.json;
	if (strchr(" \t\r\n,:{}[]\"", byte)) {
		end_text(session);
		between(session, byte);
	} else {
		append(json, byte);
	}
}

static void take(struct session *session, char byte)
{
	struct json_reader *json = &session->http.json;
	switch ((enum json_state)json->state) {
	case JSON_BEFORE:
		json->state = strchr(" \t\r\n\xef\xbb\xbf", byte) ? JSON_BEFORE
			      : byte == '{' || byte == '['        ? JSON_BETWEEN
								  : JSON_NO;
		break;
	case JSON_NO: break;
	case JSON_BETWEEN: between(session, byte); break;
	case JSON_TEXT: in_text(session, byte); break;
	case JSON_ESCAPE: escaped(json, byte); break;
	case JSON_CODE: in_code(json, byte); break;
	case JSON_BARE: in_bare(session, byte); break;
	}
}

void session_json_bytes(struct session *session, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take(session, bytes[i]);
}
