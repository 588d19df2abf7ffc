/* SPDX-License-Identifier: Apache-2.0 */
/* test_scan.c - what is a scan, how slow it may be, and what looks like one and is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "scan.h"

#define SECOND INT64_C(1000000)
#define DEVICE "10.20.0.11"

static const struct scan_settings usual = {
	.ports = 10,
	.slow_ports = 25,
	.all_ports = 40,
	.hosts = 20,
	.slow_hosts = 100,
	.interval_us = 10 * SECOND,
	.slow_interval_us = 3600 * SECOND,
	.alert_pause_us = 10 * SECOND,
	.drop_flags = true,
};

static struct scan_result judge(struct scan *scan, struct test_frame *frame, enum umbox_leg from,
				int64_t time_us)
{
	struct scan_result result;
	struct umbox_frame umbox_frame = as_frame(frame, from, time_us);
	scan_frame(scan, &umbox_frame, &result);
	return result;
}

static struct scan_result knock(struct scan *scan, const char *source, uint16_t port, uint8_t flags,
				int64_t time_us)
{
	struct test_frame frame;
	make_tcp4_to(&frame, source, 4711, DEVICE, port, flags);
	return judge(scan, &frame, UMBOX_OUT, time_us);
}

/* `count` ports of the device, one each `step_us`; how many alarms. */
static unsigned knocks(struct scan *scan, const char *source, unsigned count, int64_t step_us)
{
	unsigned alarms = 0;
	for (unsigned i = 0; i < count; i++)
		alarms += knock(scan, source, (uint16_t)(1 + i), UMBOX_TCP_SYN, i * step_us).alarm;
	return alarms;
}

static void assert_alert(const struct scan_result *result, const char *type, const char *source,
			 uint32_t count)
{
	char printed[UMBOX_IP_TEXT_BYTES];
	assert_true(result->alarm);
	assert_string_equal(result->alert.type, type);
	umbox_ip_print(printed, &result->alert.source);
	assert_string_equal(printed, source);
	assert_int_equal(result->alert.count, count);
}

static void flags_of_scanners_are_told_and_dropped(void **state)
{
	static const struct {
		uint8_t flags;
		const char *type;
	} cases[] = {
		{0, "null-scan"},
		{UMBOX_TCP_FIN, "fin-scan"},
		{UMBOX_TCP_FIN | UMBOX_TCP_PSH | UMBOX_TCP_URG, "xmas-scan"},
		{0x3f, "xmas-scan"},
		{UMBOX_TCP_SYN | UMBOX_TCP_FIN, "xmas-scan"},
		{UMBOX_TCP_SYN | UMBOX_TCP_RST, "xmas-scan"},
		{UMBOX_TCP_PSH, "xmas-scan"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scan *scan = scan_new(&usual);
		struct scan_result result = knock(scan, "10.20.0.9", 22, cases[i].flags, 0);
		assert_alert(&result, cases[i].type, "10.20.0.9", 1);
		assert_int_equal(result.alert.target_port, 22);
		assert_int_equal(result.verdict, UMBOX_DROP);
		result = knock(scan, "10.20.0.9", 23, cases[i].flags, SECOND);
		assert_false(result.alarm);
		assert_int_equal(result.verdict, UMBOX_DROP);
		scan_free(scan);
	}
}

static void flags_of_the_honest_pass(void **state)
{
	static const uint8_t flags[] = {
		UMBOX_TCP_SYN,
		UMBOX_TCP_SYN | 0xc0 /* ECN */,
		UMBOX_TCP_SYN | UMBOX_TCP_ACK,
		UMBOX_TCP_ACK,
		UMBOX_TCP_FIN | UMBOX_TCP_ACK,
		UMBOX_TCP_RST,
		UMBOX_TCP_RST | UMBOX_TCP_ACK,
		UMBOX_TCP_ACK | UMBOX_TCP_PSH | UMBOX_TCP_FIN | UMBOX_TCP_URG,
	};
	struct scan *scan = scan_new(&usual);
	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct scan_result result = knock(scan, "10.20.0.9", 22, flags[i], 0);
		assert_false(result.alarm || result.flags);
		assert_int_equal(result.verdict, UMBOX_PASS);
	}
	scan_free(scan);
}

