/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/test_arguments.c - command lines are read as people type them, and mistakes are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "codec/event_json.h"

static char *no_environment(const char *name maybe_unused)
{
	return NULL;
}

static struct error last_error;

/* Reads the words of `line`, separated by spaces; they live until the next call. */
static int read_line(struct invocation *invocation, const char *line,
		     char *(*lookup)(const char *name))
{
	static char text[512];
	char *words[64], *rest = text, *word;
	int count = 0;
	assert_true(TEXT_COPY(text, line));
	while ((word = strsep(&rest, " ")))
		words[count++] = word;
	last_error = (struct error){0};
	return arguments_read(invocation, count, words, lookup, &last_error);
}

static void flags_stand_anywhere(void **state maybe_unused)
{
	struct invocation invocation;
	static const char *const lines[] = {
		"--socket /s -o json device set-state cam1 Attack --for 30m -q",
		"device -ojson set-state --for=30m cam1 --socket=/s Attack -q",
		"device set-state -qo json --for 30m --socket /s -- cam1 Attack",
	};
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(read_line(&invocation, lines[i], no_environment), 0);
		assert_string_equal(invocation.command->noun, "device");
		assert_string_equal(invocation.command->verb, "set-state");
		assert_int_equal(invocation.argument_count, 2);
		assert_string_equal(invocation.arguments[0], "cam1");
		assert_string_equal(invocation.arguments[1], "Attack");
		assert_string_equal(invocation.flags[FLAG_OUTPUT], "json");
		assert_string_equal(invocation.flags[FLAG_FOR], "30m");
		assert_string_equal(invocation.flags[FLAG_SOCKET], "/s");
		assert_non_null(invocation.flags[FLAG_QUIET]);
		assert_null(invocation.flags[FLAG_YES]);
	}
}

static void nouns_may_stand_alone(void **state maybe_unused)
{
	struct invocation invocation;
	assert_int_equal(read_line(&invocation, "event -f --kind alert,transition", no_environment),
			 0);
	assert_null(invocation.command->verb);
	assert_int_equal(invocation.argument_count, 0);
	assert_string_equal(invocation.flags[FLAG_KIND], "alert,transition");
	assert_int_equal(read_line(&invocation, "plan cam1", no_environment), 0);
	assert_string_equal(invocation.arguments[0], "cam1");
	assert_int_equal(read_line(&invocation, "device show -- -odd-", no_environment), 0);
	assert_string_equal(invocation.arguments[0], "-odd-");
	assert_int_equal(read_line(&invocation, "device add --file -", no_environment), 0);
	assert_string_equal(invocation.flags[FLAG_FILE], "-");
}

static void mistakes_are_named(void **state maybe_unused)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"devcie list", "did you mean 'device'?"},
		{"xyzzy", "there is no command 'xyzzy'"},
		{"device lst", "did you mean 'device list'?"},
		{"device",
		 "device what? (list, show, add, rm, quarantine, release, shadow, enforce, "
		 "set-state, command, "
		 "timeline, why, telemetry)"},
		{"device explode cam1", "there is no 'device explode' (list,"},
		{"device list --ouput json", "did you mean --output?"},
		{"device list --xyzzyx", "there is no flag --xyzzyx"},
		{"device list -Z", "there is no flag -Z"},
		{"device list -o xml", "--output cannot be 'xml' (one of: human json jsonl)"},
		{"device list -o jso", "--output cannot be 'jso'"},
		{"policy graph f --format tap", "--format cannot be 'tap' (one of: text dot svg)"},
		{"policy test f --format svg", "--format cannot be 'svg' (one of: text tap junit)"},
		{"umbox init x --kind alert",
		 "--kind cannot be 'alert' (one of: kit wrapper kernel)"},
		{"event --kind alert,alrt", "--kind cannot be 'alrt' (one of: alert transition"},
		{"event --kind alert,", "--kind cannot be ''"},
		{"device add x --addresses arp", "--addresses cannot be 'arp' (one of: fixed"},
		{"device list --output", "--output needs a value: --output FORMAT"},
		{"device list --quiet=1", "--quiet takes no value"},
		{"device list --since 1h", "'device list' has no flag --since"},
		{"device show", "it needs more: kalkictl device show DEVICE"},
		{"device show a b", "'b' is too much: kalkictl device show DEVICE"},
		{"device show ", "an argument is empty"},
		{"device add x --ips 1 --ips 2",
		 "--ips was given twice (put commas between several)"},
		{"device list -o json -o jsonl", "--output was given twice"},
		{"policy check", "it needs more: kalkictl policy check FILE..."},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct invocation invocation;
		assert_int_equal(read_line(&invocation, cases[i].line, no_environment), -EINVAL);
		if (!strstr(last_error.text, cases[i].words))
			fail_msg("'%s' gave: %s", cases[i].line, last_error.text);
	}
}

