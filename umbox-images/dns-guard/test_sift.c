/* SPDX-License-Identifier: Apache-2.0 */
/* test_sift.c - questions and answers that are bad, over UDP and TCP, and those that look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "resolver.h"

#define SECOND INT64_C(1000000)
#define DEVICE "10.20.0.11"
#define SERVER "10.20.0.1"
#define HEX    "6b1f0c9e2d7a48355f0e9c1b7d3a6284" /* 32 letters that look like data */

static const struct resolver_settings usual = {
	.ports = {53},
	.port_count = 1,
	.sift =
		{
			.local = {{"*.lan"}, 1},
			.rebinding = true,
			.questions = 200,
			.subdomains = 50,
			.slow_subdomains = 200,
			.coded = 5,
			.slow_coded = 30,
			.label_bytes = 30,
			.prefix_bytes = 100,
			.interval_us = 60 * SECOND,
			.slow_interval_us = 3600 * SECOND,
			.alert_pause_us = 10 * SECOND,
			.drop = true,
		},
};

struct told {
	unsigned count;
	char type[64], detail[384];
	struct umbox_alert last;
};

static void tell(const struct umbox_alert *alert, void *user)
{
	struct told *told = user;
	told->count++;
	told->last = *alert;
	snprintf(told->type, sizeof(told->type), "%s", alert->type);
	snprintf(told->detail, sizeof(told->detail), "%s", alert->detail);
}

static enum umbox_verdict send_udp(struct resolver *resolver, const struct test_dns *dns,
				   bool question, int64_t second)
{
	struct test_frame frame;
	if (question)
		make_udp4(&frame, DEVICE, 4000, SERVER, 53, dns->bytes, dns->length);
	else
		make_udp4(&frame, SERVER, 53, DEVICE, 4000, dns->bytes, dns->length);
	struct umbox_frame judged = as_frame(&frame, question ? UMBOX_IN : UMBOX_OUT,
					     second * SECOND);
	return resolver_frame(resolver, NULL, &judged);
}

static enum umbox_verdict ask(struct resolver *resolver, const char *name, int64_t second)
{
	struct test_dns dns;
	start_dns(&dns, name, 0);
	return send_udp(resolver, &dns, true, second);
}

static enum umbox_verdict answer(struct resolver *resolver, const char *name, const char *address,
				 const char *alias)
{
	struct test_dns dns;
	start_dns(&dns, name, 1);
	put_dns_record(&dns, name, address, alias);
	return send_udp(resolver, &dns, false, 0);
}

static void names_are_allowed_and_denied(void **state)
{
	struct resolver_settings settings = usual;
	struct told told = {.count = 0};
	(void)state;
	settings.sift.allow = (struct sift_names){{"*.camera.example", "ntp.example"}, 2};
	settings.sift.deny = (struct sift_names){{"ads.camera.example"}, 1};
	struct resolver *resolver = resolver_new(&settings, tell, &told);
	assert_int_equal(ask(resolver, "api.camera.example", 0), UMBOX_PASS);
	assert_int_equal(ask(resolver, "NTP.example", 0), UMBOX_PASS);
	assert_int_equal(told.count, 0);
	assert_int_equal(ask(resolver, "evil.example", 0), UMBOX_DROP);
	assert_string_equal(told.type, "dns-denied");
	assert_string_equal(told.detail, "asked for evil.example");
	char printed[UMBOX_IP_TEXT_BYTES];
	umbox_ip_print(printed, &told.last.source);
	assert_string_equal(printed, DEVICE);
	umbox_ip_print(printed, &told.last.target);
	assert_string_equal(printed, SERVER);
	assert_int_equal(ask(resolver, "ads.camera.example", 0), UMBOX_DROP);
	assert_int_equal(told.count, 2); /* each name has a pause of its own */
	assert_int_equal(ask(resolver, "evil.example", 1), UMBOX_DROP);
	assert_int_equal(told.count, 2);
	/* An alias may lead where nobody may ask, but not to what is denied. */
	assert_int_equal(answer(resolver, "api.camera.example", NULL, "x.cdn.example"), UMBOX_PASS);
	assert_int_equal(answer(resolver, "api.camera.example", NULL, "ads.camera.example"),
			 UMBOX_DROP);
	assert_int_equal(resolver_counts(resolver)->denied, 4);
	resolver_free(resolver);
}

