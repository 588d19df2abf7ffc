/* SPDX-License-Identifier: Apache-2.0 */
/* test_openings.c - who may open another connection, when a place is free again, and how one would
 * cheat; and what alerts the kernel's news become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "openings.h"
#include "told.h"

enum { SECOND = 1000000 };

/* The kernel: when it last saw both sides of all connections, and what it was told to silence. */
struct kernel {
	struct connection_times seen;
	bool refuses;
	unsigned silenced, unsilenced;
	struct connection last;
};

static void see(const struct connection *connection, int64_t now_us, struct connection_times *ret,
		void *user)
{
	const struct kernel *kernel = user;
	(void)connection;
	(void)now_us;
	*ret = kernel->seen;
}

static bool silence(const struct connection *connection, void *user)
{
	struct kernel *kernel = user;
	if (kernel->refuses)
		return false;
	kernel->silenced++;
	kernel->last = *connection;
	return true;
}

static void unsilence(const struct connection *connection, void *user)
{
	struct kernel *kernel = user;
	kernel->unsilenced++;
	kernel->last = *connection;
}

static struct openings *make(struct kernel *kernel, uint32_t limit)
{
	*kernel = (struct kernel){.seen = {INT64_MIN, INT64_MIN}};
	return openings_new(&(struct openings_settings){
		.limit = limit,
		.bits4 = 32,
		.bits6 = 64,
		.alert_pause_us = 10 * SECOND,
		.see = see,
		.silence = silence,
		.unsilence = unsilence,
		.user = kernel,
	});
}

static struct openings_result say(struct openings *openings, const char *source, uint16_t port,
				  uint8_t flags, int64_t now_us)
{
	struct openings_result result;
	struct test_frame test;
	if (strchr(source, ':'))
		make_tcp6(&test, source, port, 80, 7, flags);
	else
		make_tcp4(&test, source, port, 80, 7, flags);
	struct umbox_frame frame = as_frame(&test, UMBOX_OUT, now_us);
	openings_frame(openings, &frame, &result);
	return result;
}

static struct openings_result knock(struct openings *openings, const char *source, uint16_t port,
				    int64_t now_us)
{
	return say(openings, source, port, UMBOX_TCP_SYN, now_us);
}

/* The device's end of a connection. */
static void answer(struct openings *openings, const char *client, uint16_t port, uint8_t flags)
{
	struct openings_result result;
	struct test_frame test;
	make_tcp4_to(&test, "10.20.0.11", 80, client, port, flags);
	struct umbox_frame frame = as_frame(&test, UMBOX_IN, 0);
	openings_frame(openings, &frame, &result);
	assert_int_equal(result.verdict, UMBOX_SEEN);
}

static void the_sixth_is_refused_with_a_reset(void **state)
{
	static const char *const sources[] = {"10.20.0.9", "2001:db8::9"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kernel kernel;
		struct openings *openings = make(&kernel, 5);
		struct openings_result result;
		struct umbox_headers headers;
		struct test_frame test;
		for (uint16_t port = 1; port <= 5; port++) {
			result = knock(openings, sources[i], port, 0);
			assert_int_equal(result.verdict, UMBOX_PASS);
			assert_true(result.opened);
		}
		if (i)
			make_tcp6(&test, sources[i], 6, 80, 7, UMBOX_TCP_SYN);
		else
			make_tcp4(&test, sources[i], 6, 80, 7, UMBOX_TCP_SYN);
		struct umbox_frame frame = as_frame(&test, UMBOX_OUT, 1);
		openings_frame(openings, &frame, &result);
		assert_int_equal(result.verdict, UMBOX_ANSWER);
		assert_true(result.refused);
		assert_true(result.alarm);
		assert_string_equal(result.alert.type, "too-many-connections");
		assert_int_equal(result.alert.count, 1);
		assert_int_equal(result.alert.target_port, 80);
		assert_string_equal(result.detail, "5 connections are open, 1 more refused");
		assert_true(umbox_parse(&headers, frame.bytes, frame.length));
		assert_int_equal(headers.tcp_flags, UMBOX_TCP_RST | UMBOX_TCP_ACK);
		assert_int_equal(headers.tcp_acknowledgment, 8);
		assert_int_equal(headers.target_port, 6);
		assert_int_equal(knock(openings, i ? "2001:db8:0:1::9" : "10.20.0.8", 1, 1).verdict,
				 UMBOX_PASS);
		openings_free(openings);
	}
}

