/* SPDX-License-Identifier: Apache-2.0 */
/* http_text.c - what stands in the fields, targets and forms of requests; see umbox_http.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "umbox_http.h"

/* The value of a digit of base64 (RFC 4648), or -1. */
static int base64_value(char digit)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = digit ? strchr(digits, digit) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* Returns the length, or -1 when it does not fit, or holds anything else than digits: some readers
 * step over that, others end there. */
static int base64_decode(const char *text, char *ret, size_t room)
{
	uint32_t bits = 0;
	size_t length = 0;
	for (unsigned count = 0; base64_value(*text) >= 0; text++) {
		bits = bits << 6 | (uint32_t)base64_value(*text);
		if (++count % 4 == 1)
			continue;
		if (length == room)
			return -1;
		ret[length++] = (char)(bits >> (6 - 2 * ((count - 1) % 4)));
	}
	text += strspn(text, "=");
	text += strspn(text, " \t");
	return *text ? -1 : (int)length;
}

static bool put_text(char *ret, size_t room, const char *text, size_t length)
{
	if (length >= room || memchr(text, '\0', length))
		return false;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return true;
}

/* Behind the scheme's name and blanks, or NULL. */
static const char *behind_scheme(const char *authorization, const char *scheme)
{
	size_t length = strlen(scheme);
	if (strncasecmp(authorization, scheme, length) != 0 ||
	    (authorization[length] != ' ' && authorization[length] != '\t'))
		return NULL;
	return authorization + length + strspn(authorization + length, " \t");
}

bool umbox_http_basic(const char *authorization, char *user, size_t user_room, char *password,
		      size_t password_room)
{
	char text[UMBOX_HTTP_FIELD_BYTES];
	const char *encoded = behind_scheme(authorization, "Basic");
	int length = encoded ? base64_decode(encoded, text, sizeof(text)) : -1;
	const char *colon = length > 0 ? memchr(text, ':', (size_t)length) : NULL;
	if (!colon)
		return false;
	return put_text(user, user_room, text, (size_t)(colon - text)) &&
	       put_text(password, password_room, colon + 1, (size_t)(text + length - colon - 1));
}

/* Reads `name = value` or `name = "value"` at *at and steps behind its comma; false at the end. */
static bool next_parameter(const char **at, const char **ret_name, size_t *ret_name_bytes,
			   char *value, size_t room)
{
	size_t length = 0;
	*at += strspn(*at, " \t,");
	*ret_name = *at;
	*ret_name_bytes = strcspn(*at, "= \t,");
	*at += *ret_name_bytes;
	*at += strspn(*at, " \t");
	if (**at != '=')
		return false;
	*at += 1 + strspn(*at + 1, " \t");
	bool quoted = **at == '"';
	for (*at += quoted; **at && (quoted ? **at != '"' : !strchr(" \t,", **at)); ++*at) {
		if (quoted && **at == '\\' && (*at)[1])
			++*at;
		if (length + 1 < room)
			value[length++] = **at;
	}
	value[length] = '\0';
	*at += strcspn(*at, ",");
	return true;
}

bool umbox_http_digest(const char *authorization, const char *parameter, char *ret, size_t room)
{
	const char *at = behind_scheme(authorization, "Digest"), *name;
	size_t name_bytes;
	while (at && next_parameter(&at, &name, &name_bytes, ret, room))
		if (strlen(parameter) == name_bytes &&
		    strncasecmp(name, parameter, name_bytes) == 0)
			return true;
	return false;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	int letter = tolower((unsigned char)digit);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Decodes %xx; false when it is cut short, holds a NUL, or does not fit. */
static bool decode(const char *text, size_t length, bool plus, char *ret, size_t room)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		int byte = (unsigned char)text[i];
		if (byte == '+' && plus) {
			byte = ' ';
		} else if (byte == '%') {
			int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < length ? hex_value(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			byte = high << 4 | low;
			i += 2;
		}
		if (!byte || used + 1 >= room)
			return false;
		ret[used++] = (char)byte;
	}
	ret[used] = '\0';
	return true;
}

bool umbox_http_form(const char *text, size_t length, const char *name, char *ret, size_t room)
{
	char key[64];
	const char *end = text + length;
	const char *question = memchr(text, '?', length);
	if (text < end && *text == '/')
		text = question ? question + 1 : end;
	for (const char *next; text < end; text = next) {
		const char *stop = memchr(text, '&', (size_t)(end - text));
		stop = stop ? stop : end;
		next = stop + (stop < end);
		const char *equals = memchr(text, '=', (size_t)(stop - text));
		if (equals && decode(text, (size_t)(equals - text), true, key, sizeof(key)) &&
		    strcasecmp(key, name) == 0)
			return decode(equals + 1, (size_t)(stop - equals - 1), true, ret, room);
	}
	return false;
}

/* Takes the last part of the path away. */
static size_t shorten(const char *path, size_t length)
{
	while (length && path[--length] != '/')
		;
	return length;
}

bool umbox_http_path(const char *target, char *ret, size_t room)
{
	char text[UMBOX_HTTP_TARGET_BYTES];
	const char *scheme = strstr(target, "://");
	size_t length = 0;
	if (target[0] != '/' && scheme) { /* the absolute form: RFC 9112, 3.2.2 */
		target = scheme + 3;
		target += strcspn(target, "/?#");
	}
	if (!decode(target, strcspn(target, "?#"), false, text, sizeof(text)))
		return false;
	for (const char *part = text; *part;) {
		part += strspn(part, "/\\");
		size_t bytes = strcspn(part, "/\\");
		if (bytes == 2 && part[0] == '.' && part[1] == '.') {
			length = shorten(ret, length);
		} else if (bytes && !(bytes == 1 && part[0] == '.')) {
			if (length + 1 + bytes + 1 > room)
				return false;
			ret[length++] = '/';
			memcpy(ret + length, part, bytes);
			length += bytes;
		}
		part += bytes;
	}
	if (!length) {
		if (room < 2)
			return false;
		ret[length++] = '/';
	}
	ret[length] = '\0';
	return true;
}
