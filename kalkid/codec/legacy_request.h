/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/legacy_request.h - what a umbox of the older contract says: one HTTP request in, one line
 * of the present contract out (umbox-images/CONTRACT.md).
 *
 * The umbox is an enemy: a request is bounded as a whole, and what it says of who speaks counts for
 * nothing. */
#pragma once

#include <http_parser.h>
#include <stdbool.h>

#include "codec/alert_json.h"

enum {
	LEGACY_PORT = 6060,
	LEGACY_REQUEST_BYTES = 2 * UMBOX_LINE_BYTES, /* head and body */
	LEGACY_TARGET_BYTES = 64,
	LEGACY_ANSWER_BYTES = 160,
};

struct legacy_request {
	http_parser parser;
	size_t seen, body_bytes;
	char target[LEGACY_TARGET_BYTES];
	char body[UMBOX_LINE_BYTES];
	bool whole;
	int result; /* negative: it is wrong, and why */
	struct error err;
};

void legacy_request_begin(struct legacy_request *request);
/* Takes what came next; true when the request is whole, or wrong.  What follows is not looked at.
 */
bool legacy_request_take(struct legacy_request *request, const char *bytes, size_t count);
/* What it says: "umbox-ready" is ready, "log-info" a record, anything else an alert.  -ENOENT: not
 * to where alerts go; -EMSGSIZE: too long; -EINVAL: malformed. */
int legacy_request_read(const struct legacy_request *request, struct umbox_line *ret,
			struct error *err) must_check;
/* The answer to it, by what reading it came to; -EBUSY: it was over the rate.  Returns its length.
 */
size_t legacy_answer_print(char text[static LEGACY_ANSWER_BYTES], int result);
