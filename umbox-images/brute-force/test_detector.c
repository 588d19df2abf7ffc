/* SPDX-License-Identifier: Apache-2.0 */
/* test_detector.c - what counts as an attempt, when it is an attack, and how one would get around
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "detector.h"
#include "frames.h"

static const struct detector_settings usual = {
	.ports = {22, 80},
	.port_count = 2,
	.attempts = 5,
	.network_attempts = 40,
	.interval_us = 10000000,
	.alert_pause_us = 10000000,
};

static struct detector_result judge(struct detector *detector, struct test_frame *frame,
				    int64_t time_us)
{
	struct detector_result result;
	struct umbox_frame umbox_frame = as_frame(frame, UMBOX_OUT, time_us);
	detector_frame(detector, &umbox_frame, &result);
	return result;
}

/* Another connection of a source: a port and a sequence number not used before. */
static struct detector_result knock(struct detector *detector, const char *source, int64_t time_us)
{
	static uint32_t number = 1000;
	struct test_frame frame;
	number++;
	if (strchr(source, ':'))
		make_tcp6(&frame, source, (uint16_t)number, 22, number * 77, UMBOX_TCP_SYN);
	else
		make_tcp4(&frame, source, (uint16_t)number, 22, number * 77, UMBOX_TCP_SYN);
	return judge(detector, &frame, time_us);
}

static unsigned alarms_of(struct detector *detector, const char *source, unsigned count,
			  int64_t from_us, int64_t step_us)
{
	unsigned alarms = 0;
	for (unsigned i = 0; i < count; i++)
		alarms += knock(detector, source, from_us + i * step_us).alarm;
	return alarms;
}

static void enough_attempts_are_an_alert(void **state)
{
	static const char *const sources[] = {"10.20.0.9", "2001:db8::9"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct detector *detector = detector_new(&usual);
		char printed[UMBOX_IP_TEXT_BYTES];
		assert_int_equal(alarms_of(detector, sources[i], 4, 0, 1000), 0);
		struct detector_result result = knock(detector, sources[i], 5000);
		assert_true(result.alarm);
		assert_int_equal(result.verdict, UMBOX_PASS);
		assert_string_equal(result.alert.type, "brute-force");
		assert_int_equal(result.alert.severity, UMBOX_HIGH);
		assert_int_equal(result.alert.count, 5);
		assert_int_equal(result.alert.target_port, 22);
		assert_string_equal(result.detail, "5 connections in 10 s");
		umbox_ip_print(printed, &result.alert.source);
		assert_string_equal(printed, sources[i]);
		umbox_ip_print(printed, &result.alert.target);
		assert_string_equal(printed, i ? "2001:db8:a::11" : "10.20.0.11");
		detector_free(detector);
	}
}

static bool is_first(const void *user, const struct umbox_ip *ip)
{
	return umbox_ip_equal(user, ip);
}

static void an_exempt_source_is_not_judged(void **state)
{
	static const struct umbox_ip host = {4, {10, 20, 0, 1}};
	struct detector_settings settings = usual;
	(void)state;
	settings.is_exempt = is_first;
	settings.user = &host;
	settings.block_us = 10000000;
	struct detector *detector = detector_new(&settings);
	assert_int_equal(alarms_of(detector, "10.20.0.1", 100, 0, 1000), 0);
	assert_int_equal(knock(detector, "10.20.0.1", 200000).verdict, UMBOX_PASS);
	assert_int_equal(alarms_of(detector, "10.20.0.2", 5, 200000, 1000), 1);
	detector_free(detector);
}

static void the_interval_slides(void **state)
{
	struct detector *detector = detector_new(&usual);
	(void)state;
	/* One every 2.6 s: never five within 10 s, however long. */
	assert_int_equal(alarms_of(detector, "10.20.0.9", 100, 0, 2600000), 0);
	/* Across any fixed window's edge: three late in one, two early in the next. */
	assert_int_equal(alarms_of(detector, "10.20.0.8", 3, 9000000, 300000), 0);
	assert_int_equal(alarms_of(detector, "10.20.0.8", 2, 10000001, 300000), 1);
	/* Exactly as long as the interval still counts, a microsecond more does not. */
	assert_int_equal(alarms_of(detector, "10.20.0.7", 5, 0, 2500000), 1);
	assert_int_equal(alarms_of(detector, "10.20.0.6", 5, 0, 2500001), 0);
	detector_free(detector);
}

static void sources_are_counted_apart(void **state)
{
	struct detector *detector = detector_new(&usual);
	char source[32];
	(void)state;
	for (int i = 0; i < 400; i++) {
		snprintf(source, sizeof(source), "10.20.%d.9", i % 100);
		assert_int_equal(knock(detector, source, i).alarm, false);
	}
	detector_free(detector);
}