static char *some_environment(const char *name)
{
	if (strcmp(name, "KALKI_OUTPUT") == 0)
		return (char *)(uintptr_t) "jsonl";
	if (strcmp(name, "KALKI_DRY_RUN") == 0)
		return (char *)(uintptr_t) "1";
	if (strcmp(name, "KALKI_YES") == 0)
		return (char *)(uintptr_t) "0";
	if (strcmp(name, "KALKI_SINCE") == 0)
		return (char *)(uintptr_t) "1h";
	return NULL;
}

static char *wrong_environment(const char *name)
{
	return strcmp(name, "KALKI_QUIET") == 0 ? (char *)(uintptr_t) "perhaps" : NULL;
}

static void each_flag_has_a_twin_in_the_environment(void **state maybe_unused)
{
	struct invocation invocation;
	assert_int_equal(read_line(&invocation, "event", some_environment), 0);
	assert_string_equal(invocation.flags[FLAG_OUTPUT], "jsonl");
	assert_non_null(invocation.flags[FLAG_DRY_RUN]);
	assert_null(invocation.flags[FLAG_YES]);
	assert_string_equal(invocation.flags[FLAG_SINCE], "1h");
	/* The command line wins, and a twin that does not fit the command is not its business. */
	assert_int_equal(read_line(&invocation, "device list -o json", some_environment), 0);
	assert_string_equal(invocation.flags[FLAG_OUTPUT], "json");
	assert_null(invocation.flags[FLAG_SINCE]);
	assert_int_equal(read_line(&invocation, "status", wrong_environment), -EINVAL);
	assert_non_null(strstr(last_error.text, "KALKI_QUIET is 'perhaps'"));
}

static void help_is_understood_everywhere(void **state maybe_unused)
{
	struct invocation invocation;
	assert_int_equal(read_line(&invocation, "--help", no_environment), 0);
	assert_null(invocation.command);
	assert_int_equal(read_line(&invocation, "device show --help", no_environment), 0);
	assert_non_null(invocation.flags[FLAG_HELP]);
	assert_int_equal(read_line(&invocation, "device -h", no_environment), 0);
	assert_string_equal(invocation.words[0], "device");
}

static void too_many_words_are_refused(void **state maybe_unused)
{
	char *words[ARGUMENTS_MAX + 8];
	struct invocation invocation;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = (char *)(uintptr_t) "x";
	assert_int_equal(
		arguments_read(&invocation, ARRAY_SIZE(words), words, no_environment, &last_error),
		-EINVAL);
}

static void every_kind_of_event_may_be_asked_for(void **state maybe_unused)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct invocation invocation;
		char line[64];
		snprintf(line, sizeof(line), "event --kind %s", event_kind_name(kind));
		assert_int_equal(read_line(&invocation, line, no_environment), 0);
	}
}

/* What parsing and completion rely on. */
static void the_table_is_sound(void **state maybe_unused)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &COMMANDS[i];
		unsigned least, most;
		char name[32];
		assert_non_null(command->run);
		assert_ptr_equal(command_find(command->noun, command->verb), command);
		assert_int_equal(command->flags & ((1ULL << FLAG_GLOBAL_COUNT) - 1), 0);
		arguments_needed(command, &least, &most);
		assert_true(least <= most);
		for (unsigned place = 0; place < min_of(most, 4U); place++) {
			assert_true(command_argument_name(command, place, name, sizeof(name)));
			assert_null(strpbrk(name, "[]. "));
		}
		if (most < ARGUMENTS_MAX)
			assert_false(command_argument_name(command, most, name, sizeof(name)));
	}
	for (unsigned i = 0; i < FLAG_COUNT; i++) {
		assert_non_null(FLAGS[i].name);
		assert_non_null(FLAGS[i].help);
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(FLAGS[i].name, FLAGS[j].name);
			assert_true(!FLAGS[i].letter || FLAGS[i].letter != FLAGS[j].letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_stand_anywhere),
		cmocka_unit_test(nouns_may_stand_alone),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(each_flag_has_a_twin_in_the_environment),
		cmocka_unit_test(help_is_understood_everywhere),
		cmocka_unit_test(too_many_words_are_refused),
		cmocka_unit_test(every_kind_of_event_may_be_asked_for),
		cmocka_unit_test(the_table_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
