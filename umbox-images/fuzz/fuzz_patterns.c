/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_patterns.c - settings of a wrapper, a NUL, and what its program writes: any settings are
 * read or refused with words, any lines are in bounds and without control characters. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(const char *line, size_t length, void *user)
{
	struct settings *settings = user;
	struct pattern_found found;
	assert(length && length <= WRAPPER_LINE_BYTES);
	enum pattern_meaning meaning = patterns_match(settings->patterns, line, length, &found);
	if (meaning == PATTERN_NONE)
		return;
	assert((meaning == PATTERN_ALERT) == (found.alert.type != NULL));
	assert(memchr(found.detail, '\0', sizeof(found.detail)));
	for (const char *c = found.detail; *c; c++)
		assert((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\0', size);
	size_t length = end ? (size_t)(end - data) : size;
	json_t *document = json_loadb((const char *)data, length, JSON_REJECT_DUPLICATES, NULL);
	struct settings settings;
	char error[PATTERNS_ERROR_BYTES] = "";
	if (!document)
		return 0;
	if (settings_read(&settings, document, error)) {
		struct lines *lines = calloc(1, sizeof(*lines));
		if (end)
			lines_take(lines, (const char *)end + 1, size - length - 1, on_line,
				   &settings);
		free(lines);
		settings_done(&settings);
	} else {
		assert(error[0]);
	}
	json_decref(document);
	return 0;
}
