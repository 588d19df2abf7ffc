/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/schema.h - JSON Schema (draft 2020-12) of the operator's files, for editors, made of the
 * tables that the readers use.
 *
 * It refuses nothing that a reader takes.  What one value alone does not show stays with the
 * readers: names that have to be known, limits of durations, the language of conditions. */
#pragma once

#include "base/macros.h"
#include "codec/fields.h"

/* Of a file of types.d (a type, or what types include), one of devices.d, and kalkid.yaml with the
 * files of conf.d. */
json_t *schema_of_type(void);
json_t *schema_of_devices(void);
json_t *schema_of_config(void);

/* Parts, for describe() of a field.  Each is a new reference and takes those it is given. */
json_t *schema_map(const struct field *fields, size_t count);
#define SCHEMA_MAP(fields) schema_map(fields, ARRAY_SIZE(fields))
/* One line of text, of at most `max` bytes, that the pattern (or NULL) matches. */
json_t *schema_line(const char *pattern, size_t max);
json_t *schema_name(void);
json_t *schema_list(json_t *items, unsigned min, unsigned max);
/* A map of what the operator names, each name as `name` has it. */
json_t *schema_named(json_t *name, json_t *values, unsigned min, unsigned max);
json_t *schema_number(double min, double max);
json_t *schema_one_of_texts(const char *const *texts);
json_t *schema_either(json_t *one, json_t *other);
/* Exactly one of the maps' keys; of those before `bare` each needs a `companion`, of the others
 * none may have it.  `companion` may be NULL. */
void schema_add_ways(json_t *map, const char *const *keys, size_t bare, const char *companion);
/* Where `key` stands, `other` may not. */
void schema_add_conflict(json_t *map, const char *key, const char *other);
