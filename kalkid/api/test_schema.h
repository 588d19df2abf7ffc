/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_schema.h - for tests: whether a value is what a schema of openapi.yaml says, and nothing
 * more. Knows the words of JSON Schema that openapi.yaml uses. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Follows "$ref"s. */
json_t *schema_resolve(json_t *root, json_t *schema);
/* False with the reason in `why`.  A field that is not in the schema is wrong. */
bool schema_check(json_t *root, json_t *schema, json_t *value, char *why, size_t why_bytes);
