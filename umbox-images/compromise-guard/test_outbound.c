/* SPDX-License-Identifier: Apache-2.0 */
/* test_outbound.c - what a device may start, what it may not, and what it has not started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "outbound.h"

#define SECOND   INT64_C(1000000)
#define DEVICE   "10.20.0.11"
#define RESOLVER "10.20.0.1"
#define PEER     "203.0.113.7"

static struct outbound *make(const char *const *rules, size_t count, bool drop, int64_t settle_us)
{
	struct outbound_settings settings = {
		.rule_count = count,
		.alert_type = "external-traffic",
		.threshold = 5,
		.interval_us = 60 * SECOND,
		.alert_pause_us = 10 * SECOND,
		.names_us = 3600 * SECOND,
		.settle_us = settle_us,
		.drop = drop,
	};
	for (size_t i = 0; i < count; i++)
		assert_true(rule_parse(&settings.rules[i], rules[i]));
	return outbound_new(&settings);
}

static struct outbound_result judge(struct outbound *outbound, struct test_frame *frame,
				    enum umbox_leg from, int64_t second)
{
	struct outbound_result result;
	struct umbox_frame umbox_frame = as_frame(frame, from, second * SECOND);
	outbound_frame(outbound, &umbox_frame, &result);
	return result;
}

static struct outbound_result tcp(struct outbound *outbound, enum umbox_leg from, const char *peer,
				  uint16_t device_port, uint16_t peer_port, uint8_t flags,
				  int64_t second)
{
	struct test_frame frame;
	if (from == UMBOX_IN)
		make_tcp4_to(&frame, DEVICE, device_port, peer, peer_port, flags);
	else
		make_tcp4_to(&frame, peer, peer_port, DEVICE, device_port, flags);
	return judge(outbound, &frame, from, second);
}

static struct outbound_result udp(struct outbound *outbound, enum umbox_leg from, const char *peer,
				  uint16_t device_port, uint16_t peer_port, int64_t second)
{
	struct test_frame frame;
	if (from == UMBOX_IN)
		make_udp4(&frame, DEVICE, device_port, peer, peer_port, "x", 1);
	else
		make_udp4(&frame, peer, peer_port, DEVICE, device_port, "x", 1);
	return judge(outbound, &frame, from, second);
}

static void rules_are_read(void **state)
{
	static const char *const good[] = {
		"tcp",          "udp:53",       "tcp:8000-8100 10.0.0.0/8", "icmp 10.20.0.1",
		"any fd00::/8", "47 10.20.0.1", "tcp:443 *.camera.example", "tcp:443 nas",
	};
	static const char *const bad[] = {
		"",        "tpc",    "tcp:",   "tcp:x",    "tcp:70000",           "tcp:9-8",
		"icmp:8",  "any:80", "300",    "tcp:443x", "tcp:443 10.20.0.300", "tcp 10.0.0.0/33",
		"tcp a b", "tcp *",  "tcp *.",
	};
	struct rule rule;
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(rule_parse(&rule, good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(rule_parse(&rule, bad[i]));
}

static void what_is_not_allowed_is_told(void **state)
{
	static const char *const rules[] = {"udp:53", "tcp:443 10.20.0.0/24", "icmp 10.20.0.1"};
	struct outbound *outbound = make(rules, 3, false, 0);
	struct outbound_result result = {.alarm = false};
	(void)state;
	assert_false(udp(outbound, UMBOX_IN, RESOLVER, 4000, 53, 0).outside);
	assert_false(tcp(outbound, UMBOX_IN, "10.20.0.9", 4000, 443, UMBOX_TCP_SYN, 0).outside);
	assert_true(tcp(outbound, UMBOX_IN, "10.20.1.9", 4000, 443, UMBOX_TCP_SYN, 0).outside);
	assert_true(tcp(outbound, UMBOX_IN, "10.20.0.9", 4000, 444, UMBOX_TCP_SYN, 0).outside);
	assert_true(udp(outbound, UMBOX_IN, "10.20.0.9", 4000, 443, 0).outside);
	struct test_frame ping;
	make_echo4(&ping, DEVICE, "10.20.0.9", 8, 1);
	assert_true(judge(outbound, &ping, UMBOX_IN, 0).outside);
	result = tcp(outbound, UMBOX_IN, PEER, 4000, 6667, UMBOX_TCP_SYN, 1);
	assert_true(result.outside && result.alarm);
	assert_string_equal(result.alert.type, "external-traffic");
	assert_int_equal(result.alert.count, 5);
	assert_int_equal(result.alert.target_port, 6667);
	assert_int_equal(result.verdict, UMBOX_PASS);
	char printed[UMBOX_IP_TEXT_BYTES];
	umbox_ip_print(printed, &result.alert.source);
	assert_string_equal(printed, DEVICE);
	umbox_ip_print(printed, &result.alert.target);
	assert_string_equal(printed, PEER);
	outbound_free(outbound);
}

static void it_is_dropped_from_the_first_frame_on(void **state)
{
	static const char *const rules[] = {"udp:53"};
	struct outbound *outbound = make(rules, 1, true, 0);
	(void)state;
	for (int64_t second = 0; second < 600; second += 20) { /* too few for an alert */
		struct outbound_result result = tcp(outbound, UMBOX_IN, PEER, 4000, 80,
						    UMBOX_TCP_SYN, second);
		assert_int_equal(result.verdict, UMBOX_DROP);
		assert_false(result.alarm);
	}
	assert_int_equal(udp(outbound, UMBOX_IN, RESOLVER, 4000, 53, 600).verdict, UMBOX_PASS);
	outbound_free(outbound);
}

