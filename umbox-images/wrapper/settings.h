/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what the author of an image says of the program that is wrapped (README.md). */
#pragma once

#include "patterns.h"

enum { SETTINGS_LOGS_MAX = 4 };

struct settings {
	bool forward; /* the wrapper forwards, the program only watches */
	const char *logs[SETTINGS_LOGS_MAX];
	unsigned log_count;
	struct patterns *patterns;
	json_t *document;
};

/* False with the reason; done by settings_done. */
bool settings_read(struct settings *ret, json_t *document, char error[static PATTERNS_ERROR_BYTES]);
void settings_done(struct settings *settings);
