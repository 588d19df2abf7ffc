/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/log.h - one line a message on standard error, with the object as fields:
 *     log_info("chain routed", "device=%s generation=%u", name, generation);
 * Only the engine, the API and main log; libraries return errors. */
#pragma once

#include "base/macros.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT,
};

void log_set_level(enum log_level level);

/* `fields` is a printf format of space-separated key=value, or NULL. */
void log_line(enum log_level level, const char *words, const char *fields, ...) printf_like(3, 4);

#define log_error(words, ...)   log_line(LOG_LEVEL_ERROR, words, __VA_ARGS__)
#define log_warning(words, ...) log_line(LOG_LEVEL_WARNING, words, __VA_ARGS__)
#define log_info(words, ...)    log_line(LOG_LEVEL_INFO, words, __VA_ARGS__)
#define log_debug(words, ...)   log_line(LOG_LEVEL_DEBUG, words, __VA_ARGS__)
