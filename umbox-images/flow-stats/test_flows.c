/* SPDX-License-Identifier: Apache-2.0 */
/* test_flows.c - what is counted for whom, and that the records hold it all. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flows.h"
#include "frames.h"

/* Collects the records of a report in a list. */
static void collect(const struct umbox_json *record, void *user)
{
	assert_false(record->full);
	assert_true(record->length <= UMBOX_RECORD_BYTES);
	json_t *value = json_loadb(record->text, record->length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	json_array_append_new(user, value);
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void count(struct flows *flows, struct test_frame *frame, enum umbox_leg from)
{
	struct umbox_frame umbox_frame = as_frame(frame, from, 0);
	struct umbox_headers headers;
	umbox_parse(&headers, umbox_frame.bytes, umbox_frame.length);
	flows_frame(flows, &umbox_frame, &headers, 1);
}

static void protocols_and_peers_are_counted(void **state)
{
	struct flows *flows = flows_new();
	struct test_frame frame;
	json_t *records = json_array();
	(void)state;
	make_tcp4(&frame, "10.20.0.9", 4711, 80, 1, UMBOX_TCP_SYN);
	count(flows, &frame, UMBOX_OUT);
	count(flows, &frame, UMBOX_OUT);
	make_tcp6(&frame, "2001:db8::9", 4711, 80, 1, UMBOX_TCP_SYN);
	count(flows, &frame, UMBOX_IN); /* from the device: the peer is the target */
	start_frame(&frame, 0x0806);
	count(flows, &frame, UMBOX_IN);
	flows_report(flows, 5, collect, records);
	assert_int_equal(json_array_size(records), 2);

	const json_t *totals = json_array_get(records, 0), *tcp = json_object_get(totals, "tcp");
	assert_string_equal(json_string_value(json_object_get(totals, "kind")), "flow-totals");
	assert_int_equal(number(totals, "interval_s"), 5);
	assert_int_equal(number(totals, "peers"), 2);
	assert_int_equal(number(totals, "to_device_peak_packets_s"), 2);
	assert_int_equal(number(totals, "from_device_peak_packets_s"), 2);
	assert_int_equal(number(tcp, "to_device_packets"), 2);
	assert_int_equal(number(tcp, "to_device_bytes"), 2 * 54);
	assert_int_equal(number(tcp, "from_device_packets"), 1);
	assert_int_equal(number(json_object_get(totals, "arp"), "from_device_packets"), 1);
	assert_null(json_object_get(totals, "udp"));

	const json_t *peers = json_object_get(json_array_get(records, 1), "peers");
	assert_int_equal(json_array_size(peers), 2);
	const json_t *first = json_array_get(peers, 0);
	assert_string_equal(json_string_value(json_object_get(first, "peer")), "2001:db8:a::11");
	assert_int_equal(number(first, "from_device_packets"), 1);
	assert_int_equal(number(json_array_get(peers, 1), "to_device_bytes"), 2 * 54);

	/* The next interval starts from 0, and an idle one says nothing. */
	json_array_clear(records);
	flows_report(flows, 5, collect, records);
	assert_int_equal(json_array_size(records), 0);
	json_decref(records);
	flows_free(flows);
}

static void peers_beyond_the_room_are_counted_together(void **state)
{
	struct flows *flows = flows_new();
	struct test_frame frame;
	json_t *records = json_array();
	size_t peers = 0;
	json_int_t packets = 0;
	(void)state;
	for (int i = 0; i < PEERS_MAX + 44; i++) {
		char source[64];
		snprintf(source, sizeof(source), "2001:db8:ffff:ffff:ffff:ffff:ffff:%x",
			 0x1000 + i);
		make_tcp6(&frame, source, 1, 80, 1, UMBOX_TCP_SYN);
		count(flows, &frame, UMBOX_OUT);
	}
	flows_report(flows, 3600, collect, records);
	for (size_t i = 1; i < json_array_size(records); i++) {
		const json_t *list = json_object_get(json_array_get(records, i), "peers");
		for (size_t k = 0; k < json_array_size(list); k++, peers++)
			packets += number(json_array_get(list, k), "to_device_packets");
	}
	assert_int_equal(peers, PEERS_MAX);
	assert_int_equal(packets, PEERS_MAX);
	assert_int_equal(number(json_object_get(json_array_get(records, 0), "other_peers"),
				"to_device_packets"),
			 44);
	json_decref(records);
	flows_free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols_and_peers_are_counted),
		cmocka_unit_test(peers_beyond_the_room_are_counted_together),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
