/* SPDX-License-Identifier: Apache-2.0 */
/* test_frame.c - what umbox_parse reads from frames of every kind, whole, cut and crafted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"

static void expect_ip(const struct umbox_ip *ip, const char *text)
{
	char printed[UMBOX_IP_TEXT_BYTES];
	umbox_ip_print(printed, ip);
	assert_string_equal(printed, text);
}

static bool parse(struct umbox_headers *headers, const struct test_frame *frame)
{
	/* An exact copy, so that the sanitizers see a read past the end. */
	uint8_t *exact = malloc(frame->length ? frame->length : 1);
	memcpy(exact, frame->bytes, frame->length);
	bool whole = umbox_parse(headers, exact, frame->length);
	free(exact);
	return whole;
}

static void tcp_over_ipv4(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	make_tcp4(&frame, "10.20.0.9", 4711, 22, 0x01020304, UMBOX_TCP_SYN);
	put_bytes(&frame, "padding", 7); /* of Ethernet: no payload */
	assert_true(parse(&headers, &frame));
	expect_ip(&headers.source, "10.20.0.9");
	expect_ip(&headers.target, "10.20.0.11");
	assert_int_equal(headers.ether_type, 0x0800);
	assert_int_equal(headers.network, 14);
	assert_int_equal(headers.transport, 34);
	assert_int_equal(headers.source_port, 4711);
	assert_int_equal(headers.target_port, 22);
	assert_int_equal(headers.tcp_flags, UMBOX_TCP_SYN);
	assert_int_equal(headers.tcp_sequence, 0x01020304);
	assert_int_equal(headers.payload, 54);
	assert_int_equal(headers.payload_bytes, 0);
	assert_false(headers.fragment || headers.evasive);
}

static void ipv4_options_are_stepped_over(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "1.2.3.4", "5.6.7.8", 6, 40 + TCP_TEST_BYTES + 3, 0);
	frame.bytes[14] = 0x4f;
	put_bytes(&frame, (uint8_t[40]){1}, 40);
	put_tcp(&frame, 1, 443, 0, UMBOX_TCP_ACK);
	put_bytes(&frame, "abc", 3);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.target_port, 443);
	assert_int_equal(headers.payload_bytes, 3);
}

static void tags_are_stepped_over(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x88a8);
	put16(&frame, 0x6007);
	put16(&frame, 0x8100);
	put16(&frame, 8);
	put16(&frame, 0x0800);
	put_ipv4(&frame, "1.2.3.4", "5.6.7.8", 6, TCP_TEST_BYTES, 0);
	put_tcp(&frame, 1, 80, 0, UMBOX_TCP_SYN);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.vlan, 7);
	assert_int_equal(headers.tags, 2);
	assert_int_equal(headers.target_port, 80);
}

/* A host takes off any number of priority tags. */
static void a_third_tag_is_evasive(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x8100);
	for (unsigned i = 0; i < 2; i++) {
		put16(&frame, 0);
		put16(&frame, 0x8100);
	}
	put16(&frame, 0);
	put16(&frame, 0x0800);
	put_ipv4(&frame, "1.2.3.4", "5.6.7.8", 6, TCP_TEST_BYTES, 0);
	put_tcp(&frame, 1, 80, 0, UMBOX_TCP_SYN);
	assert_false(parse(&headers, &frame));
	assert_true(headers.evasive);
	frame.length = 14 + 2 * 4; /* cut behind the second: nobody takes it */
	assert_false(parse(&headers, &frame));
	assert_false(headers.evasive);
}

static void expect_wrapped(const char head[static 6], uint32_t tags, bool evasive)
{
	struct test_frame frame;
	struct umbox_headers headers;
	start_frame(&frame, tags ? 0x8100 : 100);
	for (uint32_t i = 0; i < tags; i++) {
		put16(&frame, 0);
		put16(&frame, i + 1 < tags ? 0x8100 : 100);
	}
	put_bytes(&frame, head, 6);
	put16(&frame, 0x0800);
	put_ipv4(&frame, "1.2.3.4", "5.6.7.8", 6, TCP_TEST_BYTES, 0);
	put_tcp(&frame, 1, 80, 0, UMBOX_TCP_SYN);
	assert_int_equal(parse(&headers, &frame), !evasive);
	assert_int_equal(headers.evasive, evasive);
	assert_int_equal(headers.transport, 0);
}