/* nmap -sA and -sW, -sM, and by answers that nobody asked for. */
static void segments_of_no_connection_are_knocks(void **state)
{
	static const uint8_t flags[] = {UMBOX_TCP_ACK, UMBOX_TCP_FIN | UMBOX_TCP_ACK,
					UMBOX_TCP_SYN | UMBOX_TCP_ACK};
	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct scan *scan = scan_new(&usual);
		struct scan_result result = {.alarm = false};
		for (uint16_t port = 1; port <= 10; port++) {
			assert_false(result.alarm);
			assert_false(knock(scan, "10.20.0.9", port, UMBOX_TCP_RST, 0).probe);
			result = knock(scan, "10.20.0.9", port, flags[i], 0);
		}
		assert_alert(&result, "port-scan", "10.20.0.9", 10);
		assert_false(knock(scan, "10.20.0.9", 1, flags[i], 0).probe); /* once */
		scan_free(scan);
	}
}

static struct scan_result device_says(struct scan *scan, uint16_t port, uint8_t flags,
				      int64_t time_us)
{
	struct test_frame frame;
	make_tcp4_to(&frame, DEVICE, 80, "10.20.0.9", port, flags);
	return judge(scan, &frame, UMBOX_IN, time_us);
}

static void what_goes_on_is_no_knock(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	(void)state;
	/* The device answers connections that began before the umbox. */
	for (uint16_t port = 40000; port < 40100; port++)
		assert_false(device_says(scan, port, UMBOX_TCP_ACK, 0).probe);
	for (uint16_t port = 50000; port < 50100; port++) {
		make_tcp4_to(&frame, "10.20.0.9", port, DEVICE, 80, UMBOX_TCP_SYN);
		assert_true(judge(scan, &frame, UMBOX_OUT, SECOND).probe);
		make_tcp4_to(&frame, "10.20.0.9", port, DEVICE, 80, UMBOX_TCP_ACK);
		assert_false(judge(scan, &frame, UMBOX_OUT, SECOND).probe);
		assert_false(device_says(scan, port, UMBOX_TCP_SYN | UMBOX_TCP_ACK, SECOND).probe);
		assert_false(device_says(scan, port, UMBOX_TCP_ACK, 3600 * SECOND).probe);
	}
	assert_false(device_says(scan, 40001, UMBOX_TCP_ACK, 3600 * SECOND).probe);
	for (uint16_t port = 1; port <= 10; port++) {
		assert_false(result.alarm);
		result = device_says(scan, port, UMBOX_TCP_ACK, 3600 * SECOND);
	}
	assert_alert(&result, "port-scan", DEVICE, 10);
	scan_free(scan);
}

static void protocols_are_looked_for(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	(void)state;
	for (uint8_t protocol = 200; protocol < 210; protocol++) {
		assert_false(result.alarm);
		start_frame(&frame, 0x0800);
		put_ipv4(&frame, "10.20.0.9", DEVICE, protocol, 0, 0);
		result = judge(scan, &frame, UMBOX_OUT, 0);
		assert_false(judge(scan, &frame, UMBOX_OUT, SECOND).probe);
	}
	assert_alert(&result, "port-scan", "10.20.0.9", 10);
	assert_string_equal(result.detail, "10 protocols within 10 s");
	scan_free(scan);
}

static void many_ports_are_a_scan(void **state)
{
	struct scan *scan = scan_new(&usual);
	(void)state;
	assert_int_equal(knocks(scan, "10.20.0.9", 9, 1000), 0);
	struct scan_result result = knock(scan, "10.20.0.9", 10, UMBOX_TCP_SYN, 9000);
	assert_alert(&result, "port-scan", "10.20.0.9", 10);
	assert_string_equal(result.detail, "10 ports within 10 s");
	assert_int_equal(result.verdict, UMBOX_PASS);
	/* The same port again and again is another matter. */
	for (int i = 0; i < 1000; i++)
		assert_false(knock(scan, "10.20.0.8", 80, UMBOX_TCP_SYN, 10000 + i).alarm);
	scan_free(scan);
}

static void the_slow_are_seen(void **state)
{
	struct scan *scan = scan_new(&usual);
	(void)state;
	assert_int_equal(knocks(scan, "10.20.0.9", 24, 15 * SECOND), 0); /* nmap -T1 */
	struct scan_result result = knock(scan, "10.20.0.9", 25, UMBOX_TCP_SYN, 360 * SECOND);
	assert_alert(&result, "port-scan", "10.20.0.9", 25);
	assert_string_equal(result.detail, "25 ports within 3600 s");
	scan_free(scan);
	scan = scan_new(&usual);
	assert_int_equal(knocks(scan, "10.20.0.9", 200, 151 * SECOND), 0); /* 24 an hour */
	scan_free(scan);
}

