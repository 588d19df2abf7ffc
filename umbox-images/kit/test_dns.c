/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns.c - messages as they should be and as they should not, patterns of names, prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"
#include "umbox_dns.h"

static void assert_address(struct umbox_dns_record *record, const char *expected)
{
	char printed[UMBOX_IP_TEXT_BYTES];
	struct umbox_ip ip;
	assert_true(umbox_dns_address(record, &ip));
	umbox_ip_print(printed, &ip);
	assert_string_equal(printed, expected);
}

static void assert_no_address(struct umbox_dns_record *record)
{
	struct umbox_ip ip;
	assert_false(umbox_dns_address(record, &ip));
}

static void an_answer_is_read(void **state)
{
	struct test_dns made;
	struct umbox_dns dns;
	struct umbox_dns_record record;
	(void)state;
	start_dns(&made, "API.Camera.Example", 3);
	put_dns_record(&made, "api.camera.example", NULL, "x.cdn.example");
	put_dns_record(&made, "x.cdn.example", "203.0.113.7", NULL);
	put_dns_record(&made, "x.cdn.example", "2001:db8::7", NULL);
	assert_true(umbox_dns_open(&dns, made.bytes, made.length));
	assert_true(dns.answer);
	assert_int_equal(dns.id, 7);
	assert_string_equal(dns.name, "api.camera.example");
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_string_equal(record.target, "x.cdn.example");
	assert_no_address(&record);
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_string_equal(record.name, "x.cdn.example");
	assert_int_equal(record.ttl_s, 60);
	assert_address(&record, "203.0.113.7");
	assert_no_address(&record);
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_address(&record, "2001:db8::7");
	assert_no_address(&record);
	assert_int_equal(umbox_dns_next(&dns, &record), 0);
}

static void hints_are_read(void **state)
{
	struct test_dns made;
	struct umbox_dns dns;
	struct umbox_dns_record record;
	(void)state;
	start_dns(&made, "a.example", 1);
	put_dns_https(&made, "a.example", "x.example", "203.0.113.7", "10.0.0.1");
	uint16_t length = made.length;
	assert_true(umbox_dns_open(&dns, made.bytes, length));
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_int_equal(record.type, UMBOX_DNS_HTTPS);
	assert_string_equal(record.target, "x.example");
	assert_address(&record, "203.0.113.7");
	assert_address(&record, "10.0.0.1");
	assert_address(&record, "fd00::1");
	assert_no_address(&record);
	assert_int_equal(umbox_dns_next(&dns, &record), 0);
	made.bytes[length - 1 - 16 - 2]++; /* the last hint's key: of no addresses */
	assert_true(umbox_dns_open(&dns, made.bytes, length));
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_address(&record, "203.0.113.7");
	assert_address(&record, "10.0.0.1");
	assert_no_address(&record);
	made.bytes[length - 1 - 16]++; /* its length: longer than there is */
	assert_true(umbox_dns_open(&dns, made.bytes, length));
	assert_int_equal(umbox_dns_next(&dns, &record), -1);
}

static void what_is_cut_short_is_told(void **state)
{
	struct test_dns made;
	(void)state;
	start_dns(&made, "api.camera.example", 1);
	put_dns_record(&made, "api.camera.example", "203.0.113.7", NULL);
	for (uint16_t length = 0; length < made.length; length++) {
		struct umbox_dns dns;
		struct umbox_dns_record record;
		uint8_t *bytes = malloc(length ? length : 1);
		memcpy(bytes, made.bytes, length);
		if (umbox_dns_open(&dns, bytes, length))
			assert_int_equal(umbox_dns_next(&dns, &record), -1);
		free(bytes);
	}
}