static void answers_never_count(void **state)
{
	struct outbound *outbound = make(NULL, 0, true, 0);
	(void)state;
	for (uint16_t port = 1000; port < 1100; port++) {
		tcp(outbound, UMBOX_OUT, PEER, 22, port, UMBOX_TCP_SYN, 0);
		assert_false(
			tcp(outbound, UMBOX_IN, PEER, 22, port, UMBOX_TCP_SYN | UMBOX_TCP_ACK, 0)
				.outside);
		assert_false(tcp(outbound, UMBOX_IN, PEER, 22, port, UMBOX_TCP_ACK, 90000).outside);
		udp(outbound, UMBOX_OUT, PEER, 161, port, 90000);
		assert_false(udp(outbound, UMBOX_IN, PEER, 161, port, 90001).outside);
	}
	struct test_frame frame;
	make_echo4(&frame, PEER, DEVICE, 8, 1);
	judge(outbound, &frame, UMBOX_OUT, 90002);
	make_echo4(&frame, DEVICE, PEER, 0, 1);
	assert_false(judge(outbound, &frame, UMBOX_IN, 90002).outside);
	make_echo4(&frame, DEVICE, PEER, 3, 1); /* unreachable */
	assert_false(judge(outbound, &frame, UMBOX_IN, 90002).outside);
	make_arp(&frame, DEVICE, RESOLVER);
	assert_false(judge(outbound, &frame, UMBOX_IN, 90002).outside);
	outbound_free(outbound);
}

/* Its peer helps the device: a SYN for a SYN would make the device the one who answers. */
static void a_simultaneous_open_is_no_way_round(void **state)
{
	struct outbound *outbound = make(NULL, 0, false, 0);
	(void)state;
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 80, UMBOX_TCP_SYN, 0).outside);
	tcp(outbound, UMBOX_OUT, PEER, 4000, 80, UMBOX_TCP_SYN, 0);
	assert_true(
		tcp(outbound, UMBOX_IN, PEER, 4000, 80, UMBOX_TCP_SYN | UMBOX_TCP_ACK, 0).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 80, UMBOX_TCP_ACK, 0).outside);
	outbound_free(outbound);
}

/* It agrees to what nobody asked for, and goes on. */
static void an_answer_without_a_question_is_a_start(void **state)
{
	struct outbound *outbound = make(NULL, 0, true, 10 * SECOND);
	uint8_t agrees = UMBOX_TCP_SYN | UMBOX_TCP_ACK;
	(void)state;
	/* The question may have come before the umbox did. */
	assert_false(tcp(outbound, UMBOX_IN, PEER, 22, 1000, agrees, 0).outside);
	assert_false(tcp(outbound, UMBOX_IN, PEER, 22, 1000, UMBOX_TCP_ACK, 20).outside);
	assert_int_equal(tcp(outbound, UMBOX_IN, PEER, 22, 1001, agrees, 20).verdict, UMBOX_DROP);
	assert_int_equal(tcp(outbound, UMBOX_IN, PEER, 22, 1001, UMBOX_TCP_ACK, 20).verdict,
			 UMBOX_DROP);
	tcp(outbound, UMBOX_OUT, PEER, 22, 1001, UMBOX_TCP_SYN, 21);
	assert_int_equal(tcp(outbound, UMBOX_IN, PEER, 22, 1001, agrees, 21).verdict, UMBOX_PASS);
	outbound_free(outbound);
}

