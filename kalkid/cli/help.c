/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/help.c - help and version, from the tables. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "cli/output.h"

static void print_flag(const struct command *command, enum flag flag)
{
	const struct flag_info *info = &FLAGS[flag];
	const char *choices = command ? command_choices(command, flag) : NULL;
	char left[64];
	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", info->letter ? '-' : ' ',
		 info->letter ? info->letter : ' ', info->letter ? "," : " ", info->name,
		 info->value ? " " : "", info->value ? info->value : "");
	printf("  %-26s  %s", left, info->help);
	if (choices)
		printf(": %s", choices);
	printf("\n");
}

static void print_command_line(const struct command *command)
{
	char left[64];
	snprintf(left, sizeof(left), "%s%s%s %s", command->noun, command->verb ? " " : "",
		 command->verb ? command->verb : "", command->arguments);
	printf("  %-32s  %s\n", left, command->help);
}

/* Of every command where that is NULL. */
static void print_flags(const struct command *command)
{
	unsigned first = command ? FLAG_GLOBAL_COUNT : 0;
	unsigned end = command ? FLAG_COUNT : FLAG_GLOBAL_COUNT;
	printf("\n%s\n", command ? "Flags:" : "Flags of every command:");
	for (unsigned flag = first; flag < end; flag++) {
		if (!command || command_has_flag(command, flag))
			print_flag(command, (enum flag)flag);
	}
}

static void print_all(void)
{
	printf("kalkictl " KALKI_VERSION " - sees and orders what kalkid does\n"
	       "\n"
	       "usage: kalkictl NOUN [VERB] [ARGUMENTS] [FLAGS]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (COMMANDS[i].help)
			print_command_line(&COMMANDS[i]);
	}
	print_flags(NULL);
	printf("\nEach flag has a twin in the environment: KALKI_OUTPUT, KALKI_DRY_RUN; NO_COLOR is heeded.\n"
	       "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 kalkid not reachable, 4 not found,\n"
	       "5 conflict, 6 invalid input, 7 not allowed, 8 timed out, 10 the plan has changes, 11 degraded.\n");
}

static void print_command(const struct command *command)
{
	printf("usage: kalkictl %s%s%s %s%s\n\n%s\n", command->noun, command->verb ? " " : "",
	       command->verb ? command->verb : "", command->arguments,
	       command->flags ? " [FLAGS]" : "", command->help);
	if (command->flags)
		print_flags(command);
	print_flags(NULL);
}

static int print_noun(const struct cli *cli, const char *noun, const char *verb)
{
	struct error err = {0};
	if ((verb || !command_is_noun(noun)) && command_unknown(noun, verb, &err) < 0) {
		cli_complain(cli, "%s", err.text);
		cli_hint(cli, "kalkictl help lists what there is");
		return EXIT_USAGE;
	}
	printf("usage:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (text_equal(COMMANDS[i].noun, noun) && COMMANDS[i].help)
			print_command_line(&COMMANDS[i]);
	}
	return 0;
}

/* "kalkictl help device add", and "kalkictl device add --help". */
int run_help(struct cli *cli)
{
	const struct invocation *asked = &cli->invocation;
	bool by_noun = asked->command && asked->command->run == run_help;
	unsigned at = by_noun ? 1 : 0;
	const char *noun = at < asked->word_count ? asked->words[at] : NULL;
	const char *verb = at + 1 < asked->word_count ? asked->words[at + 1] : NULL;
	const struct command *command = noun ? command_find(noun, verb) : NULL;
	if (command && command->help)
		print_command(command);
	else if (noun)
		return print_noun(cli, noun, verb);
	else
		print_all();
	return 0;
}

int run_version(struct cli *cli)
{
	json_t *daemon = NULL;
	cli->silent = true; /* its own version is told also where no daemon runs */
	int code = client_get(cli, "/api/v1/version", &daemon);
	json_t *both = json_pack("{s:s, s:o}", "kalkictl", KALKI_VERSION, "kalkid",
				 code == 0 ? daemon : json_null());
	if (!output_json(cli, both)) {
		output_print("kalkictl %s", KALKI_VERSION);
		if (code == 0)
			output_print("kalkid   %s (API %s)", text_of(daemon, "version"),
				     text_of(daemon, "api"));
		else
			output_print("kalkid   does not answer at %s", cli->socket);
	}
	json_decref(both);
	return 0;
}
