/* SPDX-License-Identifier: Apache-2.0 */
/* test_blocks.c - lists as the kernel wants them, and alerts of what it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "news.h"

enum { SECOND = 1000000 };

static void assert_tidy(const char *const *texts, const char *expected)
{
	static struct prefixes prefixes;
	char printed[1024] = "", ip[UMBOX_IP_TEXT_BYTES];
	size_t length = 0;
	prefixes.count = 0;
	for (; *texts; texts++)
		assert_true(prefixes_add(&prefixes, *texts));
	prefixes_tidy(&prefixes);
	for (unsigned i = 0; i < prefixes.count; i++) {
		umbox_ip_print(ip, &prefixes.prefix[i].ip);
		length += (size_t)snprintf(printed + length, sizeof(printed) - length, "%s/%u ", ip,
					   prefixes.prefix[i].bits);
	}
	assert_string_equal(printed, expected);
}

static void a_list_is_in_order_and_nothing_lies_within_another(void **state)
{
	(void)state;
	assert_tidy((const char *[]){NULL}, "");
	assert_tidy((const char *[]){"10.1.2.3", "10.1.2.3", "10.0.0.0/8", "9.9.9.9/24", NULL},
		    "9.9.9.0/24 10.0.0.0/8 ");
	assert_tidy((const char *[]){"10.0.1.0/24", "10.0.0.0/24", "10.0.0.77/32", NULL},
		    "10.0.0.0/24 10.0.1.0/24 ");
	assert_tidy((const char *[]){"2001:db8::1/64", "::/0", NULL}, "::/0 ");
	assert_tidy((const char *[]){"2001:db8::1", "255.255.255.255", "0.0.0.0/0", NULL},
		    "0.0.0.0/0 2001:db8::1/128 ");
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const texts[] = {"",         "camera", "10.0.0.0/33",
					    "10.0.0/8", "::/129", "1/"};
	static struct prefixes prefixes;
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(prefixes_add(&prefixes, texts[i]));
	assert_int_equal(prefixes.count, 0);
	while (prefixes.count < PREFIXES_MAX)
		assert_true(prefixes_add(&prefixes, "10.0.0.1"));
	assert_false(prefixes_add(&prefixes, "10.0.0.1"));
}

static struct news_result hear(struct news *news, const char *source, enum block_reason reason,
			       enum umbox_leg from, int64_t now_us)
{
	struct news_result result;
	struct test_frame test;
	make_tcp4(&test, source, 4711, 23, 7, UMBOX_TCP_SYN);
	struct umbox_told told = {.tag = (uint8_t)reason, .frame = as_frame(&test, from, now_us)};
	news_take(news, &told, &result);
	return result;
}

static void who_gets_blocked_is_told_and_who_comes_again_once_a_pause(void **state)
{
	static const struct blocks_settings settings = {
		.attempts = 5, .interval_s = 10, .block_s = 600};
	struct news *news = news_new(&settings, 60 * SECOND);
	(void)state;
	struct news_result result = hear(news, "10.20.0.9", BLOCK_TRIPPED, UMBOX_OUT, 0);
	assert_true(result.alarm);
	assert_string_equal(result.alert.type, "blocked-source");
	assert_int_equal(result.alert.severity, UMBOX_HIGH);
	assert_string_equal(result.detail, "touched port 23: blocked for 600 s");
	result = hear(news, "10.20.0.8", BLOCK_ATTEMPTS, UMBOX_OUT, 0);
	assert_string_equal(result.detail, "more than 5 connections in 10 s: blocked for 600 s");
	result = hear(news, "10.20.0.9", BLOCK_LISTED, UMBOX_OUT, 1);
	assert_true(result.alarm);
	assert_string_equal(result.alert.type, "blocked-traffic");
	assert_int_equal(result.alert.severity, UMBOX_LOW);
	assert_false(hear(news, "10.20.0.9", BLOCK_LISTED, UMBOX_OUT, 59 * SECOND).alarm);
	assert_true(hear(news, "10.20.0.7", BLOCK_LISTED, UMBOX_OUT, 59 * SECOND).alarm);
	assert_true(hear(news, "10.20.0.9", BLOCK_LISTED, UMBOX_OUT, 61 * SECOND).alarm);
	/* Of what the device sends the peer is the target. */
	assert_true(hear(news, "10.20.0.11", BLOCK_LISTED, UMBOX_IN, 61 * SECOND).alarm);
	assert_false(hear(news, "10.20.0.12", BLOCK_LISTED, UMBOX_IN, 61 * SECOND).alarm);
	/* A crowd has no source, and one alert. */
	result = hear(news, "10.20.0.1", BLOCK_CROWDED, UMBOX_OUT, 61 * SECOND);
	assert_true(result.alarm);
	assert_int_equal(result.alert.source.family, 0);
	assert_false(hear(news, "10.20.0.2", BLOCK_CROWDED, UMBOX_OUT, 61 * SECOND).alarm);
	assert_false(hear(news, "10.20.0.2", BLOCK_EVASIVE, UMBOX_OUT, 61 * SECOND).alarm);
	news_free(news);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_in_order_and_nothing_lies_within_another),
		cmocka_unit_test(what_is_no_prefix_is_refused),
		cmocka_unit_test(who_gets_blocked_is_told_and_who_comes_again_once_a_pause),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