static struct outbound_result part(struct outbound *outbound, const char *target, uint16_t offset,
				   int64_t second)
{
	struct test_frame frame;
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, DEVICE, target, 17, 24, (uint16_t)(offset ? offset : 0x2000));
	put_bytes(&frame, "\x0f\xa0\x00\x35\x00\x30\x00\x00 secrets that go", 24);
	return judge(outbound, &frame, UMBOX_IN, second);
}

static void fragments_go_only_where_the_first_may(void **state)
{
	static const char *const rules[] = {"udp:53 10.20.0.1"};
	struct outbound *outbound = make(rules, 1, true, 0);
	(void)state;
	assert_int_equal(part(outbound, PEER, 3, 0).verdict, UMBOX_DROP);
	assert_int_equal(part(outbound, PEER, 0, 0).verdict, UMBOX_DROP);
	assert_int_equal(part(outbound, PEER, 3, 0).verdict, UMBOX_DROP);
	assert_int_equal(part(outbound, RESOLVER, 3, 0).verdict, UMBOX_DROP);
	assert_int_equal(part(outbound, RESOLVER, 0, 0).verdict, UMBOX_PASS);
	assert_int_equal(part(outbound, RESOLVER, 3, 0).verdict, UMBOX_PASS);
	assert_int_equal(part(outbound, PEER, 3, 0).verdict, UMBOX_DROP);
	assert_int_equal(part(outbound, RESOLVER, 3, 31).verdict, UMBOX_DROP);
	outbound_free(outbound);
}

static void what_is_cut_short_or_rare_is_a_start_as_well(void **state)
{
	struct outbound *outbound = make(NULL, 0, true, 0);
	struct test_frame frame;
	(void)state;
	make_udp4(&frame, DEVICE, 4000, PEER, 53, "secrets", 7);
	set16(&frame, 16, 60); /* longer than it is */
	assert_int_equal(judge(outbound, &frame, UMBOX_IN, 0).verdict, UMBOX_DROP);
	make_echo4(&frame, DEVICE, PEER, 13, 1); /* a timestamp */
	assert_int_equal(judge(outbound, &frame, UMBOX_IN, 0).verdict, UMBOX_DROP);
	make_echo4(&frame, DEVICE, PEER, 11, 1); /* time exceeded */
	assert_int_equal(judge(outbound, &frame, UMBOX_IN, 0).verdict, UMBOX_PASS);
	outbound_free(outbound);
}

static void answer_dns(struct outbound *outbound, const struct test_dns *dns, const char *server,
		       uint16_t port, bool learnt, int64_t second)
{
	struct test_frame frame;
	make_udp4(&frame, server, 53, DEVICE, port, dns->bytes, dns->length);
	assert_int_equal(judge(outbound, &frame, UMBOX_OUT, second).learnt, learnt);
}

static void names_are_learnt_from_answers(void **state)
{
	static const char *const rules[] = {"udp:53 10.20.0.1", "tcp:443 *.camera.example"};
	struct outbound *outbound = make(rules, 2, true, 0);
	struct test_dns dns;
	(void)state;
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_SYN, 0).outside);
	start_dns(&dns, "api.camera.example", 3);
	put_dns_record(&dns, "api.camera.example", NULL, "x.cdn.example");
	put_dns_record(&dns, "x.cdn.example", PEER, NULL);
	put_dns_record(&dns, "other.example", "203.0.113.8", NULL);
	answer_dns(outbound, &dns, RESOLVER, 4001, false, 1); /* nobody asked */
	udp(outbound, UMBOX_IN, "10.20.0.66", 4002, 53, 2);   /* a server that is not allowed */
	answer_dns(outbound, &dns, "10.20.0.66", 4002, false, 2);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_SYN, 3).outside);
	udp(outbound, UMBOX_IN, RESOLVER, 4003, 53, 4);
	answer_dns(outbound, &dns, RESOLVER, 4003, true, 4);
	assert_false(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_SYN, 5).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 80, UMBOX_TCP_SYN, 5).outside);
	assert_true(tcp(outbound, UMBOX_IN, "203.0.113.8", 4000, 443, UMBOX_TCP_SYN, 5).outside);
	start_dns(&dns, "api.camera.example", 1);
	put_dns_https(&dns, "api.camera.example", "", "203.0.113.9", "203.0.113.10");
	udp(outbound, UMBOX_IN, RESOLVER, 4004, 53, 6);
	answer_dns(outbound, &dns, RESOLVER, 4004, true, 6);
	assert_false(tcp(outbound, UMBOX_IN, "203.0.113.10", 4000, 443, UMBOX_TCP_SYN, 7).outside);
	/* A connection outlives the name's time, a new one needs the name anew. */
	assert_false(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_ACK, 4000).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4009, 443, UMBOX_TCP_SYN, 4000).outside);
	outbound_free(outbound);
}