static void one_alert_a_pause_tells_them_all(void **state)
{
	struct detector *detector = detector_new(&usual);
	(void)state;
	assert_int_equal(alarms_of(detector, "10.20.0.9", 5, 0, 1), 1);
	assert_int_equal(alarms_of(detector, "10.20.0.9", 99, 1000, 100000), 0);
	struct detector_result result = knock(detector, "10.20.0.9", 10000004);
	assert_true(result.alarm);
	assert_int_equal(result.alert.count, 100);
	assert_string_equal(result.detail, "100 connections in a row");
	detector_free(detector);
}

static void only_new_connections_to_watched_ports_count(void **state)
{
	struct detector *detector = detector_new(&usual);
	struct detector_result result;
	struct test_frame frame;
	(void)state;
	for (uint16_t i = 0; i < 50; i++) {
		make_tcp4(&frame, "10.20.0.9", (uint16_t)(1000 + i), 8883, i, UMBOX_TCP_SYN);
		assert_false(judge(detector, &frame, i).attempt);
		make_tcp4(&frame, "10.20.0.9", (uint16_t)(2000 + i), 22, i,
			  UMBOX_TCP_SYN | UMBOX_TCP_ACK);
		assert_false(judge(detector, &frame, i).attempt);
		make_tcp4(&frame, "10.20.0.9", (uint16_t)(3000 + i), 22, i, UMBOX_TCP_SYN);
		struct umbox_frame from_device = as_frame(&frame, UMBOX_IN, i);
		detector_frame(detector, &from_device, &result);
		assert_false(result.attempt);
	}
	detector_free(detector);
}

static void no_ports_mean_all(void **state)
{
	struct detector_settings settings = usual;
	struct test_frame frame;
	(void)state;
	settings.port_count = 0;
	struct detector *detector = detector_new(&settings);
	make_tcp4(&frame, "10.20.0.9", 1, 8883, 1, UMBOX_TCP_SYN);
	assert_true(judge(detector, &frame, 0).attempt);
	detector_free(detector);
}

static void a_retransmission_is_the_same_connection(void **state)
{
	struct detector *detector = detector_new(&usual);
	struct test_frame frame;
	(void)state;
	make_tcp4(&frame, "10.20.0.9", 4711, 22, 99, UMBOX_TCP_SYN);
	assert_true(judge(detector, &frame, 0).attempt);
	for (int64_t second = 1; second < 64; second *= 2)
		assert_false(judge(detector, &frame, second * 1000000).attempt);
	make_tcp4(&frame, "10.20.0.9", 4711, 22, 100, UMBOX_TCP_SYN); /* another sequence number */
	assert_true(judge(detector, &frame, 64000000).attempt);
	detector_free(detector);
}

/* The attacker may use the same port and sequence number for each connection. */
static void the_same_again_after_an_answer_is_new(void **state)
{
	static const uint8_t ends[] = {UMBOX_TCP_ACK, UMBOX_TCP_RST, UMBOX_TCP_FIN | UMBOX_TCP_ACK};
	struct detector *detector = detector_new(&usual);
	struct test_frame frame;
	(void)state;
	for (size_t i = 0; i < sizeof(ends); i++) {
		make_tcp4(&frame, "10.20.0.9", 4711, 22, 99, UMBOX_TCP_SYN);
		assert_true(judge(detector, &frame, 0).attempt);
		make_tcp4(&frame, "10.20.0.9", 4711, 22, 100, ends[i]);
		judge(detector, &frame, 0);
	}
	/* Fast open carries its request in the SYN. */
	make_tcp4(&frame, "10.20.0.9", 4712, 22, 99, UMBOX_TCP_SYN);
	set16(&frame, 16, 20 + TCP_TEST_BYTES + 3);
	put_bytes(&frame, "GET", 3);
	assert_true(judge(detector, &frame, 0).attempt);
	assert_true(judge(detector, &frame, 1).attempt);
	detector_free(detector);
}

static void a_blocked_source_gets_nothing_through(void **state)
{
	struct detector_settings settings = usual;
	struct test_frame frame;
	(void)state;
	settings.block_us = 30000000;
	struct detector *detector = detector_new(&settings);
	alarms_of(detector, "10.20.0.9", 4, 0, 1);
	struct detector_result result = knock(detector, "10.20.0.9", 4);
	assert_true(result.alarm);
	assert_int_equal(result.verdict, UMBOX_DROP);

	start_frame(&frame, 0x0800); /* a later fragment of UDP: any frame of it */
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 17, 8, 100);
	put_bytes(&frame, "abcdefgh", 8);
	result = judge(detector, &frame, 30000003);
	assert_int_equal(result.verdict, UMBOX_DROP);
	assert_true(result.blocked);
	assert_int_equal(knock(detector, "10.20.0.8", 30000003).verdict, UMBOX_PASS);
	result = judge(detector, &frame, 30000004);
	assert_int_equal(result.verdict, UMBOX_PASS);
	detector_free(detector);
}

