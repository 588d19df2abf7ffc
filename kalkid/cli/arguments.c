/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/arguments.c - see arguments.h. */
#include "cli/arguments.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What is longer, or stands behind so many, gets no hint. */
enum { FLAG_NAME_BYTES = 64, NEIGHBOURS_MAX = 64 };

int flag_find(const char *name, size_t length)
{
	for (int i = 0; i < FLAG_COUNT; i++) {
		if (strlen(FLAGS[i].name) == length && strncmp(FLAGS[i].name, name, length) == 0)
			return i;
	}
	return -1;
}

static int find_letter(char letter)
{
	for (int i = 0; i < FLAG_COUNT; i++) {
		if (letter && FLAGS[i].letter == letter)
			return i;
	}
	return -1;
}

static int unknown_flag(const char *name, size_t length, struct error *err)
{
	const char *names[FLAG_COUNT];
	char word[FLAG_NAME_BYTES];
	for (int i = 0; i < FLAG_COUNT; i++)
		names[i] = FLAGS[i].name;
	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	const char *nearest = text_nearest(word, names, FLAG_COUNT);
	if (nearest)
		return error_set(err, -EINVAL, "there is no flag --%s; did you mean --%s?", word,
				 nearest);
	return error_set(err, -EINVAL, "there is no flag --%s", word);
}

/* Whether the word is one of those in `choices`. */
static bool is_choice(const char *choices, const char *word, size_t length)
{
	for (const char *at = choices; *at; at += strspn(at, " ")) {
		size_t end = strcspn(at, " ");
		if (end == length && strncmp(at, word, length) == 0)
			return true;
		at += end;
	}
	return false;
}

static int check_choice(const struct command *command, enum flag flag, const char *value,
			struct error *err)
{
	const char *choices = command_choices(command, flag);
	bool several = FLAGS[flag].value && strchr(FLAGS[flag].value, ',');
	if (!choices)
		return 0;
	do {
		size_t length = several ? strcspn(value, ",") : strlen(value);
		if (!is_choice(choices, value, length))
			return error_set(err, -EINVAL, "--%s cannot be '%.*s' (one of: %s)",
					 FLAGS[flag].name, (int)length, value, choices);
		value += length;
	} while (*value++);
	return 0;
}

static int set_flag(struct invocation *ret, int flag, const char *value, struct error *err)
{
	const struct flag_info *info = &FLAGS[flag];
	if (ret->flags[flag] && info->value)
		return error_set(err, -EINVAL, "--%s was given twice%s", info->name,
				 strchr(info->value, ',') ? " (put commas between several)" : "");
	ret->flags[flag] = value;
	return 0;
}

/* The texts that are left to read. */
struct reader {
	char *const *texts;
	int count, at;
};

static int take_value(struct reader *reader, int flag, const char **ret_value, struct error *err)
{
	if (reader->at == reader->count)
		return error_set(err, -EINVAL, "--%s needs a value: --%s %s", FLAGS[flag].name,
				 FLAGS[flag].name, FLAGS[flag].value);
	*ret_value = reader->texts[reader->at++];
	return 0;
}

/* --name, --name=value, --name value */
static int read_long(struct invocation *ret, struct reader *reader, const char *text,
		     struct error *err)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] ? text + length + 1 : NULL;
	int flag = flag_find(text, length);
	if (flag < 0)
		return unknown_flag(text, length, err);
	if (!FLAGS[flag].value && value)
		return error_set(err, -EINVAL, "--%s takes no value", FLAGS[flag].name);
	if (FLAGS[flag].value && !value) {
		int result = take_value(reader, flag, &value, err);
		if (result < 0)
			return result;
	}
	return set_flag(ret, flag, value ? value : "", err);
}

/* -f, -fq, -o json, -ojson */
static int read_letters(struct invocation *ret, struct reader *reader, const char *text,
			struct error *err)
{
	for (; *text; text++) {
		int flag = find_letter(*text);
		const char *value = "";
		int result = 0;
		if (flag < 0)
			return error_set(err, -EINVAL, "there is no flag -%c", *text);
		if (FLAGS[flag].value && text[1])
			value = text + 1;
		else if (FLAGS[flag].value)
			result = take_value(reader, flag, &value, err);
		if (result == 0)
			result = set_flag(ret, flag, value, err);
		if (result < 0 || FLAGS[flag].value)
			return result;
	}
	return 0;
}

