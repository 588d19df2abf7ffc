/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/log.c - see log.h.  Under systemd each line starts with the priority of sd-daemon(3). */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static enum log_level threshold = LOG_LEVEL_INFO;

static const struct {
	const char *name, *priority;
} LEVELS[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_ERROR] = {"error", "<3>"},
	[LOG_LEVEL_WARNING] = {"warning", "<4>"},
	[LOG_LEVEL_INFO] = {"info", "<6>"},
	[LOG_LEVEL_DEBUG] = {"debug", "<7>"},
};

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_line(enum log_level level, const char *words, const char *fields, ...)
{
	if (level > threshold)
		return;
	cleanup_buffer struct buffer line = {0};
	buffer_print(&line, "%s%s: %s", getenv("JOURNAL_STREAM") ? LEVELS[level].priority : "",
		     LEVELS[level].name, words);
	if (fields) {
		char text[2048];
		va_list args;
		va_start(args, fields);
		vsnprintf(text, sizeof(text), fields, args);
		va_end(args);
		buffer_print(&line, " %s", text);
	}
	/* What comes from outside must not be able to start a line of its own. */
	for (size_t i = 0; i < line.length; i++)
		if ((unsigned char)line.bytes[i] < ' ')
			line.bytes[i] = '?';
	buffer_add(&line, "\n", 1);
	fwrite(line.bytes, 1, line.length, stderr);
}
