/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/fields.c - see fields.h. */
#include "codec/fields.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ids.h"

enum { FIELDS_MAX = 32, RIGHT_BYTES = 192 };

static const struct {
	const char *name;
	int64_t bytes;
} sizes[] = {
	{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", (int64_t)1 << 40},
};

static int size_parse(int64_t *ret, const char *text)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	int64_t number = strtoll(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (text_equal(end, sizes[i].name) && !errno)
			return __builtin_mul_overflow(number, sizes[i].bytes, ret) ? -ERANGE : 0;
	return -EINVAL;
}

static void size_print(char text[static DURATION_TEXT_BYTES], int64_t bytes)
{
	size_t i = ARRAY_SIZE(sizes) - 1;
	while (i > 0 && bytes % sizes[i].bytes)
		i--;
	snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 "%s", bytes / sizes[i].bytes, sizes[i].name);
}

static void number_print(char text[static DURATION_TEXT_BYTES], int64_t number)
{
	snprintf(text, DURATION_TEXT_BYTES, "%" PRId64, number);
}

static const char *kind_words(const struct document_node *node)
{
	static const char *const words[DOCUMENT_KIND_COUNT] = {
		"nothing", "true or false", "a number", "text", "a list", "a map"};
	return words[node->kind];
}

static void complain_kind(struct reading *reading, const struct document_node *node,
			  const char *wanted, const char *right)
{
	document_complain(reading->document, node, reading->complaints, right, "is %s, not %s",
			  kind_words(node), wanted);
}

const char *read_text(struct reading *reading, const struct document_node *node)
{
	if (node->kind == DOCUMENT_TEXT)
		return node->text;
	bool quotes = node->kind == DOCUMENT_NUMBER || node->kind == DOCUMENT_BOOLEAN;
	complain_kind(reading, node, "text", quotes ? "write it in quotes" : NULL);
	return NULL;
}

bool read_is_list(struct reading *reading, const struct document_node *node, unsigned max)
{
	if (node->kind != DOCUMENT_LIST) {
		complain_kind(reading, node, "a list", "[one, two], or a line '- one' for each");
		return false;
	}
	unsigned count = 0;
	for (const struct document_node *item = node->first; item; item = item->next)
		count++;
	if (count > max)
		document_complain(reading->document, node, reading->complaints, NULL,
				  "has %u items, more than %u", count, max);
	return count <= max;
}

bool read_name(struct reading *reading, const struct document_node *node, char *target)
{
	const char *text = read_text(reading, node);
	if (!text)
		return false;
	if (name_check("name", text, NULL) < 0) {
		document_complain(
			reading->document, node, reading->complaints,
			"at most 63 letters, digits, '-', '_' and '.', a letter or digit first",
			"'%.64s' is no name", text);
		return false;
	}
	text_copy(target, NAME_BYTES, text);
	return true;
}

void complain_unknown(struct reading *reading, const struct document_node *node, const char *what,
		      const char *word, const char *const *known, size_t count)
{
	char right[RIGHT_BYTES];
	const char *nearest = text_nearest(word, known, count);
	if (nearest) {
		snprintf(right, sizeof(right), "did you mean '%s'?", nearest);
	} else {
		size_t at = 0;
		for (size_t i = 0; i < count && at < sizeof(right); i++)
			at += (size_t)snprintf(right + at, sizeof(right) - at, "%s%s",
					       i ? ", " : "", known[i]);
	}
	document_complain(reading->document, node, reading->complaints, count ? right : NULL,
			  "no %s '%.64s'", what, word);
}

static void read_plain_text(struct reading *reading, const struct document_node *node,
			    const struct field *field, char *target)
{
	const char *text = read_text(reading, node);
	if (!text)
		return;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		document_complain_inside(reading->document, node, (size_t)(c - text),
					 reading->complaints, "one line of text",
					 "holds a control character");
		return;
	}
	if (!text_copy(target, field->size, text))
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %zu bytes", field->size - 1);
}

static void read_link(struct reading *reading, const struct document_node *node, char *target)
{
	const char *text = read_text(reading, node);
	if (!text)
		return;
	bool fits = *text && strlen(text) < LINK_NAME_BYTES && !text_equal(text, ".") &&
		    !text_equal(text, "..");
	for (const char *c = text; *c; c++)
		fits = fits && (isalnum((unsigned char)*c) || strchr("-_.@", *c));
	if (fits)
		text_copy(target, LINK_NAME_BYTES, text);
	else
		document_complain(reading->document, node, reading->complaints,
				  "at most 15 letters, digits and -_.@",
				  "'%.64s' is no name of a network interface", text);
}

static bool in_range(struct reading *reading, const struct document_node *node,
		     const struct field *field, int64_t value, void (*print)(char *, int64_t))
{
	char min[DURATION_TEXT_BYTES], max[DURATION_TEXT_BYTES], right[RIGHT_BYTES];
	if (value >= field->min && value <= field->max)
		return true;
	print(min, field->min);
	print(max, field->max);
	snprintf(right, sizeof(right), "%s to %s", min, max);
	document_complain(reading->document, node, reading->complaints, right, "is out of range");
	return false;
}

static void read_unsigned(struct reading *reading, const struct document_node *node,
			  const struct field *field, unsigned *target)
{
	if (node->kind != DOCUMENT_NUMBER || !node->integer)
		complain_kind(reading, node, "a whole number", NULL);
	else if (in_range(reading, node, field, strtoll(node->text, NULL, 10), number_print))
		*target = (unsigned)strtoll(node->text, NULL, 10);
}