static int read_texts(struct invocation *ret, struct reader *reader, struct error *err)
{
	bool flags_end = false;
	while (reader->at < reader->count) {
		const char *text = reader->texts[reader->at++];
		int result = 0;
		if (!flags_end && strcmp(text, "--") == 0)
			flags_end = true;
		else if (!flags_end && text_starts(text, "--"))
			result = read_long(ret, reader, text + 2, err);
		else if (!flags_end && text[0] == '-' && text[1])
			result = read_letters(ret, reader, text + 1, err);
		else if (ret->word_count == ARGUMENTS_MAX)
			result = error_set(err, -EINVAL, "more than %d words", ARGUMENTS_MAX);
		else
			ret->words[ret->word_count++] = text;
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_environment(struct invocation *ret, char *(*lookup)(const char *name),
			    struct error *err)
{
	for (unsigned i = 0; i < FLAG_COUNT; i++) {
		char name[sizeof("KALKI_") + FLAG_NAME_BYTES];
		snprintf(name, sizeof(name), "KALKI_%s", FLAGS[i].name);
		for (char *c = name; *c; c++)
			*c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
		const char *value = lookup(name);
		if (ret->flags[i] || !value || !*value || !command_has_flag(ret->command, i))
			continue;
		if (!FLAGS[i].value && is_choice("0 no false", value, strlen(value)))
			continue;
		if (!FLAGS[i].value && !is_choice("1 yes true", value, strlen(value)))
			return error_set(err, -EINVAL,
					 "%s is '%s' in the environment (1 or 0 is right)", name,
					 value);
		int result = check_choice(ret->command, i, value, err);
		if (result == 0)
			result = set_flag(ret, (int)i, FLAGS[i].value ? value : "", err);
		if (result < 0) {
			error_prefix(err, "%s in the environment: ", name);
			return result;
		}
	}
	return 0;
}

static int unknown_noun(const char *noun, struct error *err)
{
	const char *nouns[NEIGHBOURS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < COMMAND_COUNT && count < ARRAY_SIZE(nouns); i++) {
		if (COMMANDS[i].help)
			nouns[count++] = COMMANDS[i].noun;
	}
	const char *nearest = text_nearest(noun, nouns, count);
	if (nearest)
		return error_set(err, -EINVAL, "there is no command '%s'; did you mean '%s'?", noun,
				 nearest);
	return error_set(err, -EINVAL, "there is no command '%s'", noun);
}

static int unknown_verb(const char *noun, const char *verb, struct error *err)
{
	const char *verbs[NEIGHBOURS_MAX];
	size_t count = 0;
	cleanup_buffer struct buffer list = {0};
	for (size_t i = 0; i < COMMAND_COUNT && count < ARRAY_SIZE(verbs); i++) {
		if (!text_equal(COMMANDS[i].noun, noun))
			continue;
		buffer_print(&list, "%s%s", count ? ", " : "", COMMANDS[i].verb);
		verbs[count++] = COMMANDS[i].verb;
	}
	if (!verb)
		return error_set(err, -EINVAL, "%s what? (%s)", noun, list.bytes);
	const char *nearest = text_nearest(verb, verbs, count);
	if (nearest)
		return error_set(err, -EINVAL, "there is no '%s %s'; did you mean '%s %s'?", noun,
				 verb, noun, nearest);
	return error_set(err, -EINVAL, "there is no '%s %s' (%s)", noun, verb, list.bytes);
}

int command_unknown(const char *noun, const char *verb, struct error *err)
{
	return command_is_noun(noun) ? unknown_verb(noun, verb, err) : unknown_noun(noun, err);
}

void arguments_needed(const struct command *command, unsigned *ret_least, unsigned *ret_most)
{
	*ret_least = *ret_most = 0;
	for (const char *at = command->arguments; *at; at += strcspn(at, " "), at += *at == ' ') {
		*ret_least += *at != '[';
		(*ret_most)++;
	}
	if (strstr(command->arguments, "..."))
		*ret_most = ARGUMENTS_MAX;
}

static int check_arguments(const struct invocation *ret, struct error *err)
{
	const struct command *command = ret->command;
	const char *verb = command->verb ? command->verb : "";
	const char *space = command->verb ? " " : "";
	unsigned least, most;
	arguments_needed(command, &least, &most);
	if (ret->argument_count < least)
		return error_set(err, -EINVAL, "it needs more: kalkictl %s%s%s %s", command->noun,
				 space, verb, command->arguments);
	if (ret->argument_count > most)
		return error_set(err, -EINVAL, "'%s' is too much: kalkictl %s%s%s %s",
				 ret->arguments[most], command->noun, space, verb,
				 command->arguments);
	for (unsigned i = 0; i < ret->argument_count; i++) {
		if (!*ret->arguments[i] && command->help)
			return error_set(err, -EINVAL, "an argument is empty: kalkictl %s%s%s %s",
					 command->noun, space, verb, command->arguments);
	}
	return 0;
}

static int find_command(struct invocation *ret, struct error *err)
{
	if (!ret->word_count)
		return 0;
	const char *noun = ret->words[0], *verb = ret->word_count > 1 ? ret->words[1] : NULL;
	ret->command = command_find(noun, verb);
	if (!ret->command)
		return command_unknown(noun, verb, err);
	unsigned used = ret->command->verb ? 2 : 1;
	ret->arguments = ret->words + used;
	ret->argument_count = ret->word_count - used;
	return 0;
}

static int check_flags(const struct invocation *ret, struct error *err)
{
	const struct command *command = ret->command;
	int result = 0;
	for (int i = 0; i < FLAG_COUNT && result == 0; i++) {
		if (!ret->flags[i])
			continue;
		if (command_has_flag(command, (enum flag)i))
			result = check_choice(command, (enum flag)i, ret->flags[i], err);
		else
			result = error_set(err, -EINVAL, "'%s%s%s' has no flag --%s", command->noun,
					   command->verb ? " " : "",
					   command->verb ? command->verb : "", FLAGS[i].name);
	}
	return result;
}

int arguments_read(struct invocation *ret, int count, char *const *texts,
		   char *(*lookup)(const char *name), struct error *err)
{
	*ret = (struct invocation){0};
	struct reader reader = {.texts = texts, .count = count};
	int result = read_texts(ret, &reader, err);
	if (result == 0)
		result = find_command(ret, err);
	if (result < 0 || !ret->command || ret->flags[FLAG_HELP])
		return ret->flags[FLAG_HELP] ? 0 : result;
	/* What a person typed must fit; what stands in the environment is for whom it fits. */
	result = check_flags(ret, err);
	if (result == 0)
		result = read_environment(ret, lookup, err);
	return result == 0 ? check_arguments(ret, err) : result;
}
