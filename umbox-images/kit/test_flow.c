/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow.c - who opened a conversation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "umbox_flow.h"

#define SECOND INT64_C(1000000)
#define DEVICE "10.20.0.11"

struct seen {
	struct umbox_flow *flow;
	bool is_new;
};

static struct seen see(struct umbox_flows *flows, struct test_frame *frame, enum umbox_leg from,
		       int64_t second)
{
	struct seen seen;
	struct umbox_headers headers;
	struct umbox_frame umbox_frame = as_frame(frame, from, second * SECOND);
	umbox_parse(&headers, frame->bytes, frame->length);
	seen.flow = umbox_flows_see(flows, &umbox_frame, &headers, &seen.is_new);
	return seen;
}

static struct seen see_udp(struct umbox_flows *flows, enum umbox_leg from, const char *source,
			   uint16_t source_port, const char *target, uint16_t target_port,
			   int64_t second)
{
	struct test_frame frame;
	make_udp4(&frame, source, source_port, target, target_port, "x", 1);
	return see(flows, &frame, from, second);
}

static struct seen see_tcp(struct umbox_flows *flows, enum umbox_leg from, uint8_t flags)
{
	struct test_frame frame;
	if (from == UMBOX_IN)
		make_tcp4_to(&frame, DEVICE, 22, "10.20.0.9", 4711, flags);
	else
		make_tcp4_to(&frame, "10.20.0.9", 4711, DEVICE, 22, flags);
	return see(flows, &frame, from, 0);
}

static void an_answer_opens_nothing(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	struct seen seen = see_udp(flows, UMBOX_IN, DEVICE, 4711, "10.20.0.1", 53, 0);
	(void)state;
	assert_true(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_IN);
	seen.flow->mark = 7;
	seen = see_udp(flows, UMBOX_OUT, "10.20.0.1", 53, DEVICE, 4711, 1);
	assert_false(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_IN);
	assert_int_equal(seen.flow->mark, 7);
	assert_true(see_udp(flows, UMBOX_OUT, "10.20.0.1", 53, DEVICE, 4712, 1).is_new);
	assert_true(see_udp(flows, UMBOX_OUT, "10.20.0.1", 54, DEVICE, 4711, 1).is_new);
	assert_true(see_udp(flows, UMBOX_OUT, "10.20.0.2", 53, DEVICE, 4711, 1).is_new);
	/* It is kept by use, and forgotten 180 s after the last. */
	assert_false(see_udp(flows, UMBOX_OUT, "10.20.0.1", 53, DEVICE, 4711, 181).is_new);
	seen = see_udp(flows, UMBOX_OUT, "10.20.0.1", 53, DEVICE, 4711, 362);
	assert_true(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_OUT);
	assert_int_equal(seen.flow->mark, 0);
	umbox_flows_free(flows);
}

static void a_group_is_answered_by_whoever_likes(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	(void)state;
	assert_true(
		see_udp(flows, UMBOX_OUT, "10.20.0.9", 5000, "239.255.255.250", 1900, 0).is_new);
	struct seen seen = see_udp(flows, UMBOX_IN, DEVICE, 49152, "10.20.0.9", 5000, 1);
	assert_false(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_OUT);
	assert_true(see_udp(flows, UMBOX_IN, DEVICE, 49152, "10.20.0.9", 5001, 1).is_new);
	assert_true(see_udp(flows, UMBOX_IN, DEVICE, 49152, "10.20.0.8", 5000, 1).is_new);
	umbox_flows_free(flows);
}

