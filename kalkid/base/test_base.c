/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/test_base.c - error, text, clock, digest, footprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/footprint.h"
#include "base/text.h"

static void error_carries_words_and_context(void **state maybe_unused)
{
	struct error err = {0};
	assert_int_equal(error_set(&err, -EINVAL, "no state named '%s'", "Calm"), -EINVAL);
	error_prefix(&err, "policy '%s': ", "camera");
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "policy 'camera': no state named 'Calm'");
	assert_int_equal(error_errno(&err, -ENOENT, "open"), -ENOENT);
	assert_string_equal(err.text, "open: No such file or directory");
	assert_int_equal(error_set(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void error_words_are_bounded(void **state maybe_unused)
{
	struct error err = {0};
	char long_text[2 * ERROR_TEXT_BYTES];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", long_text);
	error_prefix(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_BYTES - 1);
}

static void nearest_word_finds_typing_errors_only(void **state maybe_unused)
{
	static const char *const words[] = {"Normal", "Suspicious", "Attack"};
	assert_string_equal(text_nearest("Suspicous", words, 3), "Suspicious");
	assert_string_equal(text_nearest("Atack", words, 3), "Attack");
	assert_null(text_nearest("Quarantine", words, 3));

	char hint[TEXT_HINT_BYTES];
	text_hint(hint, "Atack", words, 3);
	assert_string_equal(hint, " (did you mean 'Attack'?)");
	text_hint(hint, "Quarantine", words, 3);
	assert_string_equal(hint, "");
}

static void buffer_grows_and_drops(void **state maybe_unused)
{
	cleanup_buffer struct buffer buffer = {0};
	for (int i = 0; i < 1000; i++)
		buffer_print(&buffer, "%d ", i);
	assert_int_equal(strncmp(buffer.bytes, "0 1 2 3 ", 8), 0);
	buffer_drop(&buffer, 4);
	assert_int_equal(strncmp(buffer.bytes, "2 3 4 ", 6), 0);
	assert_int_equal(buffer.length, strlen(buffer.bytes));
}

static void copy_says_when_it_cut(void **state maybe_unused)
{
	char room[4];
	assert_true(TEXT_COPY(room, "abc"));
	assert_false(TEXT_COPY(room, "abcd"));
	assert_string_equal(room, "abc");
}

static void wall_time_prints_as_rfc3339(void **state maybe_unused)
{
	char text[TIME_TEXT_BYTES];
	clock_print_wall(text, 1767225600000001);
	assert_string_equal(text, "2026-01-01T00:00:00.000001Z");
}

static void times_are_read(void **state maybe_unused)
{
	int64_t us, zone_us;
	assert_int_equal(clock_parse_wall(&us, &zone_us, "2026-01-31T12:00:00.000001Z"), 0);
	assert_int_equal(us, 1769860800000001);
	assert_int_equal(clock_parse_wall(&us, &zone_us, "2026-01-31t13:30:00.5+01:30"), 0);
	assert_int_equal(us, 1769860800500000);
	assert_int_equal(clock_parse_wall(&us, &zone_us, "1970-01-01 00:00:00-00:01"), 0);
	assert_int_equal(us, 60000000);
	assert_int_equal(zone_us, -60000000);
	assert_int_equal(clock_parse_wall(&us, &zone_us, "2026-01-31T13:30:00.000001+0130"), 0);
	assert_int_equal(us, 1769860800000001);
	assert_int_equal(zone_us, 5400000000);
	static const char *const bad[] = {
		"",
		"now",
		"2026-01-31",
		"2026-01-31T12:00:00",
		"2026-01-31T12:00Z",
		"2026-13-01T12:00:00Z",
		"2026-01-31T12:00:00+1",
		"2026-01-31T12:00:00+24:00",
		"2026-01-31T12:00:00Zx",
		"2026-01-31T12:00:00+01:00x",
		"12:00:00Z",
		"1h",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(clock_parse_wall(&us, &zone_us, bad[i]), -EINVAL);
}

static void fake_clock_moves_only_when_told(void **state maybe_unused)
{
	struct clock_fake fake;
	clock_init_fake(&fake, 100, 5);
	assert_int_equal(clock_now_us(&fake.clock), 100);
	clock_fake_advance(&fake, 50);
	assert_int_equal(clock_now_us(&fake.clock), 150);
	assert_int_equal(clock_wall_now_us(&fake.clock), 55);
}

static void digest_names_bytes(void **state maybe_unused)
{
	char a[DIGEST_TEXT_BYTES], b[DIGEST_TEXT_BYTES];
	digest_text(a, "abc", 3);
	digest_text(b, "abd", 3);
	assert_int_equal(strlen(a), DIGEST_TEXT_BYTES - 1);
	assert_string_not_equal(a, b);
}

/* Of the files that are mapped. */
static long file_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "RssFile: %ld", &kib);
	fclose(file);
	return kib;
}

static void what_the_start_needed_is_given_back(void **state maybe_unused)
{
	char before_text[DIGEST_TEXT_BYTES], after_text[DIGEST_TEXT_BYTES];
	digest_text(before_text, "kalki", 5);
	long before = file_kib();
	footprint_trim();
	assert_in_range(file_kib(), 1, before - 1);
	/* The libraries are there as before. */
	digest_text(after_text, "kalki", 5);
	assert_string_equal(before_text, after_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_carries_words_and_context),
		cmocka_unit_test(error_words_are_bounded),
		cmocka_unit_test(nearest_word_finds_typing_errors_only),
		cmocka_unit_test(buffer_grows_and_drops),
		cmocka_unit_test(copy_says_when_it_cut),
		cmocka_unit_test(wall_time_prints_as_rfc3339),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(fake_clock_moves_only_when_told),
		cmocka_unit_test(digest_names_bytes),
		cmocka_unit_test(what_the_start_needed_is_given_back),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