static void what_radio_would_unwrap_is_evasive(void **state)
{
	(void)state;
	expect_wrapped("\xaa\xaa\x03\0\0\0", 0, true);
	expect_wrapped("\xaa\xaa\x03\0\0\xf8", 0, true);
	expect_wrapped("\xaa\xaa\x03\0\0\0", 2, true);
	expect_wrapped("\xaa\xaa\x03\x08\0\x07", 0, false); /* AppleTalk's */
	expect_wrapped("\x42\x42\x03\0\0\0", 0, false);     /* spanning tree */
}

static void udp_and_icmp_and_arp(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	static const uint8_t arp[] = {0,  1, 8, 0, 6, 4, 0, 2, 2,  0, 0,  0, 10, 2,
				      10, 0, 0, 1, 2, 0, 0, 0, 10, 1, 10, 0, 0,  2};
	(void)state;
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "1.2.3.4", "5.6.7.8", 17, 12, 0);
	put16(&frame, 53), put16(&frame, 5353), put16(&frame, 12), put16(&frame, 0);
	put_bytes(&frame, "abcd", 4);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.source_port, 53);
	assert_int_equal(headers.payload_bytes, 4);
	set16(&frame, 38, 13); /* longer than IP says */
	assert_false(parse(&headers, &frame));

	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "fe80::1", "ff02::1", 58, 8);
	put_bytes(&frame, "\x87\x01\0\0\0\0\0\0", 8);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.icmp_type, 135);
	assert_int_equal(headers.icmp_code, 1);

	start_frame(&frame, 0x0806);
	put_bytes(&frame, arp, sizeof(arp));
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.arp_operation, 2);
	expect_ip(&headers.source, "10.0.0.1");
	expect_ip(&headers.target, "10.0.0.2");
}

static void ipv6_extension_headers_are_stepped_over(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "2001:db8::9", "2001:db8::11", 0, 8 + 16 + 12 + TCP_TEST_BYTES);
	put_bytes(&frame, (uint8_t[8]){60}, 8); /* hop by hop, then destination options */
	put_bytes(&frame, (uint8_t[16]){51, 1},
		  16); /* then authentication, which counts in fours */
	put_bytes(&frame, (uint8_t[12]){6, 1}, 12);
	put_tcp(&frame, 9, 22, 7, UMBOX_TCP_SYN);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.protocol, 6);
	assert_int_equal(headers.target_port, 22);
	expect_ip(&headers.source, "2001:db8::9");
}

static void too_many_extension_headers_are_evasive(void **state)
{
	struct umbox_headers headers;
	(void)state;
	for (unsigned count = UMBOX_EXTENSIONS_MAX; count <= UMBOX_EXTENSIONS_MAX + 1; count++) {
		struct test_frame frame;
		start_frame(&frame, 0x86dd);
		put_ipv6(&frame, "2001:db8::9", "2001:db8::11", 60,
			 (uint16_t)(8 * count + TCP_TEST_BYTES));
		for (unsigned i = 1; i <= count; i++)
			put_bytes(&frame, (uint8_t[8]){i < count ? 60 : 6}, 8);
		put_tcp(&frame, 9, 22, 7, UMBOX_TCP_SYN);
		bool whole = parse(&headers, &frame);
		assert_int_equal(whole, count <= UMBOX_EXTENSIONS_MAX);
		assert_int_equal(headers.evasive, count > UMBOX_EXTENSIONS_MAX);
		assert_int_equal(headers.transport != 0, count <= UMBOX_EXTENSIONS_MAX);
	}
}

static void make_fragment4(struct test_frame *frame, uint16_t fragment, uint16_t bytes)
{
	start_frame(frame, 0x0800);
	put_ipv4(frame, "1.2.3.4", "5.6.7.8", 6, bytes, fragment);
	put_tcp(frame, 9, 22, 7, UMBOX_TCP_SYN);
	frame->length = 34u + bytes;
}

static void fragments_of_ipv4(void **state)
{
	enum { MORE = 0x2000 };
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	make_fragment4(&frame, MORE, 24);
	assert_true(parse(&headers, &frame));
	assert_true(headers.fragment && !headers.fragment_later && !headers.evasive);
	assert_int_equal(headers.target_port, 22);

	make_fragment4(&frame, MORE | 3, 24); /* bytes 24 and on: no header there */
	assert_true(parse(&headers, &frame));
	assert_true(headers.fragment_later && !headers.evasive);
	assert_int_equal(headers.transport, 0);

	make_fragment4(&frame, MORE, 8); /* ports, no flags */
	assert_false(parse(&headers, &frame));
	assert_true(headers.evasive);

	make_fragment4(&frame, 1, 24); /* could overwrite the flags */
	parse(&headers, &frame);
	assert_true(headers.evasive);

	make_fragment4(&frame, 0, 8); /* cut, but no fragment: the device drops it itself */
	assert_false(parse(&headers, &frame));
	assert_false(headers.evasive);
}

