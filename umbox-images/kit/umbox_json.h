/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_json.h - writes one line of JSON into a room of fixed size; what does not fit is noticed.
 *
 *     umbox_json_start(&json);
 *     umbox_json_open(&json, NULL, '{');
 *     umbox_json_number(&json, "frames", 12);
 *     umbox_json_close(&json, '}'); */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UMBOX_LINE_BYTES = 8192,                    /* of a line, with its newline */
	UMBOX_RECORD_BYTES = UMBOX_LINE_BYTES - 40, /* of a record's object */
};

struct umbox_json {
	size_t length; /* of `text`, without the NUL */
	bool full;     /* something did not fit; the text is not whole */
	bool comma;
	char text[UMBOX_LINE_BYTES];
};

void umbox_json_start(struct umbox_json *json);
/* `key` is NULL in an array and for the outermost; `bracket` is '{' or '['. */
void umbox_json_open(struct umbox_json *json, const char *key, char bracket);
void umbox_json_close(struct umbox_json *json, char bracket);
/* Any bytes: control characters are escaped, what is not UTF-8 becomes '?'. */
void umbox_json_text(struct umbox_json *json, const char *key, const char *text);
void umbox_json_number(struct umbox_json *json, const char *key, uint64_t number);
