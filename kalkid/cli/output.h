/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/output.h - answers for programs (JSON as the API gave it) and for people (aligned tables).
 *
 * What comes from devices, umboxes and operators never reaches the terminal with control
 * characters. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"

/* Prints JSON where that was asked for; false: print it for people. */
bool output_json(const struct cli *cli, const json_t *json);
/* The same for {"items": [...]}; jsonl has an item a line. */
bool output_list(const struct cli *cli, const json_t *list);

/* At the end, or where nothing goes on any more: EXIT_FAILED, with words, when what was printed did
 * not all get to where it was to go; else `code`. */
int output_end(const struct cli *cli, int code);

/* Replaces control characters, in place. */
void make_printable(char *text);
/* To standard output, made printable. */
void output_print(const char *format, ...) printf_like(1, 2);

/* In double quotes, for graphviz: with what ends them escaped; a line's end is \\n. */
void output_quoted(const char *text);

/* Text of a field for people: numbers as text, true as yes, null and missing as "-", lists joined
 * by commas.  The result is the caller's to free. */
char *shown(const json_t *object, const char *key) must_check;
/* The same, borrowed, of a field that is text; "" where there is none. */
const char *text_of(const json_t *object, const char *key);
json_int_t number_of(const json_t *object, const char *key);

/* Columns are separated by '|' in `heads`.  With --quiet only the first column is printed. */
struct table {
	const char *heads;
	char **cells;
	size_t cell_count, room;
};
void table_cell(struct table *table, const char *format, ...) printf_like(2, 3);
/* A cell per key, as shown(). */
void table_fields(struct table *table, const json_t *object, const char *const *keys,
		  size_t key_count);
/* Prints and empties it; `nothing` is said instead of a table without rows. */
void table_print(struct table *table, const struct cli *cli, const char *nothing);