static void many_sources_are_one_scan(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	char source[32];
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		assert_false(result.alarm);
		snprintf(source, sizeof(source), "10.20.1.%u", i);
		result = knock(scan, source, (uint16_t)(1 + i), UMBOX_TCP_SYN, i * SECOND);
	}
	assert_alert(&result, "port-scan", "", 40);
	scan_free(scan);
}

/* Between two knocks come more pairs of made-up addresses than can be remembered, too slow for a
 * crowd. */
static void nobody_pushes_a_scan_out(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	char source[32], target[32];
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		assert_false(result.alarm);
		for (unsigned j = 0; j <= SCAN_SOURCES_MAX; j++) {
			snprintf(source, sizeof(source), "10.30.%u.%u", j >> 8, j & 255);
			snprintf(target, sizeof(target), "10.40.%u.%u", j >> 8, j & 255);
			make_tcp4_to(&frame, source, 4711, target, 1, UMBOX_TCP_SYN);
			assert_false(
				judge(scan, &frame, UMBOX_OUT, i * 60 * SECOND + j * SECOND / 20)
					.alarm);
		}
		result = knock(scan, "10.20.0.9", (uint16_t)(1 + i), UMBOX_TCP_SYN,
			       i * 60 * SECOND + 55 * SECOND);
	}
	assert_alert(&result, "port-scan", "", 40);
	scan_free(scan);
}

static void a_crowd_of_sources_is_told(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	char source[32];
	(void)state;
	for (unsigned i = 0; i <= SCAN_SOURCES_MAX; i++) {
		assert_false(result.alarm);
		snprintf(source, sizeof(source), "10.30.%u.%u", i >> 8, i & 255);
		result = knock(scan, source, 80, UMBOX_TCP_SYN, i);
	}
	assert_alert(&result, "port-scan", "", SCAN_SOURCES_MAX);
	assert_false(knock(scan, "10.40.0.1", 80, UMBOX_TCP_SYN, 2000).alarm);
	scan_free(scan);
}

static void udp_counts_for_who_opens(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		make_udp4(&frame, DEVICE, (uint16_t)(40000 + i), "10.20.0.1", 53, "?", 1);
		assert_false(judge(scan, &frame, UMBOX_IN, i * 1000).alarm);
		make_udp4(&frame, "10.20.0.1", 53, DEVICE, (uint16_t)(40000 + i), "!", 1);
		assert_false(judge(scan, &frame, UMBOX_OUT, i * 1000 + 500).alarm);
	}
	for (uint16_t i = 0; i < 10; i++) {
		assert_false(result.alarm);
		make_udp4(&frame, "10.20.0.1", 53, DEVICE, (uint16_t)(50000 + i), "!", 1);
		result = judge(scan, &frame, UMBOX_OUT, SECOND + i);
	}
	assert_alert(&result, "port-scan", "10.20.0.1", 10);
	scan_free(scan);
}

/* A host takes UDP for itself from under a group's MAC as well. */
static void a_scan_under_the_mac_of_a_group_is_seen(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	(void)state;
	for (uint16_t i = 0; i < 10; i++) {
		assert_false(result.alarm);
		make_udp4(&frame, "10.20.0.9", 4711, DEVICE, (uint16_t)(1 + i), "x", 1);
		memset(frame.bytes, 0xff, 6);
		result = judge(scan, &frame, UMBOX_OUT, i);
	}
	assert_alert(&result, "port-scan", "10.20.0.9", 10);
	scan_free(scan);
}

/* Whoever searches by multicast does so from a new port each time. */
static void answers_to_searches_are_no_scan(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct test_frame frame;
	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		make_udp4(&frame, "10.20.0.9", (uint16_t)(40000 + i), "239.255.255.250", 1900, "?",
			  1);
		assert_false(judge(scan, &frame, UMBOX_OUT, i * 1000).alarm);
		make_udp4(&frame, DEVICE, 1900, "10.20.0.9", (uint16_t)(40000 + i), "!", 1);
		assert_false(judge(scan, &frame, UMBOX_IN, i * 1000).alarm);
	}
	scan_free(scan);
}

