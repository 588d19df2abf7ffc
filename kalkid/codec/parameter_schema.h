/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/parameter_schema.h - checks a umbox's parameters against the JSON Schema in its image.
 *
 * Known keywords: type (one name), enum, properties, required, additionalProperties (a boolean),
 * minimum, maximum, items, minItems, maxItems, minLength, maxLength, and those that only describe:
 * $schema, title, description, default, examples.  Others are refused: a rule that is not enforced
 * must not look as if it were. */
#pragma once

#include <jansson.h>

#include "base/error.h"

enum { PARAMETER_SCHEMA_DEPTH = 8 };

/* -EINVAL when the schema itself cannot be used. */
int parameter_schema_check(const json_t *schema, struct error *err) must_check;
/* The schema was checked.  -EINVAL names the first value that breaks it. */
int parameter_schema_match(const json_t *schema, const json_t *value, struct error *err) must_check;
