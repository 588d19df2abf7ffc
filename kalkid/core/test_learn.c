/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_learn.c - what a device comes to own, for how long, and what it cannot take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/learn.h"

enum { SECOND = 1000000, WALL = 77 };

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_int_equal(ip_parse(&ip, text, NULL), 0);
	return ip;
}

static bool ask(struct device_identity *device, struct learning *learning, uint32_t xid,
		int64_t now_us)
{
	return learn_take(device, learning, &(struct claim){.kind = CLAIM_ASK, .xid = xid}, now_us,
			  WALL);
}

static bool lease(struct device_identity *device, struct learning *learning, const char *ip,
		  uint32_t xid, int64_t now_us)
{
	const struct claim claim = {
		.kind = CLAIM_LEASE, .ip = ip_of(ip), .xid = xid, .lease_us = 100 * SECOND};
	return learn_take(device, learning, &claim, now_us, WALL);
}

static bool announce(struct device_identity *device, enum claim_kind kind, const char *ip,
		     int64_t now_us)
{
	struct learning none = {0};
	return learn_take(device, &none, &(struct claim){.kind = kind, .ip = ip_of(ip)}, now_us,
			  WALL);
}

static void a_lease_answers_a_question(void **state)
{
	struct device_identity device = {0};
	struct learning learning = {0};
	const struct ip first = ip_of("10.0.0.5"), second = ip_of("10.0.0.6");
	(void)state;
	assert_false(device_is_bound(&device, 4));
	assert_false(lease(&device, &learning, "10.0.0.5", 7, 1));
	assert_false(ask(&device, &learning, 7, 1));
	assert_false(lease(&device, &learning, "10.0.0.5", 8, 2));
	assert_false(lease(&device, &learning, "10.0.0.5", 7, 2 + LEARN_ANSWER_US));
	assert_int_equal(device.learnt_count, 0);
	assert_true(lease(&device, &learning, "10.0.0.5", 7, 2));
	assert_true(device_owns_ip(&device, &first) && device_vouched_ip(&device, &first));
	assert_true(device_is_bound(&device, 4) && !device_is_bound(&device, 6));
	assert_int_equal(device.learnt[0].since_wall_us, WALL);
	/* Another one takes its place. */
	ask(&device, &learning, 9, 3);
	assert_true(lease(&device, &learning, "10.0.0.6", 9, 3));
	assert_true(device_owns_ip(&device, &second) && !device_owns_ip(&device, &first));
}

static void a_lease_ends_and_binds_for_ever(void **state)
{
	struct device_identity device = {0};
	struct learning learning = {0};
	const struct ip ip = ip_of("10.0.0.5");
	(void)state;
	ask(&device, &learning, 7, 1);
	assert_true(lease(&device, &learning, "10.0.0.5", 7, 0));
	assert_int_equal(learn_next_us(&device), 100 * SECOND);
	assert_false(learn_expire(&device, 100 * SECOND - 1));
	/* A renewal needs no question: it is unicast, and not heard. */
	assert_false(lease(&device, &learning, "10.0.0.5", 99, 50 * SECOND));
	assert_int_equal(learn_next_us(&device), 150 * SECOND);
	assert_true(learn_expire(&device, 150 * SECOND));
	assert_false(device_owns_ip(&device, &ip));
	assert_true(device_is_bound(&device, 4));
	assert_true(learn_next_us(&device) == INT64_MAX);
	assert_true(lease(&device, &learning, "10.0.0.5", 99, 200 * SECOND));
	assert_true(device_owns_ip(&device, &ip));
	/* A restart may have missed a renewal. */
	learn_resume(&device, 290 * SECOND);
	assert_int_equal(learn_next_us(&device), 390 * SECOND);
}