static void read_duration(struct reading *reading, const struct document_node *node,
			  const struct field *field, int64_t *target)
{
	static const char right[] = "write 500ms, 10s, 1h30m, 2d";
	int64_t us;
	if (node->kind != DOCUMENT_TEXT && node->kind != DOCUMENT_NUMBER)
		complain_kind(reading, node, "a duration", right);
	else if (duration_parse(&us, node->text) < 0)
		document_complain(reading->document, node, reading->complaints, right,
				  "'%.40s' is no duration", node->text);
	else if (in_range(reading, node, field, us, duration_print))
		*target = us;
}

static void read_size(struct reading *reading, const struct document_node *node,
		      const struct field *field, int64_t *target)
{
	static const char right[] = "write 512MiB; units are B KiB MiB GiB TiB";
	int64_t bytes;
	if (node->kind != DOCUMENT_TEXT && node->kind != DOCUMENT_NUMBER)
		complain_kind(reading, node, "a size", right);
	else if (size_parse(&bytes, node->text) < 0)
		document_complain(reading->document, node, reading->complaints, right,
				  "'%.40s' is no size", node->text);
	else if (in_range(reading, node, field, bytes, size_print))
		*target = bytes;
}

static void read_choice(struct reading *reading, const struct document_node *node,
			const struct field *field, unsigned *target)
{
	const char *text = read_text(reading, node);
	if (!text)
		return;
	size_t count = 0;
	for (; field->choices[count]; count++) {
		if (!text_equal(field->choices[count], text))
			continue;
		*target = (unsigned)count;
		return;
	}
	complain_unknown(reading, node, "choice", text, field->choices, count);
}

static void read_field(struct reading *reading, const struct document_node *node,
		       const struct field *field, void *target)
{
	void *place = (char *)target + field->offset;
	switch (field->kind) {
	case FIELD_TEXT: read_plain_text(reading, node, field, place); break;
	case FIELD_NAME: (void)read_name(reading, node, place); break;
	case FIELD_LINK: read_link(reading, node, place); break;
	case FIELD_BOOLEAN:
		if (node->kind == DOCUMENT_BOOLEAN)
			*(bool *)place = node->boolean;
		else
			complain_kind(reading, node, "true or false", NULL);
		break;
	case FIELD_UNSIGNED: read_unsigned(reading, node, field, place); break;
	case FIELD_DURATION: read_duration(reading, node, field, place); break;
	case FIELD_SIZE: read_size(reading, node, field, place); break;
	case FIELD_CHOICE: read_choice(reading, node, field, place); break;
	case FIELD_OTHER: field->read(reading, node, target); break;
	case FIELD_KIND_COUNT: break;
	}
}

static void complain_missing(struct reading *reading, const struct document_node *map,
			     const struct field *field)
{
	char right[RIGHT_BYTES] = "";
	if (field->about)
		snprintf(right, sizeof(right), "%s: %s", field->key, field->about);
	document_complain(reading->document, map, reading->complaints, *right ? right : NULL,
			  "the key '%s' is missing", field->key);
}

/* "one of a, b" */
static void print_keys(char right[static RIGHT_BYTES], const char *const *keys, size_t count)
{
	size_t at = (size_t)snprintf(right, RIGHT_BYTES, count == 1 ? "only" : "one of");
	for (size_t i = 0; i < count && at < RIGHT_BYTES; i++)
		at += (size_t)snprintf(right + at, RIGHT_BYTES - at, "%s %s", i ? "," : "",
				       keys[i]);
}

static void complain_unknown_keys(struct reading *reading, const struct document_node *map,
				  const struct field *fields, size_t count)
{
	const char *keys[FIELDS_MAX];
	char right[RIGHT_BYTES];
	for (size_t i = 0; i < count; i++)
		keys[i] = fields[i].key;
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		size_t i = 0;
		while (i < count && !text_equal(keys[i], entry->key))
			i++;
		if (i < count)
			continue;
		const char *nearest = text_nearest(entry->key, keys, count);
		if (nearest)
			snprintf(right, sizeof(right), "did you mean '%s'?", nearest);
		else
			print_keys(right, keys, count);
		document_complain_key(reading->document, entry, reading->complaints,
				      count ? right : NULL, "unknown key");
	}
}

bool fields_read(struct reading *reading, const struct document_node *map,
		 const struct field *fields, size_t count, void *target)
{
	unsigned before = reading->complaints->count;
	if (map->kind != DOCUMENT_MAP) {
		complain_kind(reading, map, "a map", "key: value");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct document_node *node = document_find(map, fields[i].key);
		if (node)
			read_field(reading, node, &fields[i], target);
		else if (fields[i].required)
			complain_missing(reading, map, &fields[i]);
	}
	complain_unknown_keys(reading, map, fields, count);
	return reading->complaints->count == before;
}

void fields_set_standard(const struct field *fields, size_t count, void *target)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		struct complaints complaints = {0};
		struct reading reading = {.complaints = &complaints};
		struct document_node node = {.kind = DOCUMENT_TEXT, .text = field->standard};
		if (!field->standard)
			continue;
		if (field->kind == FIELD_UNSIGNED || field->kind == FIELD_BOOLEAN) {
			node.kind = field->kind == FIELD_UNSIGNED ? DOCUMENT_NUMBER
								  : DOCUMENT_BOOLEAN;
			node.integer = true;
			node.boolean = text_equal(field->standard, "true");
		}
		read_field(&reading, &node, field, target);
	}
}
