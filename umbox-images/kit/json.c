/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - the writer of JSON lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static void put(struct umbox_json *json, const char *text, size_t length)
{
	if (json->full || length >= sizeof(json->text) - json->length) {
		json->full = true;
		return;
	}
	memcpy(json->text + json->length, text, length);
	json->length += length;
	json->text[json->length] = '\0';
}

/* The length of the UTF-8 character at `text` (RFC 3629), 0 when it is none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80   ? 1
			: text[0] < 0xc2 ? 0
			: text[0] < 0xe0 ? 2
			: text[0] < 0xf0 ? 3
			: text[0] < 0xf5 ? 4
					 : 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80) /* the final NUL is none either */
			return 0;
	/* Overlong forms, surrogates, and what lies above U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

static void put_string(struct umbox_json *json, const char *text)
{
	put(json, "\"", 1);
	while (*text) {
		unsigned char octet = (unsigned char)*text;
		size_t length = utf8_length((const unsigned char *)text);
		char escape[8];
		if (octet == '"' || octet == '\\') {
			put(json, (char[]){'\\', *text}, 2);
		} else if (octet < 0x20 || octet == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", octet);
			put(json, escape, 6);
		} else if (!length) {
			put(json, "?", 1);
		} else {
			put(json, text, length);
		}
		text += length ? length : 1;
	}
	put(json, "\"", 1);
}

static void put_key(struct umbox_json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	json->comma = true;
	if (!key)
		return;
	put_string(json, key);
	put(json, ":", 1);
}

void umbox_json_start(struct umbox_json *json)
{
	json->length = 0;
	json->full = json->comma = false;
	json->text[0] = '\0';
}

void umbox_json_open(struct umbox_json *json, const char *key, char bracket)
{
	put_key(json, key);
	put(json, &bracket, 1);
	json->comma = false;
}

void umbox_json_close(struct umbox_json *json, char bracket)
{
	put(json, &bracket, 1);
	json->comma = true;
}

void umbox_json_text(struct umbox_json *json, const char *key, const char *text)
{
	put_key(json, key);
	put_string(json, text);
}

void umbox_json_number(struct umbox_json *json, const char *key, uint64_t number)
{
	char text[24];
	put_key(json, key);
	put(json, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, number));
}

void umbox_json_raw(struct umbox_json *json, const char *key, const char *text, size_t length)
{
	put_key(json, key);
	put(json, text, length);
}