static void private_addresses_of_public_names_are_rebinding(void **state)
{
	static const char *const bad[] = {
		"10.20.0.9",      "127.0.0.1",  "192.168.1.1", "172.31.0.1",    "169.254.0.1",
		"100.64.0.1",     "::1",        "fd00::1",     "fe80::1",       "::ffff:10.0.0.1",
		"64:ff9b::a00:1", "::10.0.0.1", "fec0::1",     "2002:a00:1::1",
	};
	static const char *const good[] = {
		"203.0.113.7", "172.32.0.1",  "100.128.0.1",        "0.0.0.0",
		"::",          "2001:db8::1", "::ffff:203.0.113.7",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct told told = {.count = 0};
		struct resolver *resolver = resolver_new(&usual, tell, &told);
		assert_int_equal(answer(resolver, "www.evil.example", bad[i], NULL), UMBOX_DROP);
		assert_string_equal(told.type, "dns-rebinding");
		assert_int_equal(answer(resolver, "nas.lan", bad[i], NULL), UMBOX_PASS);
		assert_int_equal(answer(resolver, "nas", bad[i], NULL), UMBOX_PASS);
		assert_int_equal(told.count, 1);
		resolver_free(resolver);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct told told = {.count = 0};
		struct resolver *resolver = resolver_new(&usual, tell, &told);
		assert_int_equal(answer(resolver, "www.good.example", good[i], NULL), UMBOX_PASS);
		assert_int_equal(told.count, 0);
		resolver_free(resolver);
	}
}

static void the_last_record_counts_too(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	struct test_dns dns;
	(void)state;
	start_dns(&dns, "www.evil.example", 3);
	put_dns_record(&dns, "www.evil.example", NULL, "x.evil.example");
	put_dns_record(&dns, "x.evil.example", "203.0.113.7", NULL);
	put_dns_record(&dns, "x.evil.example", "192.168.1.1", NULL);
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_DROP);
	assert_string_equal(told.detail, "192.168.1.1 as address of www.evil.example");
	resolver_free(resolver);
}

static void hints_count_as_addresses_and_aliases(void **state)
{
	struct told told = {.count = 0};
	struct resolver_settings settings = usual;
	struct test_dns dns;
	(void)state;
	settings.sift.deny = (struct sift_names){{"evil.example"}, 1};
	struct resolver *resolver = resolver_new(&settings, tell, &told);
	start_dns(&dns, "www.good.example", 1);
	put_dns_https(&dns, "www.good.example", "", "203.0.113.7", "192.168.1.1");
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_DROP);
	assert_string_equal(told.detail, "192.168.1.1 as address of www.good.example");
	start_dns(&dns, "www.good.example", 1);
	put_dns_https(&dns, "www.good.example", "evil.example", "203.0.113.7", "203.0.113.8");
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_DROP);
	assert_string_equal(told.detail, "an alias of evil.example");
	start_dns(&dns, "nas.lan", 1);
	put_dns_https(&dns, "nas.lan", "", "203.0.113.7", "192.168.1.1");
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_PASS);
	assert_int_equal(told.count, 2);
	resolver_free(resolver);
}

static void data_in_names_is_a_tunnel(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	char name[128];
	(void)state;
	for (int i = 0; i < 100; i++) /* one such name is a customer's number */
		assert_int_equal(ask(resolver, HEX ".cloud.example", i), UMBOX_PASS);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), HEX "%d.evil.co.uk", i);
		assert_int_equal(ask(resolver, name, 100), UMBOX_PASS);
	}
	assert_int_equal(told.count, 0);
	assert_int_equal(ask(resolver, HEX "4.evil.co.uk", 101), UMBOX_DROP);
	assert_string_equal(told.type, "dns-tunnel");
	assert_string_equal(told.detail, "5 names that look like data below evil.co.uk");
	assert_int_equal(told.last.count, 5);
	resolver_free(resolver);
}

