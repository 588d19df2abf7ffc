/* SPDX-License-Identifier: Apache-2.0 */
/* test_mark.c - marks stand in order, and checksums stay right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "mark.h"

enum { EXTRA_BYTES = 6, UDP_BYTES = 8 };

/* The sum over pseudo header and UDP packet that is 0xffff when the checksum is right. */
static uint16_t udp6_sum(const struct test_frame *frame)
{
	uint32_t sum = 17 + frame->length - 54;
	for (uint32_t i = 22; i < frame->length; i += 2)
		sum += (uint32_t)frame->bytes[i] << 8 | frame->bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void make_probe6(struct test_frame *frame)
{
	struct mark_payload payload = {.magic = "KALKIBP"};
	const uint16_t bytes = UDP_BYTES + sizeof(payload) + EXTRA_BYTES;
	payload.magic[7] = '1';
	start_frame(frame, 0x86dd);
	put_ipv6(frame, "2001:db8::9", "2001:db8::11", 17, bytes);
	put16(frame, 1), put16(frame, 2), put16(frame, bytes), put16(frame, 0);
	put_bytes(frame, &payload, sizeof(payload));
	put_bytes(frame, "behind", EXTRA_BYTES);
	set16(frame, 60, (uint16_t)~udp6_sum(frame));
}

static const struct mark_payload *payload_of(const struct test_frame *frame)
{
	return (const void *)(frame->bytes + 14 + 40 + UDP_BYTES);
}

static void marks_stand_in_order_and_the_checksum_is_right(void **state)
{
	struct test_frame frame;
	(void)state;
	make_probe6(&frame);
	assert_int_equal(udp6_sum(&frame), 0xffff);
	for (uint32_t i = 0; i < MARK_SLOTS + 2; i++) {
		struct umbox_frame umbox_frame = as_frame(&frame, UMBOX_IN, 0);
		assert_int_equal(mark_frame(&umbox_frame, 0xabcd0000 + i, 7 * i), 1);
		assert_int_equal(udp6_sum(&frame), 0xffff);
		assert_int_equal(ntohl(payload_of(&frame)->count), i + 1);
	}
	for (uint32_t i = 0; i < MARK_SLOTS; i++) {
		assert_int_equal(ntohl(payload_of(&frame)->slots[i].umbox), 0xabcd0000 + i);
		assert_int_equal(ntohl(payload_of(&frame)->slots[i].generation), 7 * i);
	}
	assert_memory_equal(frame.bytes + frame.length - EXTRA_BYTES, "behind", EXTRA_BYTES);
}

static void no_checksum_stays_none(void **state)
{
	struct test_frame frame;
	(void)state;
	make_probe6(&frame);
	set16(&frame, 60, 0);
	struct umbox_frame umbox_frame = as_frame(&frame, UMBOX_IN, 0);
	assert_int_equal(mark_frame(&umbox_frame, 1, 1), 1);
	assert_int_equal(frame.bytes[60] | frame.bytes[61], 0);

	set16(&frame, 60, 0x1234); /* partial: the sum of the pseudo header, not of the payload */
	umbox_frame.offload.flags = 1;
	assert_int_equal(mark_frame(&umbox_frame, 1, 1), 1);
	assert_int_equal(frame.bytes[60] << 8 | frame.bytes[61], 0x1234);
}

static void every_packet_of_a_gso_frame_is_marked(void **state)
{
	struct test_frame frame;
	struct mark_payload payload = {.magic = "KALKIBP"};
	(void)state;
	payload.magic[7] = '1';
	make_probe6(&frame);
	frame.length -= EXTRA_BYTES;
	put_bytes(&frame, &payload, sizeof(payload));
	put_bytes(&frame, &payload, sizeof(payload) - 1); /* too short for a mark */
	set16(&frame, 18, (uint16_t)(frame.length - 54));
	set16(&frame, 58, (uint16_t)(frame.length - 54));
	struct umbox_frame umbox_frame = as_frame(&frame, UMBOX_IN, 0);
	umbox_frame.offload =
		(struct umbox_offload){.flags = 1, .gso_type = 5, .segment_bytes = sizeof(payload)};
	assert_int_equal(mark_frame(&umbox_frame, 5, 6), 2);
	assert_int_equal(ntohl(payload_of(&frame)[1].slots[0].umbox), 5);
	assert_int_equal(payload_of(&frame)[2].count, 0);
}

static void other_frames_stay_as_they_are(void **state)
{
	struct test_frame frame, before;
	(void)state;
	make_probe6(&frame);
	frame.bytes[62] = 'X'; /* of the magic */
	before = frame;
	struct umbox_frame umbox_frame = as_frame(&frame, UMBOX_IN, 0);
	assert_int_equal(mark_frame(&umbox_frame, 1, 1), 0);
	assert_memory_equal(&frame, &before, sizeof(frame));
	make_tcp4(&frame, "10.20.0.9", 1, 2, 3, UMBOX_TCP_SYN);
	before = frame;
	umbox_frame = as_frame(&frame, UMBOX_IN, 0);
	assert_int_equal(mark_frame(&umbox_frame, 1, 1), 0);
	assert_memory_equal(&frame, &before, sizeof(frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_stand_in_order_and_the_checksum_is_right),
		cmocka_unit_test(no_checksum_stays_none),
		cmocka_unit_test(every_packet_of_a_gso_frame_is_marked),
		cmocka_unit_test(other_frames_stay_as_they_are),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
