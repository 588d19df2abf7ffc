/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/kalkictl.c - the command line of kalkid: reads what is asked for, and runs it. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/mem.h"
#include "cli/output.h"

static int set_socket(struct cli *cli)
{
	const char *socket = cli_flag(cli, FLAG_SOCKET), *root = cli_flag(cli, FLAG_ROOT);
	cleanup_free char *path = socket ? mem_copy_text(socket)
					 : mem_printf("%s/run/kalki/kalkid.sock", root ? root : "");
	if (TEXT_COPY(cli->socket, path))
		return 0;
	cli_complain(cli, "the socket's path is longer than %zu characters: %s",
		     sizeof(cli->socket) - 1, path);
	return EXIT_USAGE;
}

static int set_timeout(struct cli *cli)
{
	const char *text = cli_flag(cli, FLAG_TIMEOUT);
	if (duration_parse(&cli->timeout_us, text ? text : "10s") == 0 && cli->timeout_us >= 1000)
		return 0;
	cli_complain(cli, "--timeout cannot be '%s' (500ms, 10s, 1m are right)", text);
	return EXIT_USAGE;
}

static int set_up(struct cli *cli)
{
	const char *output = cli_flag(cli, FLAG_OUTPUT);
	cli->output = text_equal(output, "json")    ? OUTPUT_JSON
		      : text_equal(output, "jsonl") ? OUTPUT_JSONL
						    : OUTPUT_HUMAN;
	cli->quiet = cli_flag(cli, FLAG_QUIET);
	cli->verbose = cli_flag(cli, FLAG_VERBOSE);
	cli->dry_run = cli_flag(cli, FLAG_DRY_RUN);
	cli->yes = cli_flag(cli, FLAG_YES);
	const char *no_colour = getenv("NO_COLOR");
	cli->colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
	int code = set_socket(cli);
	return code == 0 ? set_timeout(cli) : code;
}

static void hint_at_help(const struct cli *cli)
{
	const struct command *command = cli->invocation.command;
	if (command)
		cli_hint(cli, "kalkictl help %s%s%s says how it is used", command->noun,
			 command->verb ? " " : "", command->verb ? command->verb : "");
	else
		cli_hint(cli, "kalkictl help lists what there is");
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	struct error err = {0};
	if (arguments_read(&cli.invocation, argc - 1, argv + 1, getenv, &err) < 0) {
		cli_complain(&cli, "%s", err.text);
		hint_at_help(&cli);
		return EXIT_USAGE;
	}
	if (!cli.invocation.command || cli_flag(&cli, FLAG_HELP)) {
		run_help(&cli);
		return output_end(&cli, cli_flag(&cli, FLAG_HELP) ? 0 : EXIT_USAGE);
	}
	int code = set_up(&cli);
	if (code)
		return code;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = cli.invocation.command->run(&cli);
	curl_global_cleanup();
	return output_end(&cli, code);
}
