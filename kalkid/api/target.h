/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/target.h - the target of a request (RFC 9112 section 3.2.1) taken apart: path and query. */
#pragma once

#include "base/error.h"

enum { TARGET_BYTES_MAX = 2048, TARGET_SEGMENTS_MAX = 8, TARGET_QUERY_MAX = 16 };

struct target_parameter {
	const char *name, *value; /* "" without '=' */
};

/* Not to be copied: it points into itself. */
struct target {
	char text[TARGET_BYTES_MAX];
	const char *segments[TARGET_SEGMENTS_MAX]; /* "/a/b" has two, "/a/" an empty second one */
	unsigned segment_count;
	struct target_parameter query[TARGET_QUERY_MAX];
	unsigned query_count;
};

/* Everything in it is decoded, valid UTF-8 without control characters.  -EINVAL. */
int target_parse(struct target *ret, const char *text, struct error *err) must_check;
/* NULL when it is not there. */
const char *target_query(const struct target *target, const char *name);
