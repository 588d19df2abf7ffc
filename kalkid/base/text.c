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

size_t text_braced(const char *text)
{
	size_t letters = text[0] == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
	return letters && text[letters + 1] == '}' ? letters + 2 : 0;
}

int text_find_braced(const char *braced, size_t length, const char *const *candidates)
{
	for (int i = 0; candidates[i]; i++)
		if (strlen(candidates[i]) == length - 2 &&
		    memcmp(candidates[i], braced + 1, length - 2) == 0)
			return i;
	return -1;
}

bool text_unknown_braced(const char *text, const char *const *candidates, size_t *ret_offset,
			 char *word, size_t word_bytes)
{
	for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
		size_t length = text_braced(at);
		if (!length || text_find_braced(at, length, candidates) >= 0)
			continue;
		size_t letters = min_of(length - 2, word_bytes - 1);
		memcpy(word, at + 1, letters);
		word[letters] = '\0';
		*ret_offset = (size_t)(at - text);
		return true;
	}
	return false;
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

/* Bytes of the well-formed UTF-8 character at `at` (RFC 3629, table of section 4), 0 when there is
 * none.  The final NUL ends every sequence that is cut. */
static size_t character_bytes(const unsigned char *at)
{
	if (at[0] < 0x80)
		return 1;
	size_t bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < bytes; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return bytes;
}

void text_mend(struct buffer *ret, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	buffer_add(ret, "", 0);
	while (*at) {
		size_t bytes = character_bytes(at);
		if (bytes)
			buffer_add(ret, at, bytes);
		else
			buffer_add(ret, "\xef\xbf\xbd", 3);
		at += bytes ? bytes : 1;
	}
}
