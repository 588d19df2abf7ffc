/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/json_path.c - see json_path.h. */
#include "codec/json_path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One step: a key of an object, or an index in an array. */
struct step {
	const char *key; /* NULL: an index */
	size_t length;
	size_t index;
};

enum { INDEX_DIGITS_MAX = 6 };

static const char DIGITS[] = "0123456789";

static int take_bracket(const char **at, struct step *ret, struct error *err)
{
	const char *text = *at + 1;
	char quote = *text;
	if (quote == '"' || quote == '\'') {
		const char *end = strchr(text + 1, quote);
		if (!end || end[1] != ']')
			return error_set(err, -EINVAL, "a quoted key without its end");
		*ret = (struct step){.key = text + 1, .length = (size_t)(end - text - 1)};
		*at = end + 2;
		return 0;
	}
	size_t digits = strspn(text, DIGITS);
	if (!digits || digits > INDEX_DIGITS_MAX || text[digits] != ']')
		return error_set(err, -EINVAL, "[n] or [\"key\"] is wanted");
	*ret = (struct step){.index = strtoul(text, NULL, 10)};
	*at = text + digits + 1;
	return 0;
}

/* The next step of the path at *at; 0 at its end, 1 for a step. */
static int take_step(const char **at, bool first, struct step *ret, struct error *err)
{
	if (!**at)
		return 0;
	if (**at == '[') {
		int r = take_bracket(at, ret, err);
		return r < 0 ? r : 1;
	}
	if (**at == '.')
		++*at;
	else if (!first)
		return error_set(err, -EINVAL, "'.' or '[' is wanted");
	size_t length = strcspn(*at, ".[]");
	if (!length)
		return error_set(err, -EINVAL, "a key is wanted");
	*ret = (struct step){.key = *at, .length = length};
	*at += length;
	return 1;
}

static const char *after_root(const char *path)
{
	return path[0] == '$' && (!path[1] || strchr(".[", path[1])) ? path + 1 : path;
}

int json_path_check(const char *path, size_t *ret_offset, struct error *err)
{
	const char *start = after_root(path), *at = start;
	unsigned steps = 0;
	struct step step;
	int r;
	if (!*path) {
		*ret_offset = 0;
		return error_set(err, -EINVAL, "an empty path");
	}
	do {
		*ret_offset = (size_t)(at - path);
		r = take_step(&at, at == start, &step, err);
		if (r > 0 && ++steps > JSON_PATH_STEPS_MAX)
			r = error_set(err, -EINVAL, "more than %d steps", JSON_PATH_STEPS_MAX);
	} while (r > 0);
	return r;
}

const json_t *json_path_find(const json_t *json, const char *path)
{
	const char *start = after_root(path), *at = start;
	struct step step;
	while (json && take_step(&at, at == start, &step, NULL) > 0)
		json = step.key ? json_object_getn(json, step.key, step.length)
				: json_array_get(json, step.index);
	return json;
}