static void names_that_are_not_meant_teach_nothing(void **state)
{
	static const char *const rules[] = {"udp:53", "tcp:443 *.camera.example"};
	struct outbound *outbound = make(rules, 2, true, 0);
	struct test_dns dns;
	(void)state;
	start_dns(&dns, "bot.example", 1);
	put_dns_record(&dns, "bot.example", PEER, NULL);
	udp(outbound, UMBOX_IN, RESOLVER, 4000, 53, 0);
	answer_dns(outbound, &dns, RESOLVER, 4000, false, 0);
	/* An answer to another question, with what would be liked beside it. */
	start_dns(&dns, "bot.example", 2);
	put_dns_record(&dns, "bot.example", PEER, NULL);
	put_dns_record(&dns, "api.camera.example", PEER, NULL);
	answer_dns(outbound, &dns, RESOLVER, 4000, false, 0);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_SYN, 1).outside);
	outbound_free(outbound);
}

static void one_group_does_not_allow_another(void **state)
{
	static const char *const rules[] = {"udp:5353 224.0.0.251"};
	struct outbound *outbound = make(rules, 1, true, 0);
	(void)state;
	assert_false(udp(outbound, UMBOX_IN, "224.0.0.251", 5353, 5353, 0).outside);
	assert_true(udp(outbound, UMBOX_IN, "239.1.2.3", 5353, 5353, 0).outside);
	assert_false(udp(outbound, UMBOX_IN, "224.0.0.251", 5353, 5353, 0).outside);
	outbound_free(outbound);
}

static void what_was_there_before_is_let_be(void **state)
{
	static const char *const rules[] = {"udp:53", "tcp:443 *.camera.example"};
	struct outbound *outbound = make(rules, 2, true, 300 * SECOND);
	(void)state;
	assert_false(tcp(outbound, UMBOX_IN, PEER, 22, 4000, UMBOX_TCP_ACK, 0).outside);
	assert_false(tcp(outbound, UMBOX_IN, PEER, 4000, 443, UMBOX_TCP_SYN, 299).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4000, 80, UMBOX_TCP_SYN, 299).outside);
	assert_false(tcp(outbound, UMBOX_IN, PEER, 22, 4000, UMBOX_TCP_ACK, 9999).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 22, 4001, UMBOX_TCP_ACK, 9999).outside);
	assert_true(tcp(outbound, UMBOX_IN, PEER, 4001, 443, UMBOX_TCP_SYN, 9999).outside);
	outbound_free(outbound);
}

static bool is_first(const void *user, const struct umbox_ip *ip)
{
	return umbox_ip_equal(user, ip);
}

static void the_host_may_be_talked_to(void **state)
{
	static const struct umbox_ip host = {4, {10, 20, 0, 1}};
	struct outbound_settings settings = {.alert_type = "external-traffic",
					     .threshold = 1,
					     .interval_us = SECOND,
					     .is_exempt = is_first,
					     .user = &host};
	struct outbound *outbound = outbound_new(&settings);
	(void)state;
	assert_false(tcp(outbound, UMBOX_IN, "10.20.0.1", 4000, 1883, UMBOX_TCP_SYN, 0).outside);
	assert_true(tcp(outbound, UMBOX_IN, "10.20.0.2", 4000, 1883, UMBOX_TCP_SYN, 0).alarm);
	outbound_free(outbound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read),
		cmocka_unit_test(what_is_not_allowed_is_told),
		cmocka_unit_test(it_is_dropped_from_the_first_frame_on),
		cmocka_unit_test(answers_never_count),
		cmocka_unit_test(a_simultaneous_open_is_no_way_round),
		cmocka_unit_test(an_answer_without_a_question_is_a_start),
		cmocka_unit_test(fragments_go_only_where_the_first_may),
		cmocka_unit_test(what_is_cut_short_or_rare_is_a_start_as_well),
		cmocka_unit_test(names_are_learnt_from_answers),
		cmocka_unit_test(names_that_are_not_meant_teach_nothing),
		cmocka_unit_test(one_group_does_not_allow_another),
		cmocka_unit_test(what_was_there_before_is_let_be),
		cmocka_unit_test(the_host_may_be_talked_to),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
