/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/output.c - see output.h. */
#include "cli/output.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { COLUMNS_MAX = 16 };

int output_end(const struct cli *cli, int code)
{
	bool flushed = fflush(stdout) == 0;
	if (flushed && !ferror(stdout))
		return code;
	cli_complain(cli, "what was to be printed could not all be written (is the disk full?)");
	return EXIT_FAILED;
}

/* --- JSON --- */

static void print_line(const json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
	fflush(stdout);
}

bool output_json(const struct cli *cli, const json_t *json)
{
	if (cli->output == OUTPUT_HUMAN)
		return false;
	print_line(json);
	return true;
}

bool output_list(const struct cli *cli, const json_t *list)
{
	if (cli->output != OUTPUT_JSONL)
		return output_json(cli, list);
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(list, "items"), i, item) print_line(item);
	return true;
}

/* --- text --- */

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 to C2 9F). */
void make_printable(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		if (*at < ' ' || *at == 0x7f)
			*at = '?';
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
}

static char *print_safely(const char *format, va_list args)
{
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		abort();
	make_printable(text);
	return text;
}

void output_print(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	cleanup_free char *text = print_safely(format, args);
	va_end(args);
	puts(text);
}

void output_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if (*text == '\n')
			fputs("\\n", stdout);
		else
			putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

static char *joined(const json_t *list)
{
	struct buffer text = {0};
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		buffer_print(&text, "%s", i ? "," : "");
		if (json_is_string(item))
			buffer_print(&text, "%s", json_string_value(item));
		else
			buffer_print(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
	}
	return text.length ? text.bytes : mem_copy_text("-");
}

char *shown(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return mem_copy_text(json_string_length(value) ? json_string_value(value) : "-");
	case JSON_INTEGER: return mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_REAL: return mem_printf("%g", json_real_value(value));
	case JSON_TRUE: return mem_copy_text("yes");
	case JSON_FALSE: return mem_copy_text("no");
	case JSON_ARRAY: return joined(value);
	case JSON_OBJECT: return json_dumps(value, JSON_COMPACT);
	case JSON_NULL: break;
	}
	return mem_copy_text("-");
}

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- tables --- */

static void add_cell(struct table *table, char *text)
{
	if (table->cell_count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cells = mem_resize(table->cells, table->room, sizeof(*table->cells));
	}
	make_printable(text);
	table->cells[table->cell_count++] = text;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_cell(table, print_safely(format, args));
	va_end(args);
}

void table_fields(struct table *table, const json_t *object, const char *const *keys,
		  size_t key_count)
{
	for (size_t i = 0; i < key_count; i++)
		add_cell(table, shown(object, keys[i]));
}

/* Characters, not bytes: what continues a UTF-8 character has no width. */
static int width_of(const char *text)
{
	int width = 0;
	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

/* Colour only underlines what the word says already. */
static const char *colour_of(const struct cli *cli, const char *word)
{
	static const struct {
		const char *word, *colour;
	} COLOURS[] = {
		{"converged", "\033[32m"}, {"ok", "\033[32m"},       {"degraded", "\033[33m"},
		{"old_chain", "\033[33m"}, {"high", "\033[33m"},     {"held", "\033[31m"},
		{"broken", "\033[31m"},    {"critical", "\033[31m"}, {"quarantined", "\033[31m"},
	};
	for (size_t i = 0; cli->colour && i < ARRAY_SIZE(COLOURS); i++) {
		if (strcmp(COLOURS[i].word, word) == 0)
			return COLOURS[i].colour;
	}
	return NULL;
}

static void print_row(const struct cli *cli, char *const *cells, const int *widths, size_t columns)
{
	size_t shown_columns = cli->quiet ? 1 : columns;
	for (size_t i = 0; i < shown_columns; i++) {
		const char *colour = colour_of(cli, cells[i]);
		int padding = i + 1 < shown_columns ? widths[i] - width_of(cells[i]) + 2 : 0;
		printf("%s%s%s%*s", colour ? colour : "", cells[i], colour ? "\033[0m" : "",
		       padding, "");
	}
	putchar('\n');
}

void table_print(struct table *table, const struct cli *cli, const char *nothing)
{
	int widths[COLUMNS_MAX] = {0};
	cleanup_free char *heads = mem_copy_text(table->heads);
	char *names[COLUMNS_MAX], *rest = heads, *name;
	size_t columns = 0;
	while (columns < COLUMNS_MAX && (name = strsep(&rest, "|")))
		names[columns++] = name;
	assert(columns);
	for (size_t i = 0; i < columns; i++)
		widths[i] = width_of(names[i]);
	for (size_t i = 0; i < table->cell_count; i++)
		widths[i % columns] = max_of(widths[i % columns], width_of(table->cells[i]));

	if (table->cell_count && !cli->quiet)
		print_row(cli, names, widths, columns);
	else if (!table->cell_count && !cli->quiet && nothing)
		puts(nothing);
	for (size_t i = 0; i + columns <= table->cell_count; i += columns)
		print_row(cli, table->cells + i, widths, columns);
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){.heads = table->heads};
}
