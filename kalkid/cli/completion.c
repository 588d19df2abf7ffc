/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/completion.c - what may come next on the command line, from the tables and
 * from the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"
#include "trial/trial.h"

enum { NAMES_MAX = 5000, WAIT_US = 1000000 };

/* Words go to the program itself: so the shell knows what the tables know. */
static const char BASH[] =
	"_kalkictl()\n"
	"{\n"
	"\tlocal IFS=$'\\n'\n"
	"\tCOMPREPLY=($(\"${COMP_WORDS[0]}\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\""
	" 2>/dev/null))\n"
	"}\n"
	"complete -o default -F _kalkictl kalkictl\n";

int run_completion(struct cli *cli)
{
	if (!text_equal(cli_argument(cli, 0), "bash")) {
		cli_complain(cli, "there is completion for bash, not for '%s'",
			     cli_argument(cli, 0));
		return EXIT_USAGE;
	}
	fputs(BASH, stdout);
	return 0;
}

/* What was typed so far: the word to be completed and those before it. */
struct typed {
	struct cli *cli;
	const char *word;
	const char *plain[ARGUMENTS_MAX]; /* words that are no flags, and no values of flags */
	unsigned plain_count;
	int open_flag; /* the word is its value; -1: none */
};

static void offer(const struct typed *typed, const char *candidate)
{
	if (text_starts(candidate, typed->word))
		output_print("%s", candidate);
}

static void offer_flag(const struct typed *typed, const char *name)
{
	cleanup_free char *flag = mem_printf("--%s", name);
	offer(typed, flag);
}

/* One field of each item of a list. */
static void offer_items(struct typed *typed, const char *path, const char *key)
{
	json_t *list = NULL, *item;
	size_t i;
	if (client_list(typed->cli, path, NAMES_MAX, &list) == 0) {
		json_array_foreach(json_object_get(list, "items"), i, item)
		{
			cleanup_free char *name = shown(item, key);
			offer(typed, name);
		}
	}
	json_decref(list);
}

/* What the device's type has of these: "states", "commands". */
static void offer_of_type(struct typed *typed, const char *device, const char *what)
{
	cleanup_buffer struct buffer path = {0}, type_path = {0};
	json_t *found = NULL, *type = NULL, *item;
	size_t i;
	buffer_print(&path, "/api/v1/devices");
	url_segment(&path, device);
	buffer_print(&type_path, "/api/v1/types");
	if (client_get(typed->cli, path.bytes, &found) == 0) {
		url_segment(&type_path, text_of(json_object_get(found, "definition"), "type"));
		if (client_get(typed->cli, type_path.bytes, &type) == 0)
			json_array_foreach(json_object_get(type, what), i, item)
				offer(typed, text_of(item, "name"));
	}
	json_decref(found);
	json_decref(type);
}

/* By the argument's name in the table. */
static void offer_values(struct typed *typed, const char *what, const char *before)
{
	if (strcmp(what, "DEVICE") == 0)
		offer_items(typed, "/api/v1/devices", "name");
	else if (strcmp(what, "STATE") == 0)
		offer_of_type(typed, before, "states");
	else if (strcmp(what, "COMMAND") == 0)
		offer_of_type(typed, before, "commands");
	else if (strcmp(what, "TYPE") == 0)
		offer_items(typed, "/api/v1/types", "name");
	else if (strcmp(what, "UMBOX") == 0)
		offer_items(typed, "/api/v1/umboxes", "umbox");
	else if (strcmp(what, "NOTIFIER") == 0)
		offer_items(typed, "/api/v1/notifiers", "name");
	else if (strcmp(what, "ALERT") == 0)
		offer_items(typed, "/api/v1/alerts?unacknowledged=true", "id");
	else if (strcmp(what, "SHELL") == 0)
		offer(typed, "bash");
}

/* As the last one of a list with commas between. */
static void offer_listed(const struct typed *typed, const char *choice)
{
	const char *comma = strrchr(typed->word, ',');
	int before = comma ? (int)(comma + 1 - typed->word) : 0;
	cleanup_free char *list = mem_printf("%.*s%s", before, typed->word, choice);
	offer(typed, list);
}

static void offer_choices(const struct typed *typed, const char *choices)
{
	cleanup_free char *words = mem_copy_text(choices);
	char *rest = words, *word;
	while ((word = strsep(&rest, " ")))
		offer_listed(typed, word);
}

static void offer_flag_values(struct typed *typed, const struct command *command, enum flag flag)
{
	const char *choices = command ? command_choices(command, flag) : FLAGS[flag].choices, *name;
	if (choices)
		offer_choices(typed, choices);
	else if (flag == FLAG_CHECK)
		for (unsigned i = 0; (name = trial_check_name(i)); i++)
			offer_listed(typed, name);
	else
		offer_values(typed, FLAGS[flag].value, "");
}

static void offer_words(struct typed *typed)
{
	const char *noun = typed->plain_count ? typed->plain[0] : NULL, *last = NULL;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		const char *word = noun ? command->verb : command->noun;
		if (!command->help || !word || (noun && strcmp(command->noun, noun) != 0))
			continue;
		if (!last || strcmp(last, word) != 0)
			offer(typed, word);
		last = word;
	}
}

static void offer_next(struct typed *typed, const struct command *command)
{
	char what[32];
	unsigned used = command && command->verb ? 2 : 1;
	if (typed->open_flag >= 0) {
		offer_flag_values(typed, command, (enum flag)typed->open_flag);
	} else if (typed->word[0] == '-') {
		for (unsigned i = 0; i < FLAG_COUNT; i++) {
			if (command ? command_has_flag(command, i) : i < FLAG_GLOBAL_COUNT)
				offer_flag(typed, FLAGS[i].name);
		}
	} else if (!command || (command->verb && typed->plain_count < 2)) {
		offer_words(typed);
	} else if (command_argument_name(command, typed->plain_count - used, what, sizeof(what))) {
		offer_values(typed, what, typed->plain[typed->plain_count - 1]);
	}
}

/* Whether `word` is a flag that waits for its value in the next word. */
static int waiting_flag(const char *word)
{
	int flag = -1;
	if (text_starts(word, "--"))
		flag = flag_find(word + 2, strlen(word + 2));
	for (int i = 0; word[0] == '-' && word[1] && !word[2] && i < FLAG_COUNT; i++) {
		if (FLAGS[i].letter == word[1])
			flag = i;
	}
	return flag >= 0 && FLAGS[flag].value ? flag : -1;
}

int run_complete(struct cli *cli)
{
	struct typed typed = {.cli = cli, .word = "", .open_flag = -1};
	for (unsigned i = 0; cli_argument(cli, i); i++) {
		const char *word = cli_argument(cli, i);
		bool last = !cli_argument(cli, i + 1);
		if (last)
			typed.word = word;
		else if (typed.open_flag >= 0)
			typed.open_flag = -1;
		else if (word[0] == '-')
			typed.open_flag = waiting_flag(word);
		else
			typed.plain[typed.plain_count++] = word;
	}
	cli->silent = true;
	cli->output = OUTPUT_HUMAN;
	cli->timeout_us = min_of(cli->timeout_us, (int64_t)WAIT_US);
	const char *noun = typed.plain_count ? typed.plain[0] : NULL;
	offer_next(&typed,
		   noun ? command_find(noun, typed.plain_count > 1 ? typed.plain[1] : NULL) : NULL);
	return 0;
}
