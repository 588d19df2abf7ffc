/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/target.c - see target.h. */
#include "api/target.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

static bool valid_text(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	json_t *string = json_string(text); /* NULL where it is not UTF-8 */
	json_decref(string);
	return string;
}

/* Decodes one piece in place. */
static int decode(char *piece, bool in_query, struct error *err)
{
	char *to = piece;
	for (const char *from = piece; *from; from++) {
		if (*from != '%') {
			*to++ = in_query && *from == '+' ? ' ' : *from;
			continue;
		}
		int high = hex_value(from[1]);
		int low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0)
			return error_set(err, -EINVAL, "a '%%' without two hex digits behind it");
		*to++ = (char)(high << 4 | low);
		if (!(high << 4 | low))
			return error_set(err, -EINVAL, "a zero byte in the address");
		from += 2;
	}
	*to = '\0';
	if (!valid_text(piece))
		return error_set(err, -EINVAL, "control characters, or no UTF-8, in the address");
	return 0;
}

static int add_segment(struct target *target, char *piece, struct error *err)
{
	if (target->segment_count == TARGET_SEGMENTS_MAX)
		return error_set(err, -EINVAL, "more than %d parts in the path",
				 TARGET_SEGMENTS_MAX);
	target->segments[target->segment_count++] = piece;
	return decode(piece, false, err);
}

static int add_parameter(struct target *target, char *piece, struct error *err)
{
	char *value = strchr(piece, '=');
	if (value)
		*value++ = '\0';
	else
		value = piece + strlen(piece);
	int result = decode(piece, true, err);
	if (result == 0)
		result = decode(value, true, err);
	if (result < 0)
		return result;
	if (target_query(target, piece))
		return error_set(err, -EINVAL, "parameter '%s' stands there twice", piece);
	if (target->query_count == TARGET_QUERY_MAX)
		return error_set(err, -EINVAL, "more than %d parameters", TARGET_QUERY_MAX);
	target->query[target->query_count++] = (struct target_parameter){.name = piece,
									 .value = value};
	return 0;
}

int target_parse(struct target *ret, const char *text, struct error *err)
{
	ret->segment_count = ret->query_count = 0;
	if (text[0] != '/')
		return error_set(err, -EINVAL, "the address does not begin with '/'");
	if (!TEXT_COPY(ret->text, text + 1))
		return error_set(err, -EINVAL, "the address is longer than %d bytes",
				 TARGET_BYTES_MAX);
	char *path = ret->text;
	char *query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	int result = 0;
	for (char *piece; result == 0 && (piece = strsep(&path, "/"));)
		result = add_segment(ret, piece, err);
	for (char *piece; result == 0 && (piece = strsep(&query, "&"));)
		if (*piece)
			result = add_parameter(ret, piece, err);
	return result;
}

const char *target_query(const struct target *target, const char *name)
{
	for (unsigned i = 0; i < target->query_count; i++)
		if (strcmp(target->query[i].name, name) == 0)
			return target->query[i].value;
	return NULL;
}
