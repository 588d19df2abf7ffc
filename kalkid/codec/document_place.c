/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document_place.c - where in the file something stands. */
#include "codec/document_internal.h"

#include <string.h>

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void document_place(const struct document *document, size_t offset, unsigned *ret_line,
		    unsigned *ret_column)
{
	const char *source = document->source;
	unsigned line = 1, column = 1;
	for (size_t i = 0; i < offset && i < document->source_bytes; i++) {
		bool line_end = source[i] == '\n' || (source[i] == '\r' && source[i + 1] != '\n');
		if (line_end) {
			line++;
			column = 1;
		} else if (!continues_character(source[i])) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static size_t find_offset(const struct document *document, unsigned line, unsigned column)
{
	const char *source = document->source;
	size_t at = 0;
	for (unsigned l = 1; l < line && at < document->source_bytes; at++)
		if (source[at] == '\n' || (source[at] == '\r' && source[at + 1] != '\n'))
			l++;
	for (unsigned c = 1; c < column && at < document->source_bytes; c++) {
		at++;
		while (continues_character(source[at]))
			at++;
	}
	return at;
}

/* Two readers' heads: one in the file, one in what was read from it. */
struct heads {
	const char *source, *end;
	const char *text;
};

static void skip_character(const char **at)
{
	if (**at)
		++*at;
	while (continues_character(**at))
		++*at;
}

/* An escape of a double-quoted scalar: one character of the text, or a line end that joins. */
static void pass_escape(struct heads *heads)
{
	static const struct {
		char letter;
		unsigned digits;
	} codes[] = {{'x', 2}, {'u', 4}, {'U', 8}};
	char letter = heads->source[1];
	size_t length = 2;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].letter == letter)
			length += codes[i].digits;
	heads->source += min_of(length, (size_t)(heads->end - heads->source));
	if (letter != '\n' && letter != '\r')
		skip_character(&heads->text);
}

/* Whether the source's next byte is only layout: it did not become text. */
static bool is_layout(const struct heads *heads)
{
	return heads->source < heads->end && heads->source[0] != heads->text[0] &&
	       is_space(heads->source[0]);
}

static void pass_one(struct heads *heads, char quote)
{
	if (quote == '"' && heads->source[0] == '\\') {
		pass_escape(heads);
		return;
	}
	if (is_layout(heads)) {
		heads->source++;
		return;
	}
	if (quote == '\'' && heads->source[0] == '\'')
		heads->source++; /* a quote is doubled */
	/* A space or line end that stands for a fold may have no byte of its own. */
	if (heads->source < heads->end && heads->source[0] == heads->text[0])
		heads->source++;
	heads->text++;
}

void document_place_inside(const struct document *document, const struct document_node *node,
			   size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	size_t start = find_offset(document, node->line, node->column);
	struct heads heads = {
		.source = document->source + start,
		.end = document->source + document->source_bytes,
		.text = node->text ? node->text : "",
	};
	const char *wanted = heads.text + min_of(offset, strlen(heads.text));
	char quote = *heads.source;
	if (quote == '"' || quote == '\'')
		heads.source++;
	else if (quote == '|' || quote == '>')
		heads.source += strcspn(heads.source, "\n");
	while (heads.text < wanted)
		pass_one(&heads, quote);
	while (*heads.text && !is_space(*heads.text) && is_layout(&heads))
		heads.source++;
	document_place(document, (size_t)(heads.source - document->source), ret_line, ret_column);
}
