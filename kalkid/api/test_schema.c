/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_schema.c - see test_schema.h. */
#include "api/test_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

json_t *schema_resolve(json_t *root, json_t *schema)
{
	const char *reference;
	while ((reference = json_string_value(json_object_get(schema, "$ref")))) {
		cleanup_free char *path = mem_copy_text(reference + strlen("#/"));
		char *rest = path;
		schema = root;
		for (char *part; (part = strsep(&rest, "/"));)
			schema = json_object_get(schema, part);
	}
	return schema;
}

static bool has_type(json_t *value, const char *type)
{
	return (strcmp(type, "object") == 0 && json_is_object(value)) ||
	       (strcmp(type, "array") == 0 && json_is_array(value)) ||
	       (strcmp(type, "string") == 0 && json_is_string(value)) ||
	       (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
	       (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
	       (strcmp(type, "null") == 0 && json_is_null(value));
}

static bool check_type(json_t *type, json_t *value)
{
	size_t i;
	json_t *one;
	if (!type || json_is_string(type))
		return !type || has_type(value, json_string_value(type));
	json_array_foreach(type, i, one)
	{
		if (has_type(value, json_string_value(one)))
			return true;
	}
	return false;
}

static bool check_enum(json_t *schema, json_t *value)
{
	json_t *list = json_object_get(schema, "enum"), *one = json_object_get(schema, "const");
	size_t i;
	if (one)
		return json_equal(one, value);
	if (!list)
		return true;
	json_array_foreach(list, i, one)
	{
		if (json_equal(one, value))
			return true;
	}
	return false;
}

/* The schema of one property, also from the parts of allOf. */
static json_t *find_property(json_t *root, json_t *schema, const char *name)
{
	json_t *found = json_object_get(json_object_get(schema, "properties"), name), *part;
	size_t i;
	json_array_foreach(json_object_get(schema, "allOf"), i, part)
	{
		if (!found)
			found = find_property(root, schema_resolve(root, part), name);
	}
	return found;
}

static const char *missing_property(json_t *root, json_t *schema, json_t *value)
{
	json_t *part;
	size_t i;
	json_array_foreach(json_object_get(schema, "required"), i, part)
	{
		if (!json_object_get(value, json_string_value(part)))
			return json_string_value(part);
	}
	json_array_foreach(json_object_get(schema, "allOf"), i, part)
	{
		const char *name = missing_property(root, schema_resolve(root, part), value);
		if (name)
			return name;
	}
	return NULL;
}

static bool check_object(json_t *root, json_t *schema, json_t *value, char *why, size_t why_bytes)
{
	const char *missing = missing_property(root, schema, value), *name;
	json_t *property;
	if (missing)
		return snprintf(why, why_bytes, "'%s' is missing", missing), false;
	if (!json_object_get(schema, "properties") && !json_object_get(schema, "allOf"))
		return true; /* any object */
	json_object_foreach(value, name, property)
	{
		json_t *inner = find_property(root, schema, name);
		if (!inner)
			return snprintf(why, why_bytes, "'%s' is not described", name), false;
		char inside[256];
		if (!schema_check(root, inner, property, inside, sizeof(inside)))
			return snprintf(why, why_bytes, "%s: %s", name, inside), false;
	}
	return true;
}

bool schema_check(json_t *root, json_t *schema, json_t *value, char *why, size_t why_bytes)
{
	schema = schema_resolve(root, schema);
	if (!check_type(json_object_get(schema, "type"), value))
		return snprintf(why, why_bytes, "has the wrong type"), false;
	if (!check_enum(schema, value))
		return snprintf(why, why_bytes, "is none of the values"), false;
	if (json_is_object(value))
		return check_object(root, schema, value, why, why_bytes);
	json_t *items = json_object_get(schema, "items"), *item;
	size_t i;
	json_array_foreach(value, i, item)
	{
		if (items && !schema_check(root, items, item, why, why_bytes))
			return false;
	}
	return true;
}