static void a_retransmitted_opening_is_one(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	(void)state;
	assert_true(knock(openings, "10.20.0.9", 1, 0).opened);
	for (int i = 1; i < 4; i++) {
		struct openings_result result = knock(openings, "10.20.0.9", 1, i * SECOND);
		assert_int_equal(result.verdict, UMBOX_PASS);
		assert_false(result.opened);
	}
	assert_true(knock(openings, "10.20.0.9", 2, 4 * SECOND).refused);
	openings_free(openings);
}

static void a_network_is_one_source(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 2);
	(void)state;
	assert_true(knock(openings, "2001:db8:1:2::1", 1, 0).opened);
	assert_true(knock(openings, "2001:db8:1:2::2", 1, 0).opened);
	assert_true(knock(openings, "2001:db8:1:2::3", 1, 0).refused);
	/* But that of the link is everybody's. */
	for (uint16_t port = 1; port <= 2; port++) {
		assert_true(knock(openings, "fe80::1", port, 0).opened);
		assert_true(knock(openings, "fe80::2", port, 0).opened);
	}
	assert_true(knock(openings, "fe80::1", 3, 0).refused);
	openings_free(openings);
}

static void the_devices_end_frees_a_place(void **state)
{
	static const uint8_t ends[] = {UMBOX_TCP_RST | UMBOX_TCP_ACK,
				       UMBOX_TCP_FIN | UMBOX_TCP_ACK};
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	(void)state;
	for (uint16_t i = 0; i < 10; i++) {
		assert_true(knock(openings, "10.20.0.9", i, i).opened);
		answer(openings, "10.20.0.9", i, ends[i % 2]);
	}
	assert_int_equal(kernel.silenced, 0);
	openings_free(openings);
}

static void the_clients_end_frees_none(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	(void)state;
	assert_true(knock(openings, "10.20.0.9", 1, 0).opened);
	assert_int_equal(say(openings, "10.20.0.9", 1, UMBOX_TCP_FIN | UMBOX_TCP_ACK, 1).verdict,
			 UMBOX_SEEN);
	assert_true(knock(openings, "10.20.0.9", 2, 2).refused);
	openings_free(openings);
}

/* Whoever gives a connection up gets its place, unless the device goes on with it; and it is shut
 * up, for it may have been a lie. */
static void what_its_client_gave_up_may_not_speak_again(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	(void)state;
	assert_true(knock(openings, "10.20.0.9", 1, 0).opened);
	say(openings, "10.20.0.9", 1, UMBOX_TCP_RST, SECOND);
	kernel.seen.device_us = 4 * SECOND;
	assert_true(knock(openings, "10.20.0.9", 2, 5 * SECOND).refused);
	kernel.seen.device_us = SECOND + 500;
	kernel.refuses = true;
	assert_true(knock(openings, "10.20.0.9", 2, 5 * SECOND).refused);
	kernel.refuses = false;
	assert_true(knock(openings, "10.20.0.9", 2, 5 * SECOND).opened);
	assert_int_equal(kernel.silenced, 1);
	assert_int_equal(kernel.last.client_port, 1);
	/* The same ports again are a new connection. */
	answer(openings, "10.20.0.9", 2, UMBOX_TCP_RST);
	assert_true(knock(openings, "10.20.0.9", 1, 6 * SECOND).opened);
	assert_int_equal(kernel.unsilenced, 1);
	assert_int_equal(kernel.last.client_port, 1);
	openings_free(openings);
}

static void a_silent_client_loses_its_place_a_speaking_one_does_not(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	(void)state;
	assert_true(knock(openings, "10.20.0.9", 1, 0).opened);
	kernel.seen = (struct connection_times){SECOND, SECOND};
	assert_true(knock(openings, "10.20.0.9", 2, 100 * SECOND).refused);
	/* The device's repeated answers to an opening keep nothing alive. */
	kernel.seen = (struct connection_times){INT64_MIN, 99 * SECOND};
	assert_true(knock(openings, "10.20.0.9", 2, 100 * SECOND).opened);
	assert_int_equal(kernel.silenced, 1);
	/* An opening has its time. */
	assert_true(knock(openings, "10.20.0.9", 3, 104 * SECOND).refused);
	openings_free(openings);
}

static void one_alert_a_pause(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	unsigned alarms = 0;
	(void)state;
	knock(openings, "10.20.0.9", 1, 0);
	kernel.seen.client_us = 0;
	for (uint16_t i = 0; i < 100; i++)
		alarms += knock(openings, "10.20.0.9", (uint16_t)(i + 2), i * SECOND / 20).alarm;
	assert_int_equal(alarms, 1);
	struct openings_result result = knock(openings, "10.20.0.9", 999, 10 * SECOND);
	assert_true(result.alarm);
	assert_int_equal(result.alert.count, 100);
	openings_free(openings);
}

