/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/text.h - bounded strings: copy, compare, and a growing buffer with a limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts(const char *text, const char *prefix);
/* Copies with a final NUL; false when it had to be cut. */
bool text_copy(char *target, size_t target_bytes, const char *source);
#define TEXT_COPY(array, source) text_copy((array), sizeof(array), (source))

/* The candidate nearest to `word` by edit distance ("did you mean"), NULL when none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* The same as words to put behind a message: " (did you mean 'x'?)", or "". */
enum { TEXT_HINT_BYTES = 96 };
void text_hint(char hint[static TEXT_HINT_BYTES], const char *word, const char *const *candidates,
	       size_t count);

/* Length of the "{word}" that the text begins with, 0 when it begins with none; letters are a to z
 * and '_'. */
size_t text_braced(const char *text);
/* The candidate (the last is NULL) that is the word in the braces; -1 when none is. */
int text_find_braced(const char *braced, size_t length, const char *const *candidates);
/* The first {word} that is none of the candidates: its offset and the word, cut to fit. */
bool text_unknown_braced(const char *text, const char *const *candidates, size_t *ret_offset,
			 char *word, size_t word_bytes);

/* A growing byte buffer, always NUL-terminated once something was added. */
struct buffer {
	char *bytes;
	size_t length, room;
};

void buffer_done(struct buffer *buffer);
#define cleanup_buffer __attribute__((cleanup(buffer_done)))
void buffer_add(struct buffer *buffer, const void *bytes, size_t count);
void buffer_print(struct buffer *buffer, const char *format, ...) printf_like(2, 3);
/* Drops `count` bytes from the front. */
void buffer_drop(struct buffer *buffer, size_t count);
/* Appends the text; bytes that are no UTF-8 become U+FFFD. */
void text_mend(struct buffer *ret, const char *text);