static void a_slow_tunnel_is_seen(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	char name[128];
	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_int_equal(told.count, 0);
		snprintf(name, sizeof(name), HEX "%d.evil.example", i);
		ask(resolver, name, i * 100);
	}
	assert_int_equal(told.count, 1);
	assert_int_equal(told.last.count, 30);
	resolver_free(resolver);
}

/* A domain that looks like a suffix for all is somebody's. */
static void a_tunnel_below_a_short_domain_is_seen(void **state)
{
	static const char *const forms[] = {HEX "%d.abc.de", HEX "%d.x.abc.de",
					    "x." HEX "%d.abc.de"};
	static const char *const told_of[] = {"abc.de", "x.abc.de", "abc.de"};
	(void)state;
	for (size_t form = 0; form < sizeof(forms) / sizeof(*forms); form++) {
		struct told told = {.count = 0};
		struct resolver *resolver = resolver_new(&usual, tell, &told);
		char name[128], words[64];
		for (int i = 0; i < 5; i++) {
			assert_int_equal(told.count, 0);
			snprintf(name, sizeof(name), forms[form], i);
			assert_int_equal(ask(resolver, name, i), i < 4 ? UMBOX_PASS : UMBOX_DROP);
		}
		snprintf(words, sizeof(words), "5 names that look like data below %s",
			 told_of[form]);
		assert_string_equal(told.detail, words);
		assert_int_equal(resolver_counts(resolver)->tunnelled, 1);
		resolver_free(resolver);
	}
}

static void many_names_of_one_domain_in_an_hour_are_a_tunnel(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	char name[128];
	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(told.count, 0);
		snprintf(name, sizeof(name), "shortlabels%d.of.few.letters.evil.example", i);
		ask(resolver, name, i * 10);
	}
	assert_string_equal(told.detail, "200 different names below evil.example");
	resolver_free(resolver);
}

static void many_names_of_one_domain_are_a_tunnel(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	char name[128];
	(void)state;
	for (int i = 0; i < 49; i++) {
		snprintf(name, sizeof(name), "a%d.evil.example", i);
		assert_int_equal(ask(resolver, name, 0), UMBOX_PASS);
		snprintf(name, sizeof(name), "%d.0.20.10.in-addr.arpa", i);
		assert_int_equal(ask(resolver, name, 0), UMBOX_PASS);
	}
	for (int i = 0; i < 60; i++) { /* other domains are others */
		snprintf(name, sizeof(name), "www.example%d.org", i);
		assert_int_equal(ask(resolver, name, 1), UMBOX_PASS);
	}
	assert_int_equal(ask(resolver, "b.evil.example", 1), UMBOX_DROP);
	assert_string_equal(told.detail, "50 different names below evil.example");
	resolver_free(resolver);
}

static void what_looks_like_data(void **state)
{
	const struct sift_settings *settings = &usual.sift;
	char many[128];
	(void)state;
	memset(many, 'a', sizeof(many));
	assert_true(sift_is_coded(settings, HEX, 32));
	assert_true(sift_is_coded(settings, "x." HEX ".y", 36));
	assert_true(sift_is_coded(settings, many, 100));
	assert_false(sift_is_coded(settings, many, 60)); /* no entropy */
	assert_false(sift_is_coded(settings, HEX, 20));
	assert_false(sift_is_coded(settings, "device-metrics-us.api", 21));
	assert_int_equal(sift_base("a.b.example.org"), 4);
	assert_int_equal(sift_base("a.example.co.uk"), 2);
	assert_int_equal(sift_base("a.example.uk"), 2);
	assert_int_equal(sift_base("example.org"), 0);
	assert_int_equal(sift_base("co.uk"), 0);
	assert_int_equal(sift_base("org"), 0);
	assert_int_equal(sift_base(""), 0);
}

