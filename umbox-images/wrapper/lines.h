/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h - lines out of a stream of bytes; one that is too long is cut, its rest skipped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { WRAPPER_LINE_BYTES = 2048 };

struct lines {
	char text[WRAPPER_LINE_BYTES]; /* the line that is not whole yet */
	size_t length;
	bool skipping;
};

typedef void lines_fn(const char *line, size_t length, void *user);

/* Calls for each line that is whole by now, without its line break; empty ones are left out. */
void lines_take(struct lines *lines, const char *bytes, size_t count, lines_fn *on_line,
		void *user);