static void announcements_are_bounded(void **state)
{
	struct device_identity device = {
		.ips = {ip_of("10.0.0.5")}, .ip_count = 1, .addresses = DEVICE_ADDRESSES_LEARN};
	const struct ip first = ip_of("fd00::0"), second = ip_of("fd00::1");
	char text[16];
	(void)state;
	for (int i = 0; i < DEVICE_IPS_MAX - 1; i++) {
		snprintf(text, sizeof(text), "fd00::%d", i);
		assert_true(announce(&device, CLAIM_ND, text, i));
		assert_false(announce(&device, CLAIM_ND, text, i));
	}
	assert_false(device_vouched_ip(&device, &first));
	assert_false(announce(&device, CLAIM_ND, "fd00::99", 100));
	/* What was not heard for the longest time makes room, not too soon. */
	assert_false(announce(&device, CLAIM_ND, "fd00::0", LEARN_REPLACE_US));
	assert_true(announce(&device, CLAIM_ND, "fd00::99", LEARN_REPLACE_US + 100));
	assert_true(device_owns_ip(&device, &first) && !device_owns_ip(&device, &second));
	assert_int_equal(device.ip_count + device.learnt_count, DEVICE_IPS_MAX);
	assert_true(learn_forget(&device, &first));
	assert_false(learn_forget(&device, &first));
}

static void arp_is_heard_once_and_where_it_is_allowed(void **state)
{
	struct device_identity device = {.addresses = DEVICE_ADDRESSES_LEARN_ARP}, shy = {0};
	struct learning learning = {0};
	(void)state;
	assert_false(announce(&shy, CLAIM_ARP, "10.0.0.5", 1));
	assert_true(announce(&device, CLAIM_ARP, "10.0.0.5", 1));
	assert_false(announce(&device, CLAIM_ARP, "10.0.0.6", 2));
	assert_int_equal(device.learnt_count, 1);
	/* The server knows better. */
	ask(&device, &learning, 7, 3);
	assert_true(lease(&device, &learning, "10.0.0.5", 7, 3));
	assert_int_equal(device.learnt_count, 1);
	assert_int_equal(device.learnt[0].how, LEARNT_LEASE);
}

static void only_what_learns_learns(void **state)
{
	struct learning learning = {0};
	struct device_identity fixed = {.ips = {ip_of("10.0.0.5")}, .ip_count = 1};
	struct device_identity any = {.addresses = DEVICE_ADDRESSES_ANY};
	(void)state;
	ask(&fixed, &learning, 7, 1);
	assert_false(lease(&fixed, &learning, "10.0.0.6", 7, 1));
	assert_false(announce(&fixed, CLAIM_ND, "fd00::5", 1));
	assert_false(announce(&any, CLAIM_ND, "fd00::5", 1));
	assert_int_equal(fixed.learnt_count + any.learnt_count, 0);
}

static void what_was_learnt_follows_the_definition(void **state)
{
	struct device_identity before = {0}, after = {0};
	struct learning learning = {0};
	(void)state;
	ask(&before, &learning, 7, 1);
	assert_true(lease(&before, &learning, "10.0.0.5", 7, 1));
	assert_true(announce(&before, CLAIM_ND, "fd00::5", 1));
	assert_true(device_same_identity(&before, &before));
	assert_false(device_same_identity(&before, &after));
	device_keep_learnt(&after, &before);
	assert_int_equal(after.learnt_count, 2);
	assert_true(device_same_identity(&before, &after));
	after.ips[after.ip_count++] = ip_of("10.0.0.5");
	after.addresses = DEVICE_ADDRESSES_LEARN;
	device_keep_learnt(&after, &before);
	assert_int_equal(after.learnt_count, 1);
	after.addresses = DEVICE_ADDRESSES_FIXED;
	device_keep_learnt(&after, &before);
	assert_int_equal(after.learnt_count, 0);
	/* Another MAC is another device. */
	after = (struct device_identity){.mac = {{2, 0, 0, 0, 0, 1}}};
	device_keep_learnt(&after, &before);
	assert_int_equal(after.learnt_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_answers_a_question),
		cmocka_unit_test(a_lease_ends_and_binds_for_ever),
		cmocka_unit_test(announcements_are_bounded),
		cmocka_unit_test(arp_is_heard_once_and_where_it_is_allowed),
		cmocka_unit_test(only_what_learns_learns),
		cmocka_unit_test(what_was_learnt_follows_the_definition),
	};
	return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
