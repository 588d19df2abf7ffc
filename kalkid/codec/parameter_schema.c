/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/parameter_schema.c - see parameter_schema.h. */
#include "codec/parameter_schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { PLACE_BYTES = 128 };

static bool is_any(const json_t *value maybe_unused)
{
	return true;
}

static bool is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}

static bool is_count(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_number(const json_t *value)
{
	return json_is_number(value);
}

static bool is_integer(const json_t *value)
{
	return json_is_integer(value);
}

static bool is_text(const json_t *value)
{
	return json_is_string(value);
}

static bool is_list(const json_t *value)
{
	return json_is_array(value);
}

static bool is_object(const json_t *value)
{
	return json_is_object(value);
}

static bool is_text_list(const json_t *value)
{
	size_t index;
	json_t *item;
	json_array_foreach(value, index, item) if (!json_is_string(item)) return false;
	return json_is_array(value);
}

static const struct type {
	const char *name;
	bool (*is)(const json_t *value);
} TYPES[] = {
	{"array", is_list},    {"boolean", is_boolean}, {"integer", is_integer},
	{"number", is_number}, {"object", is_object},   {"string", is_text},
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(TYPES); i++)
		if (text_equal(TYPES[i].name, name))
			return &TYPES[i];
	return NULL;
}

static bool is_type(const json_t *value)
{
	return find_type(json_string_value(value));
}

static const struct keyword {
	const char *name;
	bool (*is)(const json_t *value);
	const char *right;
} KEYWORDS[] = {
	{"$schema", is_text, "a string"},
	{"additionalProperties", is_boolean, "true or false"},
	{"default", is_any, ""},
	{"description", is_text, "a string"},
	{"enum", is_list, "a list"},
	{"examples", is_list, "a list"},
	{"items", is_object, "a schema"},
	{"maxItems", is_count, "a count"},
	{"maxLength", is_count, "a count"},
	{"maximum", is_number, "a number"},
	{"minItems", is_count, "a count"},
	{"minLength", is_count, "a count"},
	{"minimum", is_number, "a number"},
	{"properties", is_object, "an object"},
	{"required", is_text_list, "a list of strings"},
	{"title", is_text, "a string"},
	{"type", is_type, "one of array, boolean, integer, number, object, string"},
};

static int check_keyword(const char *name, const json_t *value, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(KEYWORDS); i++) {
		if (!text_equal(KEYWORDS[i].name, name))
			continue;
		if (!KEYWORDS[i].is(value))
			return error_set(err, -EINVAL, "'%s' is not %s", name, KEYWORDS[i].right);
		return 0;
	}
	return error_set(err, -EINVAL, "keyword '%.64s' is not supported", name);
}

static int check(const json_t *schema, unsigned depth, struct error *err)
{
	if (!json_is_object(schema))
		return error_set(err, -EINVAL, "a schema is not an object");
	if (depth == PARAMETER_SCHEMA_DEPTH)
		return error_set(err, -EINVAL, "nested deeper than %d", PARAMETER_SCHEMA_DEPTH);
	int result = 0;
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)schema, name, value) if (result == 0)
		result = check_keyword(name, value, err);
	json_object_foreach(json_object_get(schema, "properties"), name, value) if (result == 0)
		result = check(value, depth + 1, err);
	const json_t *items = json_object_get(schema, "items");
	if (result == 0 && items)
		result = check(items, depth + 1, err);
	return result;
}

int parameter_schema_check(const json_t *schema, struct error *err)
{
	return check(schema, 0, err);
}

static int match(const json_t *schema, const json_t *value, const char *place, struct error *err);

static bool in_range(const json_t *schema, const char *min, const char *max, double value)
{
	const json_t *least = json_object_get(schema, min), *most = json_object_get(schema, max);
	return (!least || value >= json_number_value(least)) &&
	       (!most || value <= json_number_value(most));
}

/* "from 1 to 10", "at least 1", "at most 10" */
static int out_of_range(const json_t *schema, const char *min, const char *max, const char *place,
			const char *what, struct error *err)
{
	const json_t *least = json_object_get(schema, min), *most = json_object_get(schema, max);
	if (least && most)
		return error_set(err, -EINVAL, "%s: %s must be from %g to %g", place, what,
				 json_number_value(least), json_number_value(most));
	return error_set(err, -EINVAL, "%s: %s must be at %s %g", place, what,
			 least ? "least" : "most", json_number_value(least ? least : most));
}

static int match_enum(const json_t *allowed, const json_t *value, const char *place,
		      struct error *err)
{
	size_t index;
	json_t *item;
	json_array_foreach(allowed, index, item) if (json_equal(item, value)) return 0;
	cleanup_free char *words = json_dumps(allowed, JSON_COMPACT);
	return error_set(err, -EINVAL, "%s: must be one of %.200s", place, words);
}

static int match_object(const json_t *schema, const json_t *value, const char *place,
			struct error *err)
{
	const json_t *properties = json_object_get(schema, "properties");
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(schema, "required"), index, item) if (
		!json_object_get(
			value, json_string_value(item))) return error_set(err, -EINVAL,
									  "%s: '%.64s' is missing",
									  place,
									  json_string_value(item));
	const char *name;
	json_object_foreach((json_t *)value, name, item)
	{
		const json_t *property = json_object_get(properties, name);
		if (!property && json_is_false(json_object_get(schema, "additionalProperties")))
			return error_set(err, -EINVAL, "%s: '%.64s' is not known", place, name);
		char below[PLACE_BYTES];
		snprintf(below, sizeof(below), "%s.%s", place, name);
		int result = property ? match(property, item, below, err) : 0;
		if (result < 0)
			return result;
	}
	return 0;
}

static int match_list(const json_t *schema, const json_t *value, const char *place,
		      struct error *err)
{
	if (!in_range(schema, "minItems", "maxItems", (double)json_array_size(value)))
		return out_of_range(schema, "minItems", "maxItems", place, "the number of items",
				    err);
	const json_t *items = json_object_get(schema, "items");
	size_t index;
	json_t *item;
	json_array_foreach(value, index, item)
	{
		char below[PLACE_BYTES];
		snprintf(below, sizeof(below), "%s[%zu]", place, index);
		int result = items ? match(items, item, below, err) : 0;
		if (result < 0)
			return result;
	}
	return 0;
}

/* Recurses no deeper than the schema, which was checked. */
static int match(const json_t *schema, const json_t *value, const char *place, struct error *err)
{
	const struct type *type = find_type(json_string_value(json_object_get(schema, "type")));
	if (type && !type->is(value))
		return error_set(err, -EINVAL, "%s: is not of type %s", place, type->name);
	const json_t *allowed = json_object_get(schema, "enum");
	int result = allowed ? match_enum(allowed, value, place, err) : 0;
	if (result < 0)
		return result;
	if (json_is_number(value) &&
	    !in_range(schema, "minimum", "maximum", json_number_value(value)))
		return out_of_range(schema, "minimum", "maximum", place, "it", err);
	if (json_is_string(value) &&
	    !in_range(schema, "minLength", "maxLength", (double)json_string_length(value)))
		return out_of_range(schema, "minLength", "maxLength", place, "its length", err);
	if (json_is_object(value))
		return match_object(schema, value, place, err);
	if (json_is_array(value))
		return match_list(schema, value, place, err);
	return 0;
}

int parameter_schema_match(const json_t *schema, const json_t *value, struct error *err)
{
	return match(schema, value, "parameters", err);
}