static void make_look(struct test_frame *frame, int how, unsigned host)
{
	char target[32];
	snprintf(target, sizeof(target), "10.20.0.%u", 20 + host);
	switch (how) {
	case 0: make_arp(frame, DEVICE, target); break;
	case 1: make_echo4(frame, DEVICE, target, 8, 1); break;
	case 2: make_tcp4_to(frame, DEVICE, 4711, target, 80, UMBOX_TCP_SYN); break;
	case 3: make_echo4(frame, DEVICE, target, 13, 1); break; /* asks for the time */
	default: make_udp4(frame, DEVICE, 4711, target, 161, "x", 1);
	}
}

static void the_device_sweeps(void **state)
{
	(void)state;
	for (int how = 0; how < 5; how++) {
		struct scan *scan = scan_new(&usual);
		struct scan_result result = {.alarm = false};
		struct test_frame frame;
		for (unsigned i = 0; i < 20; i++) {
			assert_false(result.alarm);
			make_look(&frame, how, i);
			result = judge(scan, &frame, UMBOX_IN, i * 100000);
		}
		assert_alert(&result, "host-sweep", DEVICE, 20);
		assert_int_equal(result.verdict, UMBOX_PASS);
		scan_free(scan);
	}
}

static void a_neighbour_is_looked_for(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		uint8_t solicitation[24] = {135, [8] = 0xfd, [23] = i};
		struct test_frame frame;
		assert_false(result.alarm);
		start_frame(&frame, 0x86dd);
		put_ipv6(&frame, "fd00::9", "ff02::1:ff00:1", 58, sizeof(solicitation));
		put_bytes(&frame, solicitation, sizeof(solicitation));
		frame.bytes[0] = 0x33;
		result = judge(scan, &frame, UMBOX_OUT, i);
	}
	assert_alert(&result, "host-sweep", "fd00::9", 20);
	scan_free(scan);
}

static void groups_and_claims_are_no_sweep(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct test_frame frame;
	char target[32];
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(target, sizeof(target), "239.0.0.%u", i);
		make_udp4(&frame, DEVICE, 4711, target, 5000, "x", 1);
		assert_false(judge(scan, &frame, UMBOX_IN, i).probe);
		snprintf(target, sizeof(target), "10.20.0.%u", i);
		make_arp(&frame, target, target); /* an announcement */
		assert_false(judge(scan, &frame, UMBOX_OUT, i).probe);
	}
	scan_free(scan);
}

static void who_has_no_address_may_ask_for_a_few(void **state)
{
	struct scan_settings settings = usual;
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	char target[32];
	(void)state;
	settings.block_us = 60 * SECOND;
	struct scan *scan = scan_new(&settings);
	for (unsigned i = 0; i < 20; i++) {
		assert_false(result.alarm);
		snprintf(target, sizeof(target), "10.20.0.%u", 20 + i);
		make_arp(&frame, "0.0.0.0", target); /* may I have it? */
		result = judge(scan, &frame, UMBOX_OUT, i);
		frame.bytes[27] ^= 1; /* somebody else asks for some */
		assert_false(i < 5 && judge(scan, &frame, UMBOX_OUT, i).alarm);
	}
	assert_alert(&result, "host-sweep", "", 20);
	assert_string_equal(result.detail, "20 hosts within 10 s by 02:00:00:00:00:00");
	/* Nobody is blocked for it: the address is everybody's who has none. */
	assert_int_equal(result.verdict, UMBOX_PASS);
	scan_free(scan);
}

static void other_addresses_hide_no_sweep(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct scan_result result = {.alarm = false};
	struct test_frame frame;
	char source[32], target[32];
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		assert_false(result.alarm);
		snprintf(source, sizeof(source), "10.20.1.%u", i);
		snprintf(target, sizeof(target), "10.20.0.%u", 20 + i);
		make_arp(&frame, source, target);
		result = judge(scan, &frame, UMBOX_OUT, i);
	}
	assert_alert(&result, "host-sweep", "", 20);
	scan_free(scan);
}

static void a_sweep_under_one_address_is_told_once(void **state)
{
	struct scan *scan = scan_new(&usual);
	unsigned alarms = 0;
	struct test_frame frame;
	char target[32];
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(target, sizeof(target), "10.20.0.%u", 20 + i);
		make_arp(&frame, "10.20.0.9", target);
		struct scan_result result = judge(scan, &frame, UMBOX_OUT, i);
		alarms += result.alarm;
		if (result.alarm)
			assert_alert(&result, "host-sweep", "10.20.0.9", 20);
	}
	assert_int_equal(alarms, 1);
	scan_free(scan);
}

