/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_lex.c - a condition's text into tokens. */
#include "core/expression_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/text.h"

int parser_fail(struct parser *parser, size_t offset, const char *format, ...)
{
	char words[ERROR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	parser->failed_at = offset;
	return error_set(parser->err, -EINVAL, "%s", words);
}

bool token_is_word(const struct parser *parser, const char *word)
{
	return parser->token.kind == TOKEN_WORD && parser->token.length == strlen(word) &&
	       strncmp(parser->text + parser->token.offset, word, parser->token.length) == 0;
}

int parser_fail_unknown(struct parser *parser, size_t offset, const char *what, const char *word,
			const char *const *names, unsigned count)
{
	char hint[TEXT_HINT_BYTES];
	text_hint(hint, word, names, count);
	if (!hint[0] && text_equal(what, "name"))
		TEXT_COPY(hint, " (text stands in quotes)");
	return parser_fail(parser, offset, "no %s '%s'%s", what, word, hint);
}

void token_copy(const struct parser *parser, const struct token *token,
		char word[static NAME_BYTES])
{
	size_t length = min_of(token->length, (size_t)NAME_BYTES - 1);
	memcpy(word, parser->text + token->offset, length);
	word[length] = '\0';
}

const char *parser_keep(struct parser *parser, const struct token *token)
{
	/* Each is kept once, a text is shorter with its end than with its quotes, and something
	 * stands between two words: there is room for all of them. */
	char *copy = parser->expression->strings + parser->strings_used;
	size_t quotes = token->kind == TOKEN_TEXT;
	size_t length = token->length - 2 * quotes;
	memcpy(copy, parser->text + token->offset + quotes, length);
	copy[length] = '\0';
	parser->strings_used += length + 1;
	return copy;
}

static int read_number(struct parser *parser, struct token *token)
{
	const char *text = parser->text + token->offset;
	size_t length = strspn(text, "0123456789");
	if (isalpha((unsigned char)text[length])) {
		int result = duration_scan(&token->us, &token->length, text);
		if (result == -ERANGE)
			return parser_fail(parser, token->offset, "a duration of over 100 years");
		if (result < 0 || isalnum((unsigned char)text[token->length]))
			return parser_fail(
				parser, token->offset,
				"no such duration (write 500ms, 10m, 1h30m; units are us ms "
				"s m h d w, larger ones first)");
		token->kind = TOKEN_DURATION;
		return 0;
	}
	if (text[length] == '.')
		length += 1 + strspn(text + length + 1, "0123456789");
	if (isalpha((unsigned char)text[length]) || text[length] == '.' || text[length - 1] == '.')
		return parser_fail(
			parser, token->offset,
			"not a number (write 10 or 0.5; durations in whole numbers, as 1h30m)");
	token->kind = TOKEN_NUMBER;
	token->length = length;
	token->number = strtod(text, NULL);
	return isfinite(token->number)
		       ? 0
		       : parser_fail(parser, token->offset, "a number out of range");
}

static int read_text(struct parser *parser, struct token *token)
{
	const char *start = parser->text + token->offset;
	const char *end = strchr(start + 1, *start);
	if (!end)
		return parser_fail(parser, token->offset, "this text has no closing %c", *start);
	token->kind = TOKEN_TEXT;
	token->length = (size_t)(end + 1 - start);
	return 0;
}

static void read_word(struct parser *parser, struct token *token)
{
	static const enum operation words[] = {OPERATION_AND, OPERATION_OR, OPERATION_NOT};
	const char *text = parser->text + token->offset;
	while (isalnum((unsigned char)text[token->length]) || text[token->length] == '_')
		token->length++;
	token->kind = TOKEN_WORD;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (token->length != strlen(operation_text(words[i])) ||
		    strncmp(text, operation_text(words[i]), token->length) != 0)
			continue;
		token->kind = TOKEN_OPERATOR;
		token->operation = words[i];
	}
}

static bool read_mark(struct parser *parser, struct token *token)
{
	static const struct {
		const char *text;
		enum token_kind kind;
		enum operation operation;
	} marks[] = {
		{"==", TOKEN_OPERATOR, OPERATION_EQUAL},
		{"!=", TOKEN_OPERATOR, OPERATION_NOT_EQUAL},
		{"<=", TOKEN_OPERATOR, OPERATION_LESS_EQUAL},
		{"<", TOKEN_OPERATOR, OPERATION_LESS},
		{">=", TOKEN_OPERATOR, OPERATION_GREATER_EQUAL},
		{">", TOKEN_OPERATOR, OPERATION_GREATER},
		{"+", TOKEN_OPERATOR, OPERATION_ADD},
		{"-", TOKEN_OPERATOR, OPERATION_SUBTRACT},
		{"*", TOKEN_OPERATOR, OPERATION_MULTIPLY},
		{"/", TOKEN_OPERATOR, OPERATION_DIVIDE},
		{"%", TOKEN_OPERATOR, OPERATION_MODULO},
		{"(", TOKEN_OPEN, OPERATION_COUNT},
		{")", TOKEN_CLOSE, OPERATION_COUNT},
		{",", TOKEN_COMMA, OPERATION_COUNT},
		{":", TOKEN_COLON, OPERATION_COUNT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (!text_starts(parser->text + token->offset, marks[i].text))
			continue;
		token->kind = marks[i].kind;
		token->operation = marks[i].operation;
		token->length = strlen(marks[i].text);
		return true;
	}
	return false;
}

static int fail_at_mark(struct parser *parser, size_t offset)
{
	static const struct {
		char mark;
		const char *right;
	} others[] = {
		{'&', " (write and)"},
		{'|', " (write or)"},
		{'!', " (write not)"},
		{'=', " (write ==)"},
	};
	unsigned char c = (unsigned char)parser->text[offset];
	const char *right = "";
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if ((unsigned char)others[i].mark == c)
			right = others[i].right;
	if (c < ' ' || c > '~')
		return parser_fail(parser, offset, "a character that means nothing here");
	return parser_fail(parser, offset, "'%c' means nothing here%s", c, right);
}

int parser_advance(struct parser *parser)
{
	struct token token = {.offset = parser->token.offset + parser->token.length};
	token.offset += strspn(parser->text + token.offset, " \t\r\n");
	unsigned char c = (unsigned char)parser->text[token.offset];
	int result = 0;
	parser->passed = parser->token.offset + parser->token.length;
	if (!c)
		token.kind = TOKEN_END;
	else if (isdigit(c))
		result = read_number(parser, &token);
	else if (c == '"' || c == '\'')
		result = read_text(parser, &token);
	else if (isalpha(c) || c == '_')
		read_word(parser, &token);
	else if (!read_mark(parser, &token))
		result = fail_at_mark(parser, token.offset);
	parser->token = token;
	return result;
}
