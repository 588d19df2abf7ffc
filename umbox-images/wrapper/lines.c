/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - see lines.h. */
#include "lines.h"

static void tell(struct lines *lines, lines_fn *on_line, void *user)
{
	size_t length = lines->length;
	lines->length = 0;
	while (length && lines->text[length - 1] == '\r')
		length--;
	if (length)
		on_line(lines->text, length, user);
}

void lines_take(struct lines *lines, const char *bytes, size_t count, lines_fn *on_line, void *user)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			if (!lines->skipping)
				tell(lines, on_line, user);
			lines->skipping = false;
		} else if (!lines->skipping) {
			lines->text[lines->length++] = bytes[i];
			if (lines->length == sizeof(lines->text)) {
				tell(lines, on_line, user);
				lines->skipping = true;
			}
		}
	}
}