static void fragments_of_ipv6(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "2001:db8::9", "2001:db8::11", 44, 8 + TCP_TEST_BYTES);
	put_bytes(&frame, (uint8_t[8]){6, 0, 0, 1}, 8);
	put_tcp(&frame, 9, 22, 7, UMBOX_TCP_SYN);
	assert_true(parse(&headers, &frame));
	assert_true(headers.fragment && !headers.fragment_later && !headers.evasive);
	assert_int_equal(headers.target_port, 22);

	set16(&frame, 56, 1 << 3);
	parse(&headers, &frame);
	assert_true(headers.fragment_later && headers.evasive);

	/* The first fragment ends within the header chain. */
	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "2001:db8::9", "2001:db8::11", 44, 16);
	put_bytes(&frame, (uint8_t[8]){60, 0, 0, 1}, 8);
	put_bytes(&frame, (uint8_t[8]){6, 4}, 8);
	assert_false(parse(&headers, &frame));
	assert_true(headers.evasive);
}

static void every_cut_is_safe(void **state)
{
	struct test_frame whole;
	struct umbox_headers headers;
	(void)state;
	start_frame(&whole, 0x8100);
	put16(&whole, 5);
	put16(&whole, 0x86dd);
	put_ipv6(&whole, "2001:db8::9", "2001:db8::11", 0, 16 + TCP_TEST_BYTES);
	put_bytes(&whole, (uint8_t[16]){6, 1}, 16);
	put_tcp(&whole, 9, 22, 7, UMBOX_TCP_SYN);
	for (uint32_t length = 0; length < whole.length; length++) {
		struct test_frame cut = whole;
		cut.length = length;
		assert_false(parse(&headers, &cut));
		assert_int_equal(headers.transport, 0);
	}
	assert_true(parse(&headers, &whole));
}

static void unknown_types_are_whole(void **state)
{
	struct test_frame frame;
	struct umbox_headers headers;
	(void)state;
	start_frame(&frame, 0x88cc);
	assert_true(parse(&headers, &frame));
	assert_int_equal(headers.source.family, 0);
}

static void a_gso_frame_stands_for_its_packets(void **state)
{
	struct umbox_headers headers = {.payload_bytes = 4001};
	struct umbox_frame frame = {0};
	(void)state;
	assert_int_equal(umbox_frame_packets(&frame, &headers), 1);
	frame.offload = (struct umbox_offload){.gso_type = 1, .segment_bytes = 1000};
	assert_int_equal(umbox_frame_packets(&frame, &headers), 5);
}

static uint16_t sum_of(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < count; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void checksum_follows_a_change(void **state)
{
	uint8_t bytes[64];
	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (uint32_t after = 0; after <= 0xffff; after += 0x1111) {
		uint16_t before_sum = sum_of(bytes, sizeof(bytes));
		uint16_t before = (uint16_t)(bytes[8] << 8 | bytes[9]);
		bytes[8] = (uint8_t)(after >> 8);
		bytes[9] = (uint8_t)after;
		assert_int_equal(umbox_checksum_change(before_sum, before, (uint16_t)after),
				 sum_of(bytes, sizeof(bytes)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_over_ipv4),
		cmocka_unit_test(ipv4_options_are_stepped_over),
		cmocka_unit_test(tags_are_stepped_over),
		cmocka_unit_test(a_third_tag_is_evasive),
		cmocka_unit_test(what_radio_would_unwrap_is_evasive),
		cmocka_unit_test(udp_and_icmp_and_arp),
		cmocka_unit_test(ipv6_extension_headers_are_stepped_over),
		cmocka_unit_test(too_many_extension_headers_are_evasive),
		cmocka_unit_test(fragments_of_ipv4),
		cmocka_unit_test(fragments_of_ipv6),
		cmocka_unit_test(every_cut_is_safe),
		cmocka_unit_test(unknown_types_are_whole),
		cmocka_unit_test(a_gso_frame_stands_for_its_packets),
		cmocka_unit_test(checksum_follows_a_change),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
