/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - see settings.h. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

static bool read_forward(struct settings *settings, const json_t *value, char *error)
{
	const char *text = json_string_value(value);
	settings->forward = text && strcmp(text, "wrapper") == 0;
	if (settings->forward || (text && strcmp(text, "program") == 0))
		return true;
	snprintf(error, PATTERNS_ERROR_BYTES, "'forward' is neither program nor wrapper");
	return false;
}

static bool read_logs(struct settings *settings, const json_t *value, char *error)
{
	size_t index;
	json_t *item;
	bool well = json_is_array(value) && json_array_size(value) <= SETTINGS_LOGS_MAX;
	if (well) {
		json_array_foreach(value, index, item)
		{
			const char *text = json_string_value(item);
			well = well && text && text[0] == '/';
			settings->logs[settings->log_count++] = text;
		}
	}
	if (!well)
		snprintf(error, PATTERNS_ERROR_BYTES,
			 "'logs' is not a list of at most %d whole paths", SETTINGS_LOGS_MAX);
	return well;
}

static bool read_patterns(struct settings *settings, const json_t *value, char *error)
{
	settings->patterns = patterns_new(value, error);
	return settings->patterns != NULL;
}

static const struct {
	const char *key;
	bool (*read)(struct settings *settings, const json_t *value, char *error);
} KEYS[] = {
	{"forward", read_forward},
	{"logs", read_logs},
	{"patterns", read_patterns},
};

static bool read_key(struct settings *settings, const char *key, const json_t *value, char *error)
{
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (strcmp(key, KEYS[i].key) == 0)
			return KEYS[i].read(settings, value, error);
	snprintf(error, PATTERNS_ERROR_BYTES, "'%.64s' is not known", key);
	return false;
}

bool settings_read(struct settings *ret, json_t *document, char error[static PATTERNS_ERROR_BYTES])
{
	const char *key;
	json_t *value;
	*ret = (struct settings){.document = json_incref(document)};
	bool well = json_is_object(document);
	if (!well)
		snprintf(error, PATTERNS_ERROR_BYTES, "not an object");
	json_object_foreach(document, key, value) well = well && read_key(ret, key, value, error);
	if (well && !ret->patterns) {
		snprintf(error, PATTERNS_ERROR_BYTES, "'patterns' is missing");
		well = false;
	}
	if (!well)
		settings_done(ret);
	return well;
}

void settings_done(struct settings *settings)
{
	if (settings->patterns)
		patterns_free(settings->patterns);
	json_decref(settings->document);
	*settings = (struct settings){0};
}