static void a_group_is_known_by_its_address(void **state)
{
	static const struct {
		const char *target;
		bool group_mac, is_group;
	} rows[] = {
		{"239.255.255.250", false, true}, {"255.255.255.255", true, true},
		{"10.20.0.255", true, true},      {"10.20.0.255", false, false},
		{"10.20.0.11", true, false},      {"10.20.0.11", false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct umbox_headers headers;
		struct test_frame test;
		make_udp4(&test, "10.20.0.9", 5000, rows[i].target, 1900, "x", 1);
		test.bytes[0] |= rows[i].group_mac;
		struct umbox_frame frame = as_frame(&test, UMBOX_OUT, 0);
		assert_true(umbox_parse(&headers, frame.bytes, frame.length));
		assert_int_equal(umbox_to_group(&frame, &headers), rows[i].is_group);
	}
}

static void tcp_is_opened_by_the_first_syn(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	(void)state;
	assert_true(see_tcp(flows, UMBOX_OUT, UMBOX_TCP_SYN).is_new);
	struct seen seen = see_tcp(flows, UMBOX_IN, UMBOX_TCP_SYN | UMBOX_TCP_ACK);
	assert_false(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_OUT);
	assert_false(seen.flow->guessed);
	assert_int_equal(see_tcp(flows, UMBOX_IN, UMBOX_TCP_ACK).flow->opener, UMBOX_OUT);
	/* The device opens one of its own with the same ports; its peer's SYN does not undo that.
	 */
	seen = see_tcp(flows, UMBOX_IN, UMBOX_TCP_SYN);
	assert_true(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_IN);
	seen = see_tcp(flows, UMBOX_OUT, UMBOX_TCP_SYN);
	assert_false(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_IN);
	assert_int_equal(see_tcp(flows, UMBOX_IN, UMBOX_TCP_ACK).flow->opener, UMBOX_IN);
	umbox_flows_free(flows);
}

static void a_missed_beginning_is_guessed(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	(void)state;
	struct seen seen = see_tcp(flows, UMBOX_IN, UMBOX_TCP_SYN | UMBOX_TCP_ACK);
	assert_true(seen.flow->guessed);
	assert_int_equal(seen.flow->opener, UMBOX_OUT);
	umbox_flows_free(flows);
	flows = umbox_flows_new(16);
	seen = see_tcp(flows, UMBOX_IN, UMBOX_TCP_ACK);
	assert_true(seen.flow->guessed && seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_IN);
	umbox_flows_free(flows);
}

static void echo_is_a_conversation(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	struct test_frame frame;
	(void)state;
	make_echo4(&frame, "10.20.0.9", DEVICE, 8, 5);
	assert_true(see(flows, &frame, UMBOX_OUT, 0).is_new);
	make_echo4(&frame, DEVICE, "10.20.0.9", 0, 5);
	struct seen seen = see(flows, &frame, UMBOX_IN, 0);
	assert_false(seen.is_new);
	assert_int_equal(seen.flow->opener, UMBOX_OUT);
	make_echo4(&frame, DEVICE, "10.20.0.9", 3, 5); /* unreachable */
	assert_null(see(flows, &frame, UMBOX_IN, 0).flow);
	make_arp(&frame, DEVICE, "10.20.0.9");
	assert_null(see(flows, &frame, UMBOX_IN, 0).flow);
	umbox_flows_free(flows);
}

static void a_flood_of_one_side_forgets_nothing_of_the_other(void **state)
{
	struct umbox_flows *flows = umbox_flows_new(16);
	(void)state;
	see_udp(flows, UMBOX_IN, DEVICE, 4711, "10.20.0.1", 53, 0);
	for (uint16_t port = 1; port < 1000; port++)
		assert_true(see_udp(flows, UMBOX_OUT, "10.20.0.9", 9, DEVICE, port, 1).is_new);
	assert_false(see_udp(flows, UMBOX_OUT, "10.20.0.1", 53, DEVICE, 4711, 2).is_new);
	umbox_flows_free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_opens_nothing),
		cmocka_unit_test(a_group_is_answered_by_whoever_likes),
		cmocka_unit_test(a_group_is_known_by_its_address),
		cmocka_unit_test(tcp_is_opened_by_the_first_syn),
		cmocka_unit_test(a_missed_beginning_is_guessed),
		cmocka_unit_test(echo_is_a_conversation),
		cmocka_unit_test(a_flood_of_one_side_forgets_nothing_of_the_other),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
