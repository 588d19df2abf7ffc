/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cli.c - see cli.h: words to the person who called. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/output.h"

static void complain(const char *prefix, const char *format, va_list args)
{
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		abort();
	make_printable(text);
	fprintf(stderr, "%s%s\n", prefix, text);
	free(text);
}

void cli_complain(const struct cli *cli, const char *format, ...)
{
	va_list args;
	if (cli->silent)
		return;
	va_start(args, format);
	complain("kalkictl: ", format, args);
	va_end(args);
}

void cli_hint(const struct cli *cli, const char *format, ...)
{
	va_list args;
	if (cli->silent)
		return;
	va_start(args, format);
	complain("  ", format, args);
	va_end(args);
}

int cli_confirm(const struct cli *cli, const char *format, ...)
{
	char answer[16] = "";
	va_list args;
	if (cli->yes || cli->dry_run)
		return 0;
	if (!isatty(STDIN_FILENO)) {
		cli_complain(cli, "this needs --yes where nobody can be asked");
		return EXIT_USAGE;
	}
	va_start(args, format);
	complain("", format, args);
	va_end(args);
	fprintf(stderr, "Go on? [y/N] ");
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	fprintf(stderr, "nothing was done\n");
	return EXIT_FAILED;
}
