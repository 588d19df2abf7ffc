/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/arguments.h - the command line, read against the table of commands. */
#pragma once

#include "base/error.h"
#include "cli/command.h"

struct invocation {
	const struct command *command;    /* NULL: nothing was asked for */
	const char *flags[FLAG_COUNT];    /* the value, "" of a switch; NULL: not given */
	const char *words[ARGUMENTS_MAX]; /* noun, verb, arguments as they stood */
	unsigned word_count;
	const char *const *arguments; /* the part of `words` behind noun and verb */
	unsigned argument_count;
};

/* Flags may stand anywhere; "--" ends them; a flag that is not there comes from its twin in the
 * environment (KALKI_DRY_RUN), read by `lookup`.  -EINVAL with words that say what would be right;
 * what was understood by then is in `ret`. */
int arguments_read(struct invocation *ret, int count, char *const *texts,
		   char *(*lookup)(const char *name), struct error *err) must_check;
/* -EINVAL with words, for a noun and a verb (or NULL) that command_find does not know. */
int command_unknown(const char *noun, const char *verb, struct error *err) must_check;
/* How many arguments the command needs, and how many it takes. */
void arguments_needed(const struct command *command, unsigned *ret_least, unsigned *ret_most);
/* -1 when no flag is called so. */
int flag_find(const char *name, size_t length);
