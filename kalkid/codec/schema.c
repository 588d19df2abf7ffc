/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/schema.c - see schema.h. */
#include "codec/schema.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/ids.h"

#define DIGITS_AND(unit) "([0-9]+" unit ")?"

static json_t *schema_duration(const struct field *field)
{
	json_t *text = json_pack("{s:s, s:s}", "type", "string", "pattern",
				 "^(?=.)" DIGITS_AND("w") DIGITS_AND("d") DIGITS_AND("h")
					 DIGITS_AND("m") DIGITS_AND("s") DIGITS_AND("ms")
						 DIGITS_AND("us") "$");
	if (field->min > 0)
		return text;
	return schema_either(text, json_pack("{s:[s, i]}", "enum", "0", 0));
}

json_t *schema_line(const char *pattern, size_t max)
{
	return json_pack("{s:s, s:s, s:I}", "type", "string", "pattern",
			 pattern ? pattern : "^[^\\x00-\\x1f\\x7f]*$", "maxLength",
			 (json_int_t)max);
}

json_t *schema_name(void)
{
	return schema_line("^[A-Za-z0-9][A-Za-z0-9._-]*$", NAME_BYTES - 1);
}

json_t *schema_list(json_t *items, unsigned min, unsigned max)
{
	return json_pack("{s:s, s:o, s:i, s:i}", "type", "array", "items", items, "minItems",
			 (int)min, "maxItems", (int)max);
}

json_t *schema_named(json_t *name, json_t *values, unsigned min, unsigned max)
{
	return json_pack("{s:s, s:o, s:o, s:i, s:i}", "type", "object", "propertyNames", name,
			 "additionalProperties", values, "minProperties", (int)min, "maxProperties",
			 (int)max);
}

json_t *schema_number(double min, double max)
{
	return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum", min, "maximum", max);
}

json_t *schema_one_of_texts(const char *const *texts)
{
	json_t *list = json_array();
	for (; *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return json_pack("{s:o}", "enum", list);
}

json_t *schema_either(json_t *one, json_t *other)
{
	return json_pack("{s:[o, o]}", "anyOf", one, other);
}

void schema_add_ways(json_t *map, const char *const *keys, size_t bare, const char *companion)
{
	json_t *ways = json_array();
	for (size_t i = 0; keys[i]; i++) {
		json_t *way = json_pack("{s:[s]}", "required", keys[i]);
		if (companion && i < bare)
			json_array_append_new(json_object_get(way, "required"),
					      json_string(companion));
		else if (companion)
			json_object_set_new(way, "properties", json_pack("{s:b}", companion, 0));
		json_array_append_new(ways, way);
	}
	json_object_set_new(map, "oneOf", ways);
}

void schema_add_conflict(json_t *map, const char *key, const char *other)
{
	json_t *all = json_object_get(map, "dependentSchemas");
	if (!all) {
		all = json_object();
		json_object_set_new(map, "dependentSchemas", all);
	}
	json_t *one = json_object_get(all, key);
	if (!one) {
		one = json_pack("{s:{}}", "properties");
		json_object_set_new(all, key, one);
	}
	json_object_set_new(json_object_get(one, "properties"), other, json_false());
}

static json_t *schema_kind(const struct field *field)
{
	switch (field->kind) {
	case FIELD_TEXT: return schema_line(NULL, field->size - 1);
	case FIELD_NAME: return schema_name();
	case FIELD_LINK: return schema_line("^(?!\\.{1,2}$)[A-Za-z0-9_.@-]+$", LINK_NAME_BYTES - 1);
	case FIELD_BOOLEAN: return json_pack("{s:s}", "type", "boolean");
	case FIELD_UNSIGNED:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
				 (json_int_t)field->min, "maximum", (json_int_t)field->max);
	case FIELD_DURATION: return schema_duration(field);
	case FIELD_SIZE:
		return json_pack("{s:s, s:s}", "type", "string", "pattern",
				 "^[0-9]+(B|KiB|MiB|GiB|TiB)$");
	case FIELD_CHOICE: return schema_one_of_texts(field->choices);
	case FIELD_OTHER: return field->describe ? field->describe() : json_object();
	case FIELD_KIND_COUNT: break;
	}
	return json_pack("{s:{}}", "not");
}

static void add_words(json_t *schema, const struct field *field)
{
	char min[DURATION_TEXT_BYTES], max[DURATION_TEXT_BYTES];
	cleanup_free char *words = NULL;
	duration_print(min, field->min);
	duration_print(max, field->max);
	if (field->kind == FIELD_DURATION)
		words = mem_printf("%s; %s to %s", field->about, min, max);
	json_object_set_new(schema, "description", json_string(words ? words : field->about));
}

static void add_standard(json_t *schema, const struct field *field)
{
	json_t *value = field->kind == FIELD_UNSIGNED
				? json_integer(strtoll(field->standard, NULL, 10))
			: field->kind == FIELD_BOOLEAN
				? json_boolean(text_equal(field->standard, "true"))
				: json_string(field->standard);
	json_object_set_new(schema, "default", value);
}

json_t *schema_map(const struct field *fields, size_t count)
{
	json_t *keys = json_object(), *required = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *schema = schema_kind(&fields[i]);
		if (fields[i].about)
			add_words(schema, &fields[i]);
		if (fields[i].standard)
			add_standard(schema, &fields[i]);
		if (fields[i].required)
			json_array_append_new(required, json_string(fields[i].key));
		json_object_set_new(keys, fields[i].key, schema);
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", keys, "required",
			 required, "additionalProperties", 0);
}
