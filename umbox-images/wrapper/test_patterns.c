/* SPDX-License-Identifier: Apache-2.0 */
/* test_patterns.c - settings right and wrong, lines out of pieces, and what they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lines.h"
#include "settings.h"

static void read_well(struct settings *settings, const char *text)
{
	char error[PATTERNS_ERROR_BYTES];
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	if (!settings_read(settings, document, error))
		fail_msg("%s: %s", text, error);
	json_decref(document);
}

static enum pattern_meaning match(const struct settings *settings, const char *line,
				  struct pattern_found *found)
{
	return patterns_match(settings->patterns, line, strlen(line), found);
}

static void named_groups_fill_the_alert(void **state)
{
	struct settings settings;
	struct pattern_found found;
	(void)state;
	read_well(
		&settings,
		"{\"patterns\":[{\"match\":\"(?<source>\\\\S+):(?<source_port>\\\\d+) -> "
		"(?<target>\\\\S+):(?<target_port>\\\\d+) x(?<count>\\\\d+)( why (?<detail>.*))?\","
		"\"alert\":\"scan\",\"severity\":\"high\"}]}");
	assert_int_equal(
		match(&settings, "10.0.0.9:99999 -> fd00::1:80 x7 why a\tb\xc3\xa4", &found),
		PATTERN_ALERT);
	assert_string_equal(found.alert.type, "scan");
	assert_int_equal(found.alert.severity, UMBOX_HIGH);
	assert_int_equal(found.alert.source.family, 4);
	assert_int_equal(found.alert.source.octet[3], 9);
	assert_int_equal(found.alert.target.family, 6);
	assert_int_equal(found.alert.source_port, 0); /* is none */
	assert_int_equal(found.alert.target_port, 80);
	assert_int_equal(found.alert.count, 7);
	assert_string_equal(found.alert.detail, "a b??");
	assert_int_equal(match(&settings, "nobody:1 -> 10.0.0.1:2 x1", &found), PATTERN_ALERT);
	assert_int_equal(found.alert.source.family, 0);
	assert_string_equal(found.alert.detail, "nobody:1 -> 10.0.0.1:2 x1");
	settings_done(&settings);
}

static void the_first_pattern_counts(void **state)
{
	struct settings settings;
	struct pattern_found found;
	(void)state;
	read_well(&settings,
		  "{\"forward\":\"wrapper\",\"logs\":[\"/tmp/a\"],\"patterns\":["
		  "{\"match\":\"up$\",\"ready\":true},{\"match\":\"test\",\"ignore\":true},"
		  "{\"match\":\"\",\"record\":true}]}");
	assert_true(settings.forward && patterns_tell_ready(settings.patterns));
	assert_int_equal(settings.log_count, 1);
	assert_int_equal(match(&settings, "a test is up", &found), PATTERN_READY);
	assert_int_equal(match(&settings, "a test", &found), PATTERN_IGNORE);
	assert_int_equal(match(&settings, "else", &found), PATTERN_RECORD);
	assert_string_equal(found.detail, "else");
	settings_done(&settings);
	read_well(&settings, "{\"patterns\":[{\"match\":\"x\",\"alert\":\"x\"}]}");
	assert_false(settings.forward || patterns_tell_ready(settings.patterns));
	assert_int_equal(match(&settings, "y", &found), PATTERN_NONE);
	settings_done(&settings);
}

/* What an attacker may have a program log. */
static void a_pattern_that_is_too_hard_gives_up(void **state)
{
	struct settings settings;
	struct pattern_found found;
	char line[WRAPPER_LINE_BYTES];
	(void)state;
	read_well(&settings, "{\"patterns\":[{\"match\":\"^(a+)+$\",\"alert\":\"x\"},"
			     "{\"match\":\"!\",\"alert\":\"y\"}]}");
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 2] = '!';
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(match(&settings, line, &found), PATTERN_ALERT);
	assert_string_equal(found.alert.type, "y");
	assert_true(found.too_hard);
	assert_int_equal(strlen(found.alert.detail), PATTERNS_DETAIL_BYTES - 1);
	settings_done(&settings);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"[]", "not an object"},
		{"{}", "'patterns' is missing"},
		{"{\"patterns\":[],\"x\":1}", "'x' is not known"},
		{"{\"patterns\":{}}", "not a list of at most 64"},
		{"{\"forward\":\"me\"}", "neither program nor wrapper"},
		{"{\"logs\":[\"tmp/a\"]}", "whole paths"},
		{"{\"logs\":[\"/1\",\"/2\",\"/3\",\"/4\",\"/5\"]}", "at most 4"},
		{"{\"patterns\":[1]}", "patterns[0]: not an object"},
		{"{\"patterns\":[{\"alert\":\"x\"}]}", "'match' is missing"},
		{"{\"patterns\":[{\"match\":\"(\",\"alert\":\"x\"}]}",
		 "parenthesis at character 2"},
		{"{\"patterns\":[{\"match\":\"a\"}]}", "'ignore' is missing"},
		{"{\"patterns\":[{\"match\":\"a\",\"alert\":\"a b\"}]}", "is no type"},
		{"{\"patterns\":[{\"match\":\"a\",\"alert\":\"a\",\"ready\":true}]}",
		 "more than one"},
		{"{\"patterns\":[{\"match\":\"a\",\"ready\":false}]}", "only be true"},
		{"{\"patterns\":[{\"match\":\"a\",\"alert\":\"a\",\"severity\":\"bad\"}]}",
		 "none of"},
		{"{\"patterns\":[{\"match\":\"a\",\"record\":true,\"severity\":\"low\"}]}",
		 "of alerts only"},
		{"{\"patterns\":[{\"match\":\"a\",\"alert\":\"a\",\"y\":1}]}", "'y' is not known"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings settings;
		char error[PATTERNS_ERROR_BYTES];
		json_t *document = json_loads(rows[i].text, 0, NULL);
		assert_non_null(document);
		assert_false(settings_read(&settings, document, error));
		if (!strstr(error, rows[i].words))
			fail_msg("%s: '%s' does not say '%s'", rows[i].text, error, rows[i].words);
		json_decref(document);
	}
}

struct heard {
	char text[64];
	size_t longest;
	unsigned count;
};

static void on_line(const char *line, size_t length, void *user)
{
	struct heard *heard = user;
	size_t used = strlen(heard->text);
	heard->count++;
	heard->longest = length > heard->longest ? length : heard->longest;
	if (length < 16)
		snprintf(heard->text + used, sizeof(heard->text) - used, "[%.*s]", (int)length,
			 line);
}

static void lines_come_out_of_pieces(void **state)
{
	static struct lines lines;
	struct heard heard = {0};
	char noise[3 * WRAPPER_LINE_BYTES];
	(void)state;
	lines_take(&lines, "one\r\n\ntw", 8, on_line, &heard);
	lines_take(&lines, "o\nth", 4, on_line, &heard);
	assert_string_equal(heard.text, "[one][two]");
	memset(noise, 'x', sizeof(noise));
	lines_take(&lines, noise, sizeof(noise), on_line, &heard);
	lines_take(&lines, "\nlast\n", 6, on_line, &heard);
	assert_string_equal(heard.text, "[one][two][last]");
	assert_int_equal(heard.count, 4);
	assert_int_equal(heard.longest, WRAPPER_LINE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_groups_fill_the_alert),
		cmocka_unit_test(the_first_pattern_counts),
		cmocka_unit_test(a_pattern_that_is_too_hard_gives_up),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(lines_come_out_of_pieces),
	};
	return cmocka_run_group_tests_name("patterns", tests, NULL, NULL);
}
