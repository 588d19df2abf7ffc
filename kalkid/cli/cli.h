/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cli.h - one run of kalkictl: what was asked for, how to answer, and how it ends. */
#pragma once

#include <sys/un.h>

#include "base/text.h"
#include "cli/arguments.h"

/* Of the program; EXIT_SUCCESS is 0. */
enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3, /* the daemon */
	EXIT_NOT_FOUND = 4,
	EXIT_CONFLICT = 5,
	EXIT_INVALID = 6,
	EXIT_NOT_ALLOWED = 7,
	EXIT_TIMED_OUT = 8,
	EXIT_CHANGES = 10,
	EXIT_DEGRADED = 11,
};

enum cli_output { OUTPUT_HUMAN, OUTPUT_JSON, OUTPUT_JSONL };

struct cli {
	struct invocation invocation;
	enum cli_output output;
	bool quiet, verbose, dry_run, yes, colour;
	bool silent; /* no words about failures: completion */
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int64_t timeout_us;
};

/* The value of a flag, NULL when it was not given. */
static inline const char *cli_flag(const struct cli *cli, enum flag flag)
{
	return cli->invocation.flags[flag];
}

static inline const char *cli_argument(const struct cli *cli, unsigned place)
{
	return place < cli->invocation.argument_count ? cli->invocation.arguments[place] : NULL;
}

/* "kalkictl: ..." on standard error. */
void cli_complain(const struct cli *cli, const char *format, ...) printf_like(2, 3);
/* An indented line below it: what to do about it. */
void cli_hint(const struct cli *cli, const char *format, ...) printf_like(2, 3);

/* Asks on a terminal before something is cut off; 0 to go on, else the exit code. */
int cli_confirm(const struct cli *cli, const char *format, ...) printf_like(2, 3);