static void too_many_questions_are_told(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	(void)state;
	for (int i = 0; i < 199; i++)
		assert_int_equal(ask(resolver, "api.camera.example", 0), UMBOX_PASS);
	assert_int_equal(ask(resolver, "api.camera.example", 59), UMBOX_DROP);
	assert_string_equal(told.type, "dns-rate");
	assert_int_equal(told.last.count, 200);
	assert_int_equal(ask(resolver, "api.camera.example", 61), UMBOX_PASS);
	resolver_free(resolver);
}

static void nothing_rides_along_with_a_question(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	struct test_dns dns;
	uint8_t option[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	(void)state;
	start_dns(&dns, "a.example", 0);
	dns.bytes[11] = 1;
	put_dns(&dns, option, sizeof(option)); /* EDNS */
	assert_int_equal(send_udp(resolver, &dns, true, 0), UMBOX_PASS);
	put_dns(&dns, "x", 1);
	assert_int_equal(send_udp(resolver, &dns, true, 0), UMBOX_DROP);
	start_dns(&dns, "a.example", 0);
	dns.bytes[11] = 1;
	option[9] = 500 >> 8, option[10] = 500 & 0xff;
	put_dns(&dns, option, sizeof(option));
	put_dns(&dns, (uint8_t[500]){0}, 500);
	assert_int_equal(send_udp(resolver, &dns, true, 0), UMBOX_DROP);
	assert_int_equal(resolver_counts(resolver)->odd, 2);
	resolver_free(resolver);
}

static void what_cannot_be_read_is_dropped(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	struct test_dns dns;
	(void)state;
	start_dns(&dns, "a.example", 0);
	dns.bytes[5] = 2; /* a second question */
	assert_int_equal(send_udp(resolver, &dns, true, 0), UMBOX_DROP);
	start_dns(&dns, "a.example", 1);
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_DROP); /* no record */
	start_dns(&dns, "a.example", 0);
	dns.length = 12;
	dns.bytes[5] = 0;
	assert_int_equal(send_udp(resolver, &dns, false, 0), UMBOX_PASS); /* a bare refusal */
	struct test_frame frame; /* behind more extension headers than anybody needs */
	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "fd00::11", "fd00::1", 60, 80);
	for (int i = 0; i < 10; i++)
		put_bytes(&frame, (uint8_t[8]){i < 9 ? 60 : 17}, 8);
	struct umbox_frame judged = as_frame(&frame, UMBOX_IN, 0);
	assert_int_equal(resolver_frame(resolver, NULL, &judged), UMBOX_DROP);
	assert_int_equal(resolver_counts(resolver)->odd, 3);
	assert_int_equal(told.count, 0);
	resolver_free(resolver);
}

static void alerts_alone_drop_nothing(void **state)
{
	struct resolver_settings settings = usual;
	struct told told = {.count = 0};
	(void)state;
	settings.sift.drop = false;
	settings.sift.deny = (struct sift_names){{"*"}, 1};
	struct resolver *resolver = resolver_new(&settings, tell, &told);
	assert_int_equal(ask(resolver, "a.example", 0), UMBOX_PASS);
	assert_int_equal(answer(resolver, "a.example", "10.0.0.1", NULL), UMBOX_PASS);
	assert_int_equal(told.count, 2);
	resolver_free(resolver);
}

/* A segment of a connection that the device has opened. */
static enum umbox_verdict segment(struct resolver *resolver, bool by_device, uint8_t flags,
				  uint32_t sequence, uint32_t acknowledgment, const uint8_t *bytes,
				  uint16_t count)
{
	struct test_frame frame;
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, by_device ? DEVICE : SERVER, by_device ? SERVER : DEVICE, 6,
		 (uint16_t)(TCP_TEST_BYTES + count), 0);
	put_tcp(&frame, by_device ? 4000 : 53, by_device ? 53 : 4000, sequence, flags);
	set16(&frame, frame.length - 10, (uint16_t)acknowledgment);
	put_bytes(&frame, bytes, count);
	struct umbox_frame judged = as_frame(&frame, by_device ? UMBOX_IN : UMBOX_OUT, 0);
	return resolver_frame(resolver, NULL, &judged);
}

