/* SPDX-License-Identifier: Apache-2.0 */
/* patterns.h - what the lines of a program mean: the first pattern that matches says it.
 *
 * A line may hold what an attacker wrote: patterns have limits of time and memory, and what goes on
 * from a line has no control characters. */
#pragma once

#include <jansson.h>

#include "umbox.h"

enum {
	PATTERNS_MAX = 64,
	PATTERNS_DETAIL_BYTES = 256,
	PATTERNS_ERROR_BYTES = 160,
};

enum pattern_meaning {
	PATTERN_NONE,   /* nothing: no pattern matched */
	PATTERN_IGNORE, /* nothing, whatever the patterns behind it say */
	PATTERN_ALERT,
	PATTERN_RECORD,
	PATTERN_READY, /* the program forwards, or watches, from now on */
};

struct pattern_found {
	struct umbox_alert alert; /* of an alert: type and severity; source, ... of named groups */
	char detail[PATTERNS_DETAIL_BYTES]; /* the group of that name, or the line; `alert` points
					     * here
					     */
	bool too_hard;                      /* a pattern gave up before it had an answer */
};

struct patterns;

/* `list` is the `patterns` of the settings (README.md), which must live as long.  NULL with the
 * reason. */
struct patterns *patterns_new(const json_t *list, char error[static PATTERNS_ERROR_BYTES]);
void patterns_free(struct patterns *patterns);
bool patterns_tell_ready(const struct patterns *patterns);
enum pattern_meaning patterns_match(struct patterns *patterns, const char *line, size_t length,
				    struct pattern_found *ret);
