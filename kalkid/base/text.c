/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/text.c - see text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NEAREST_WORD_BYTES = 64 };

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_copy(char *target, size_t target_bytes, const char *source)
{
	size_t length = strlen(source);
	bool fits = length < target_bytes;
	if (!fits)
		length = target_bytes - 1;
	memcpy(target, source, length);
	target[length] = '\0';
	return fits;
}

/* Levenshtein distance with one row. */
static size_t distance(const char *a, const char *b)
{
	size_t width = strlen(b);
	size_t row[NEAREST_WORD_BYTES];
	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < width; j++) {
			size_t replaced = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			size_t added = min_of(row[j], row[j + 1]) + 1;
			row[j + 1] = min_of(replaced, added);
		}
	}
	return row[width];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	if (strlen(word) >= NEAREST_WORD_BYTES)
		return NULL;
	size_t best = strlen(word) / 3 + 2; /* a third of the word wrong is no typing error */
	for (size_t i = 0; i < count; i++) {
		if (strlen(candidates[i]) >= NEAREST_WORD_BYTES)
			continue;
		size_t d = distance(word, candidates[i]);
		if (d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

void text_hint(char hint[static TEXT_HINT_BYTES], const char *word, const char *const *candidates,
	       size_t count)
{
	const char *nearest = text_nearest(word, candidates, count);
	hint[0] = '\0';
	if (nearest)
		snprintf(hint, TEXT_HINT_BYTES, " (did you mean '%s'?)", nearest);
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

static void buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t wanted = buffer->length + more + 1;
	if (wanted <= buffer->room)
		return;
	size_t room = max_of(wanted, buffer->room * 2);
	buffer->bytes = mem_resize(buffer->bytes, room, 1);
	buffer->room = room;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count)
{
	buffer_reserve(buffer, count);
	if (count)
		memcpy(buffer->bytes + buffer->length, bytes, count);
	buffer->length += count;
	buffer->bytes[buffer->length] = '\0';
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = NULL;
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		abort();
	buffer_add(buffer, text, (size_t)length);
	free(text);
}

void buffer_drop(struct buffer *buffer, size_t count)
{
	if (!count)
		return;
	buffer->length -= count;
	memmove(buffer->bytes, buffer->bytes + count, buffer->length + 1);
}