static void pointers_lead_back(void **state)
{
	static const uint8_t loops[][18] = {
		{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1},   /* itself */
		{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 14, 0, 1, 0, 1},   /* ahead */
		{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0xc0, 12, 0, 1}, /* round */
		{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 12, 0, 1, 0, 1},   /* neither */
		{0, 7, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0},     /* two questions */
	};
	struct umbox_dns dns;
	struct test_dns made;
	struct umbox_dns_record record;
	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
		assert_false(umbox_dns_open(&dns, loops[i], sizeof(loops[i])));
	start_dns(&made, "a.example", 1);
	put_dns(&made, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4", 16);
	assert_true(umbox_dns_open(&dns, made.bytes, made.length));
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	assert_string_equal(record.name, "a.example");
}

/* What next says of a record whose name is so many pointers, one behind the other. */
static int next_after_jumps(uint16_t jumps)
{
	struct test_dns made;
	struct umbox_dns dns;
	struct umbox_dns_record record;
	start_dns(&made, "a.example", 2);
	put_dns(&made, "\0\0\x10\0\1\0\0\0\x3c", 9); /* a text, which holds all but the last */
	uint16_t bytes = (uint16_t)(2 * (jumps - 1)), to = 12;
	put_dns(&made, (uint8_t[]){(uint8_t)(bytes >> 8), (uint8_t)bytes}, 2);
	for (uint16_t i = 0; i < jumps; i++) {
		uint16_t at = made.length;
		put_dns(&made, (uint8_t[]){(uint8_t)(0xc0 | to >> 8), (uint8_t)to}, 2);
		to = at;
	}
	put_dns(&made, "\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4", 14);
	assert_true(umbox_dns_open(&dns, made.bytes, made.length));
	assert_int_equal(umbox_dns_next(&dns, &record), 1);
	return umbox_dns_next(&dns, &record);
}

static void pointers_are_not_many(void **state)
{
	(void)state;
	assert_int_equal(next_after_jumps(127), 1);
	assert_int_equal(next_after_jumps(128), -1);
}

/* A label "good.example" under "evil" must not read as if it were two. */
static void a_dot_within_a_label_is_no_dot(void **state)
{
	static const uint8_t bytes[] = "\0\7\1\0\0\1\0\0\0\0\0\0\3a.b\1c\0\0\1\0\1";
	struct umbox_dns dns;
	(void)state;
	assert_true(umbox_dns_open(&dns, bytes, sizeof(bytes) - 1));
	assert_string_equal(dns.name, "a?b.c");
}

static void patterns_mean_names(void **state)
{
	(void)state;
	assert_true(umbox_dns_is("Example.org", "example.org"));
	assert_false(umbox_dns_is("example.org", "a.example.org"));
	assert_true(umbox_dns_is("*.example.org", "b.a.example.org"));
	assert_false(umbox_dns_is("*.example.org", "example.org"));
	assert_false(umbox_dns_is("*.example.org", "badexample.org"));
	assert_true(umbox_dns_is("*", "anything"));
}

static void prefixes_have_addresses(void **state)
{
	static const char *const bad[] = {"",           "10",     "10.0.0.0/",   "10.0.0.0/33",
					  "10.0.0.0/x", "::/129", "10.0.0.0/8 ", "/8"};
	struct umbox_prefix prefix;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(umbox_prefix_parse(&prefix, bad[i]));
	assert_true(umbox_prefix_parse(&prefix, "172.16.0.0/12"));
	assert_true(umbox_prefix_has(&prefix, &(struct umbox_ip){4, {172, 31, 255, 255}}));
	assert_false(umbox_prefix_has(&prefix, &(struct umbox_ip){4, {172, 32, 0, 0}}));
	assert_false(umbox_prefix_has(&prefix, &(struct umbox_ip){6, {172, 16}}));
	assert_true(umbox_prefix_parse(&prefix, "2001:db8::1"));
	assert_int_equal(prefix.bits, 128);
	assert_true(umbox_prefix_parse(&prefix, "0.0.0.0/0"));
	assert_true(umbox_prefix_has(&prefix, &(struct umbox_ip){4, {8, 8, 8, 8}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read),
		cmocka_unit_test(hints_are_read),
		cmocka_unit_test(what_is_cut_short_is_told),
		cmocka_unit_test(pointers_lead_back),
		cmocka_unit_test(pointers_are_not_many),
		cmocka_unit_test(a_dot_within_a_label_is_no_dot),
		cmocka_unit_test(patterns_mean_names),
		cmocka_unit_test(prefixes_have_addresses),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
