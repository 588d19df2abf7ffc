/* SPDX-License-Identifier: Apache-2.0 */
/* test_conversations.c - what is one conversation, and when it is told. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "conversations.h"
#include "frames.h"

enum { SECOND = 1000000 };

static const struct conversation_limits limits = {.idle_us = 15 * SECOND, .active_us = 60 * SECOND};

static void see(struct conversations *conversations, struct test_frame *frame, enum umbox_leg from,
		int64_t time_us)
{
	struct umbox_frame umbox_frame = as_frame(frame, from, time_us);
	struct umbox_headers headers;
	umbox_parse(&headers, umbox_frame.bytes, umbox_frame.length);
	conversations_frame(conversations, &umbox_frame, &headers, 1);
}

static void collect(const struct umbox_json *record, void *user)
{
	assert_false(record->full);
	assert_true(record->length <= UMBOX_RECORD_BYTES);
	json_t *value = json_loadb(record->text, record->length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	json_array_extend(user, json_object_get(value, "flows"));
	json_decref(value);
}

/* A list of those that are told; to be released. */
static json_t *told(struct conversations *conversations, int64_t now_us)
{
	json_t *flows = json_array();
	conversations_report(conversations, now_us, collect, flows);
	return flows;
}

static size_t count_told(struct conversations *conversations, int64_t now_us)
{
	json_t *flows = told(conversations, now_us);
	size_t count = json_array_size(flows);
	json_decref(flows);
	return count;
}

static const char *text(const json_t *flow, const char *name)
{
	return json_string_value(json_object_get(flow, name));
}

static json_int_t number(const json_t *flow, const char *name)
{
	return json_integer_value(json_object_get(flow, name));
}

static void both_directions_are_one_until_it_is_closed(void **state)
{
	struct conversations *conversations = conversations_new(&limits);
	struct test_frame frame;
	(void)state;
	make_tcp4(&frame, "10.20.0.9", 4711, 80, 1, UMBOX_TCP_SYN);
	see(conversations, &frame, UMBOX_OUT, SECOND);
	make_tcp4(&frame, "10.20.0.9", 4711, 80, 2, UMBOX_TCP_FIN | UMBOX_TCP_ACK);
	see(conversations, &frame, UMBOX_OUT, 2 * SECOND);
	assert_int_equal(count_told(conversations, 2 * SECOND), 0); /* one side only */
	make_tcp4_to(&frame, "10.20.0.11", 80, "10.20.0.9", 4711, UMBOX_TCP_FIN | UMBOX_TCP_ACK);
	see(conversations, &frame, UMBOX_IN, 3 * SECOND);

	json_t *flows = told(conversations, 3 * SECOND);
	assert_int_equal(json_array_size(flows), 1);
	const json_t *flow = json_array_get(flows, 0);
	assert_string_equal(text(flow, "device"), "10.20.0.11");
	assert_int_equal(number(flow, "device_port"), 80);
	assert_string_equal(text(flow, "peer"), "10.20.0.9");
	assert_int_equal(number(flow, "peer_port"), 4711);
	assert_int_equal(number(flow, "protocol"), 6);
	assert_string_equal(text(flow, "opened_by"), "peer");
	assert_int_equal(number(flow, "duration_ms"), 2000);
	assert_int_equal(number(flow, "to_device_packets"), 2);
	assert_int_equal(number(flow, "to_device_bytes"), 2 * 54);
	assert_int_equal(number(flow, "from_device_packets"), 1);
	assert_string_equal(text(flow, "to_device_flags"), "FSA");
	assert_string_equal(text(flow, "from_device_flags"), "FA");
	assert_string_equal(text(flow, "end"), "closed");
	json_decref(flows);
	assert_int_equal(count_told(conversations, 100 * SECOND), 0); /* told once */
	conversations_free(conversations);
}

static void one_that_falls_silent_is_told(void **state)
{
	struct conversations *conversations = conversations_new(&limits);
	struct test_frame frame;
	(void)state;
	make_udp4(&frame, "10.20.0.11", 5000, "10.20.0.9", 53, "x", 1);
	see(conversations, &frame, UMBOX_IN, 0);
	assert_int_equal(count_told(conversations, 15 * SECOND - 1), 0);
	json_t *flows = told(conversations, 15 * SECOND);
	assert_string_equal(text(json_array_get(flows, 0), "end"), "idle");
	assert_string_equal(text(json_array_get(flows, 0), "opened_by"), "device");
	assert_null(json_object_get(json_array_get(flows, 0), "from_device_flags"));
	json_decref(flows);
	conversations_free(conversations);
}

static void one_that_lasts_is_told_in_parts(void **state)
{
	struct conversations *conversations = conversations_new(&limits);
	struct test_frame frame;
	json_int_t packets = 0;
	unsigned parts = 0;
	(void)state;
	for (int64_t second = 0; second < 150; second += 10) {
		make_udp4(&frame, "10.20.0.11", 5000, "10.20.0.9", 53, "x", 1);
		see(conversations, &frame, UMBOX_IN, second * SECOND);
		json_t *flows = told(conversations, second * SECOND);
		for (size_t i = 0; i < json_array_size(flows); i++, parts++) {
			assert_string_equal(text(json_array_get(flows, i), "end"), "active");
			packets += number(json_array_get(flows, i), "from_device_packets");
		}
		json_decref(flows);
	}
	assert_int_equal(parts, 2); /* 0 to 60 s and 70 to 130 s */
	assert_int_equal(packets, 14);
	conversations_free(conversations);
}

static void many_are_told_in_several_reports(void **state)
{
	struct conversations *conversations = conversations_new(&limits);
	struct test_frame frame;
	(void)state;
	for (unsigned i = 0; i < CONVERSATIONS_TOLD_MAX + 100; i++) {
		make_udp4(&frame, "10.20.0.9", (uint16_t)(1000 + i), "10.20.0.11", 53, "x", 1);
		see(conversations, &frame, UMBOX_OUT, 0);
	}
	assert_int_equal(count_told(conversations, 20 * SECOND), CONVERSATIONS_TOLD_MAX);
	assert_int_equal(count_told(conversations, 20 * SECOND), 100);
	assert_int_equal(count_told(conversations, 20 * SECOND), 0);
	assert_int_equal(conversations_untold(conversations), 0);
	conversations_free(conversations);
}

static void what_had_to_be_forgotten_is_counted(void **state)
{
	struct conversations *conversations = conversations_new(&limits);
	struct test_frame frame;
	(void)state;
	for (unsigned i = 0; i < CONVERSATIONS_MAX + 7; i++) {
		make_udp4(&frame, "10.20.0.9", (uint16_t)(1000 + i), "10.20.0.11", 53, "x", 1);
		see(conversations, &frame, UMBOX_OUT, 0);
	}
	assert_int_equal(conversations_untold(conversations), 7);
	conversations_free(conversations);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_one_until_it_is_closed),
		cmocka_unit_test(one_that_falls_silent_is_told),
		cmocka_unit_test(one_that_lasts_is_told_in_parts),
		cmocka_unit_test(many_are_told_in_several_reports),
		cmocka_unit_test(what_had_to_be_forgotten_is_counted),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