static void a_block_ends(void **state)
{
	struct scan_settings settings = usual;
	struct test_frame frame;
	(void)state;
	settings.block_us = 60 * SECOND;
	struct scan *scan = scan_new(&settings);
	assert_int_equal(knocks(scan, "10.20.0.9", 10, 0), 1);
	make_udp4(&frame, "10.20.0.9", 53, DEVICE, 53, "x", 1);
	struct scan_result result = judge(scan, &frame, UMBOX_OUT, 60 * SECOND - 1);
	assert_true(result.blocked);
	assert_int_equal(result.verdict, UMBOX_DROP);
	assert_int_equal(judge(scan, &frame, UMBOX_OUT, 60 * SECOND).verdict, UMBOX_PASS);
	/* The device has a time of its own, here none. */
	for (unsigned i = 0; i < 30; i++) {
		make_look(&frame, 2, i);
		assert_int_equal(judge(scan, &frame, UMBOX_IN, 61 * SECOND).verdict, UMBOX_PASS);
	}
	scan_free(scan);
}

static bool is_first(const void *user, const struct umbox_ip *ip)
{
	return umbox_ip_equal(user, ip);
}

static void an_exempt_source_is_not_judged(void **state)
{
	static const struct umbox_ip host = {4, {10, 20, 0, 1}};
	struct scan_settings settings = usual;
	struct test_frame frame;
	(void)state;
	settings.is_exempt = is_first;
	settings.user = &host;
	struct scan *scan = scan_new(&settings);
	assert_int_equal(knocks(scan, "10.20.0.1", 100, 1), 0);
	/* What it asks over UDP is still answered, not opened, by the device. */
	for (uint16_t i = 0; i < 100; i++) {
		make_udp4(&frame, "10.20.0.1", (uint16_t)(1000 + i), DEVICE, 161, "?", 1);
		judge(scan, &frame, UMBOX_OUT, SECOND);
		make_udp4(&frame, DEVICE, 161, "10.20.0.1", (uint16_t)(1000 + i), "!", 1);
		assert_false(judge(scan, &frame, UMBOX_IN, SECOND).probe);
	}
	scan_free(scan);
}

static void what_cannot_be_judged_is_dropped(void **state)
{
	struct scan *scan = scan_new(&usual);
	struct test_frame frame;
	(void)state;
	make_tcp4_to(&frame, "10.20.0.9", 4711, DEVICE, 22, UMBOX_TCP_SYN);
	set16(&frame, 16, 28);
	set16(&frame, 20, 0x2000);
	frame.length = 14 + 28; /* as nmap -f: a first fragment of 8 bytes */
	struct scan_result result = judge(scan, &frame, UMBOX_OUT, 0);
	assert_true(result.evasive);
	assert_int_equal(result.verdict, UMBOX_DROP);
	scan_free(scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_of_scanners_are_told_and_dropped),
		cmocka_unit_test(flags_of_the_honest_pass),
		cmocka_unit_test(segments_of_no_connection_are_knocks),
		cmocka_unit_test(what_goes_on_is_no_knock),
		cmocka_unit_test(protocols_are_looked_for),
		cmocka_unit_test(many_ports_are_a_scan),
		cmocka_unit_test(the_slow_are_seen),
		cmocka_unit_test(many_sources_are_one_scan),
		cmocka_unit_test(nobody_pushes_a_scan_out),
		cmocka_unit_test(a_crowd_of_sources_is_told),
		cmocka_unit_test(udp_counts_for_who_opens),
		cmocka_unit_test(a_scan_under_the_mac_of_a_group_is_seen),
		cmocka_unit_test(answers_to_searches_are_no_scan),
		cmocka_unit_test(the_device_sweeps),
		cmocka_unit_test(a_neighbour_is_looked_for),
		cmocka_unit_test(groups_and_claims_are_no_sweep),
		cmocka_unit_test(who_has_no_address_may_ask_for_a_few),
		cmocka_unit_test(other_addresses_hide_no_sweep),
		cmocka_unit_test(a_sweep_under_one_address_is_told_once),
		cmocka_unit_test(a_block_ends),
		cmocka_unit_test(an_exempt_source_is_not_judged),
		cmocka_unit_test(what_cannot_be_judged_is_dropped),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