/* One machine has 2^64 addresses. */
static void a_whole_ipv6_network_is_one_source(void **state)
{
	struct detector_settings settings = usual;
	struct detector_result result = {0};
	char source[64];
	unsigned alarms = 0;
	(void)state;
	settings.block_us = 30000000;
	struct detector *detector = detector_new(&settings);
	for (int i = 1; i <= 40; i++) {
		snprintf(source, sizeof(source), "2001:db8:1:2::%x", i);
		result = knock(detector, source, i);
		alarms += result.alarm;
	}
	assert_int_equal(alarms, 1);
	assert_int_equal(result.alert.count, 40);
	assert_int_equal(knock(detector, "2001:db8:1:2::ffff", 50).verdict, UMBOX_DROP);
	assert_int_equal(knock(detector, "2001:db8:1:3::1", 50).verdict, UMBOX_PASS);
	/* Under fe80::/64 everybody is there: the router too. */
	for (int i = 1; i <= 50; i++) {
		snprintf(source, sizeof(source), "fe80::%x", i);
		assert_int_equal(knock(detector, source, 50 + i).verdict, UMBOX_PASS);
	}
	detector_free(detector);
}

static void made_up_sources_free_nobody(void **state)
{
	struct detector_settings settings = usual;
	char source[64];
	(void)state;
	settings.block_us = 30000000;
	struct detector *detector = detector_new(&settings);
	alarms_of(detector, "10.20.0.9", 5, 0, 1);
	for (int i = 0; i <= SOURCES_MAX; i++) {
		snprintf(source, sizeof(source), "10.%d.%d.%d", 30 + i / 65536, i / 256 % 256,
			 i % 256);
		knock(detector, source, 10);
	}
	assert_true(knock(detector, "10.20.0.9", 20).blocked);
	detector_free(detector);
}

static void a_flood_of_sources_is_told(void **state)
{
	struct detector *detector = detector_new(&usual);
	struct detector_result result = {0};
	char source[64];
	int64_t now_us = 0;
	(void)state;
	for (int i = 0; i <= SOURCES_MAX; i++, now_us++) {
		assert_false(result.alarm);
		snprintf(source, sizeof(source), "10.%d.%d.1", i >> 8, i & 255);
		result = knock(detector, source, now_us);
	}
	assert_true(result.alarm);
	assert_int_equal(result.alert.source.family, 0);
	assert_string_equal(result.detail, "more than 16384 sources at once");
	/* Once a pause; and not when those pushed out are stale. */
	assert_false(knock(detector, "11.0.0.1", now_us).alarm);
	assert_false(knock(detector, "11.0.0.2", now_us + 20000000).alarm);
	detector_free(detector);
}

static void evasive_frames_are_dropped(void **state)
{
	struct detector *detector = detector_new(&usual);
	struct test_frame frame;
	(void)state;
	make_tcp4(&frame, "10.20.0.9", 4711, 22, 99, UMBOX_TCP_SYN);
	set16(&frame, 16, 28);
	set16(&frame, 20, 0x2000);
	frame.length = 14 + 28; /* a first fragment of 8 bytes */
	struct detector_result result = judge(detector, &frame, 0);
	assert_true(result.evasive);
	assert_int_equal(result.verdict, UMBOX_DROP);
	detector_free(detector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enough_attempts_are_an_alert),
		cmocka_unit_test(an_exempt_source_is_not_judged),
		cmocka_unit_test(the_interval_slides),
		cmocka_unit_test(sources_are_counted_apart),
		cmocka_unit_test(one_alert_a_pause_tells_them_all),
		cmocka_unit_test(only_new_connections_to_watched_ports_count),
		cmocka_unit_test(no_ports_mean_all),
		cmocka_unit_test(a_retransmission_is_the_same_connection),
		cmocka_unit_test(the_same_again_after_an_answer_is_new),
		cmocka_unit_test(a_blocked_source_gets_nothing_through),
		cmocka_unit_test(a_whole_ipv6_network_is_one_source),
		cmocka_unit_test(made_up_sources_free_nobody),
		cmocka_unit_test(a_flood_of_sources_is_told),
		cmocka_unit_test(evasive_frames_are_dropped),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