/* Made-up sources push nobody out who has connections; when nobody can be, they are refused. */
static void a_crowd_pushes_nobody_out(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 2);
	char source[32];
	unsigned opened = 0;
	(void)state;
	assert_true(knock(openings, "10.20.0.9", 1, 0).opened);
	for (unsigned i = 0; i < OPENINGS_SOURCES + 100; i++) {
		snprintf(source, sizeof(source), "10.30.%u.%u", i >> 8, i & 255);
		opened += knock(openings, source, 1, 1).opened;
	}
	assert_int_equal(opened, OPENINGS_SOURCES - 1);
	/* Those that were never answered make room after a while. */
	assert_true(knock(openings, "10.40.0.1", 1, 6 * SECOND).opened);
	openings_free(openings);
}

static void too_many_silenced_are_let_go_in_their_order(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	int64_t now_us = 0;
	(void)state;
	for (uint16_t port = 1; port <= OPENINGS_SILENCED + 2; port++, now_us += 10 * SECOND)
		assert_true(knock(openings, "10.20.0.9", port, now_us).opened);
	assert_int_equal(kernel.silenced, OPENINGS_SILENCED + 1);
	assert_int_equal(kernel.unsilenced, 1);
	openings_free(openings);
}

static void other_frames_are_dropped(void **state)
{
	struct kernel kernel;
	struct openings *openings = make(&kernel, 1);
	struct openings_result result;
	struct test_frame test;
	(void)state;
	make_udp4(&test, "10.20.0.9", 1, "10.20.0.11", 2, "x", 1);
	struct umbox_frame frame = as_frame(&test, UMBOX_OUT, 0);
	openings_frame(openings, &frame, &result);
	assert_int_equal(result.verdict, UMBOX_DROP);
	openings_free(openings);
}

/* --- what the kernel tells */

static struct told_result hear(struct told *told, const char *source, uint8_t tag, uint64_t count,
			       int64_t now_us)
{
	struct told_result result;
	struct test_frame test;
	make_tcp4(&test, source, 1, 80, 7, UMBOX_TCP_SYN);
	struct umbox_told news = {
		.tag = tag, .count = count, .frame = as_frame(&test, UMBOX_OUT, now_us)};
	told_take(told, &news, &result);
	return result;
}

static void a_flood_is_told_once_a_pause_and_source(void **state)
{
	static const uint32_t per_second[EXCESS_COUNT] = {[EXCESS_SYN] = 100};
	struct told told = {.per_second = per_second, .alert_pause_us = 10 * SECOND};
	char source[32];
	unsigned alarms = 0;
	(void)state;
	struct told_result result = hear(&told, "10.20.0.9", EXCESS_SYN, 40, 0);
	assert_true(result.alarm);
	assert_string_equal(result.alert.type, "syn-flood");
	assert_int_equal(result.alert.count, 40);
	assert_string_equal(result.detail, "more than 100 SYNs/s of one source");
	assert_false(hear(&told, "10.20.0.9", EXCESS_SYN, 50, 9 * SECOND).alarm);
	for (int i = 0; i < 100; i++) {
		snprintf(source, sizeof(source), "10.20.1.%d", i);
		alarms += hear(&told, source, EXCESS_SYN, 60, 9 * SECOND).alarm;
	}
	assert_int_equal(alarms, TOLD_SOURCES_MAX - 1);
	result = hear(&told, "10.20.0.9", EXCESS_SYN, 1000, 10 * SECOND);
	assert_true(result.alarm);
	assert_int_equal(result.alert.count, 940);
	assert_true(hear(&told, "10.20.0.9", EXCESS_UDP, 1, 10 * SECOND).alarm);
	assert_false(hear(&told, "10.20.0.9", EXCESS_EVASIVE, 1, 10 * SECOND).alarm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sixth_is_refused_with_a_reset),
		cmocka_unit_test(a_retransmitted_opening_is_one),
		cmocka_unit_test(a_network_is_one_source),
		cmocka_unit_test(the_devices_end_frees_a_place),
		cmocka_unit_test(the_clients_end_frees_none),
		cmocka_unit_test(what_its_client_gave_up_may_not_speak_again),
		cmocka_unit_test(a_silent_client_loses_its_place_a_speaking_one_does_not),
		cmocka_unit_test(one_alert_a_pause),
		cmocka_unit_test(a_crowd_pushes_nobody_out),
		cmocka_unit_test(too_many_silenced_are_let_go_in_their_order),
		cmocka_unit_test(other_frames_are_dropped),
		cmocka_unit_test(a_flood_is_told_once_a_pause_and_source),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
