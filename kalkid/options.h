/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the daemon's command line. */
#pragma once

#include <stdbool.h>

struct options {
	const char *root; /* "" for none */
	bool check, early, teardown;
};

/* Also sets the log level.  False when the program is to end with that code: it was asked for help,
 * or wrongly, and has said so. */
bool options_read(struct options *ret, int argc, char **argv, int *ret_code);
