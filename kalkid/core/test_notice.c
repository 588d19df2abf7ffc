/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_notice.c - templates: what is filled in, and how it is written where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/notice.h"

static const struct notice notice = {
	.id = 9,
	.kind = NOTICE_TRANSITION,
	.event = 17,
	.wall_us = 1700000000123456,
	.instance = "home",
	.device = "cam1",
	.type = "camera",
	.state = "Attack",
	.from = "Normal",
	.rule = "brute-force",
	.alert = "login-failed",
	.severity = "high",
	.reason = "said \"a\\b\"\r\nBcc: x\x01 \xff",
	.count = 3,
};

static void expect(const char *template, enum notice_place place, const char *wanted)
{
	cleanup_buffer struct buffer filled = {0};
	notice_fill(&filled, template, place, &notice);
	assert_string_equal(filled.bytes, wanted);
}

static void every_word_is_filled_in(void **state maybe_unused)
{
	expect("{instance} {device} {type}: {from} > {state} by {rule}", NOTICE_IN_TEXT,
	       "home cam1 camera: Normal > Attack by brute-force");
	expect("{kind} {alert} {severity} {event} {count} {time}", NOTICE_IN_TEXT,
	       "transition login-failed high 17 3 2023-11-14T22:13:20.123456Z");
	expect("", NOTICE_IN_TEXT, "");
}

static void values_stay_in_their_place(void **state maybe_unused)
{
	expect("[{reason}]", NOTICE_IN_TEXT, "[said \"a\\b\"  Bcc: x  \xef\xbf\xbd]");
	expect("{\"text\": \"{reason}\"}", NOTICE_IN_JSON,
	       "{\"text\": \"said \\\"a\\\\b\\\"  Bcc: x  \xef\xbf\xbd\"}");
}

static void other_braces_stay(void **state maybe_unused)
{
	expect("{} {Device} {device {{device}} {unknown}", NOTICE_IN_TEXT,
	       "{} {Device} {device {cam1} {unknown}");
}

static void unknown_words_are_found(void **state maybe_unused)
{
	char word[NAME_BYTES];
	size_t offset = 0;
	assert_false(text_unknown_braced("{device} {} {Big} {\"a\"}", NOTICE_WORDS, &offset, word,
					 sizeof(word)));
	assert_true(text_unknown_braced("{device} {devise}", NOTICE_WORDS, &offset, word,
					sizeof(word)));
	assert_int_equal(offset, 9);
	assert_string_equal(word, "devise");
	assert_true(text_unknown_braced("{abcdefgh}", NOTICE_WORDS, &offset, word, 4));
	assert_string_equal(word, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_filled_in),
		cmocka_unit_test(values_stay_in_their_place),
		cmocka_unit_test(other_braces_stay),
		cmocka_unit_test(unknown_words_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
