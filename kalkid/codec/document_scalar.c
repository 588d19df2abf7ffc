/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document_scalar.c - what a bare word means: null, true, false, a number as JSON writes it,
 * else text; words that readers of YAML disagree about are refused. */
#include "codec/document_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* RFC 8259, section 6. */
static bool is_json_number(const char *text, bool *ret_integer)
{
	if (*text == '-')
		text++;
	size_t count = digits(text);
	if (!count || (count > 1 && *text == '0'))
		return false;
	text += count;
	*ret_integer = *text == '\0';
	if (*text == '.') {
		text++;
		count = digits(text);
		if (!count)
			return false;
		text += count;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		if (*text == '+' || *text == '-')
			text++;
		count = digits(text);
		if (!count)
			return false;
		text += count;
	}
	return *text == '\0';
}

/* 0x1f, 0o17, 017, +1, 1_000, .5, 1., .inf: numbers to some readers of YAML. */
static bool is_number_elsewhere(const char *text)
{
	if (*text == '+' || *text == '-')
		text++;
	if (strcasecmp(text, ".inf") == 0 || strcasecmp(text, ".nan") == 0)
		return true;
	if (text[0] == '0' && text[1] && strchr("xXoObB", text[1]))
		return text[2] && !text[2 + strspn(text + 2, "0123456789abcdefABCDEF_")];
	bool point_first = *text == '.';
	if (!isdigit((unsigned char)text[point_first]))
		return false;
	text += strspn(text, "0123456789_");
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789_");
	if (*text == 'e' || *text == 'E') {
		text++;
		if (*text == '+' || *text == '-')
			text++;
		text += digits(text);
	}
	return *text == '\0';
}

static const char *resolve_number(struct document_node *node, bool integer, const char **ret_right)
{
	errno = 0;
	if (integer)
		(void)strtoll(node->text, NULL, 10);
	bool out_of_range = errno == ERANGE;
	node->number = strtod(node->text, NULL);
	if (out_of_range || !isfinite(node->number)) {
		*ret_right = "at most 64 bits, or write it in quotes";
		return "a number out of range";
	}
	node->kind = DOCUMENT_NUMBER;
	node->integer = integer;
	return NULL;
}

const char *scalar_resolve(struct document_node *node, const char **ret_right)
{
	static const char *const refused[] = {"yes", "no", "on", "off", "true", "false", "null"};
	const char *text = node->text;
	bool integer;
	if (!*text || strcmp(text, "null") == 0 || strcmp(text, "~") == 0) {
		node->kind = DOCUMENT_NULL;
		return NULL;
	}
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		node->kind = DOCUMENT_BOOLEAN;
		node->boolean = *text == 't';
		return NULL;
	}
	if (is_json_number(text, &integer))
		return resolve_number(node, integer, ret_right);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (strcasecmp(text, refused[i]) != 0)
			continue;
		*ret_right = "write true, false or null, or quotes around it when it is text";
		return "readers of YAML disagree about this word";
	}
	if (is_number_elsewhere(text)) {
		*ret_right = "write numbers as 10 or 0.5, or quotes around it when it is text";
		return "readers of YAML disagree about this number";
	}
	return NULL;
}