static void open_tcp(struct resolver *resolver)
{
	static const uint8_t nothing[1];
	segment(resolver, true, UMBOX_TCP_SYN, 100, 0, nothing, 0);
	segment(resolver, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, 200, 101, nothing, 0);
	segment(resolver, true, UMBOX_TCP_ACK, 101, 201, nothing, 0);
}

/* The message with its length before it. */
static struct test_dns as_tcp(const struct test_dns *dns)
{
	struct test_dns framed = {.length = 0};
	put_dns(&framed, (uint8_t[]){0, (uint8_t)dns->length}, 2);
	put_dns(&framed, dns->bytes, dns->length);
	return framed;
}

/* The last byte makes the message: it is the one that does not come through. */
static void messages_over_tcp_are_judged(void **state)
{
	struct resolver_settings settings = usual;
	struct told told = {.count = 0};
	struct test_dns dns;
	(void)state;
	settings.sift.deny = (struct sift_names){{"evil.example"}, 1};
	struct resolver *resolver = resolver_new(&settings, tell, &told);
	start_dns(&dns, "evil.example", 0);
	dns = as_tcp(&dns);
	open_tcp(resolver);
	for (uint16_t i = 0; i + 1 < dns.length; i++)
		assert_int_equal(
			segment(resolver, true, UMBOX_TCP_ACK, 101u + i, 201, dns.bytes + i, 1),
			UMBOX_PASS);
	assert_int_equal(told.count, 0);
	assert_int_equal(segment(resolver, true, UMBOX_TCP_ACK, 100u + dns.length, 201,
				 dns.bytes + dns.length - 1, 1),
			 UMBOX_DROP);
	assert_string_equal(told.type, "dns-denied");
	resolver_free(resolver);
}

static void two_answers_in_one_segment_are_two(void **state)
{
	struct told told = {.count = 0};
	struct resolver *resolver = resolver_new(&usual, tell, &told);
	struct test_dns good, bad;
	(void)state;
	start_dns(&good, "www.good.example", 1);
	put_dns_record(&good, "www.good.example", "203.0.113.7", NULL);
	start_dns(&bad, "www.evil.example", 1);
	put_dns_record(&bad, "www.evil.example", "10.0.0.1", NULL);
	good = as_tcp(&good);
	bad = as_tcp(&bad);
	put_dns(&good, bad.bytes, bad.length);
	open_tcp(resolver);
	assert_int_equal(segment(resolver, false, UMBOX_TCP_ACK, 201, 101, good.bytes, good.length),
			 UMBOX_DROP);
	assert_string_equal(told.type, "dns-rebinding");
	resolver_free(resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_allowed_and_denied),
		cmocka_unit_test(private_addresses_of_public_names_are_rebinding),
		cmocka_unit_test(the_last_record_counts_too),
		cmocka_unit_test(hints_count_as_addresses_and_aliases),
		cmocka_unit_test(data_in_names_is_a_tunnel),
		cmocka_unit_test(a_slow_tunnel_is_seen),
		cmocka_unit_test(a_tunnel_below_a_short_domain_is_seen),
		cmocka_unit_test(many_names_of_one_domain_in_an_hour_are_a_tunnel),
		cmocka_unit_test(many_names_of_one_domain_are_a_tunnel),
		cmocka_unit_test(what_looks_like_data),
		cmocka_unit_test(too_many_questions_are_told),
		cmocka_unit_test(nothing_rides_along_with_a_question),
		cmocka_unit_test(what_cannot_be_read_is_dropped),
		cmocka_unit_test(alerts_alone_drop_nothing),
		cmocka_unit_test(messages_over_tcp_are_judged),
		cmocka_unit_test(two_answers_in_one_segment_are_two),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
