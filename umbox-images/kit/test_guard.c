/* SPDX-License-Identifier: Apache-2.0 */
/* test_guard.c - counts within sliding intervals, pauses of alerts, blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "umbox_guard.h"

#define SECOND INT64_C(1000000)

static struct umbox_tally_result add(struct umbox_tally *tally, uint32_t key, int64_t second)
{
	struct umbox_tally_result result;
	umbox_tally_add(tally, &key, second * SECOND, &result);
	return result;
}

static void too_many_within_the_interval(void **state)
{
	struct umbox_tally *tally = umbox_tally_new(8, sizeof(uint32_t), 3, 10 * SECOND,
						    60 * SECOND);
	(void)state;
	assert_false(add(tally, 1, 0).over);
	assert_false(add(tally, 1, 5).over);
	assert_false(add(tally, 2, 5).over);  /* another key */
	assert_false(add(tally, 1, 11).over); /* the first has passed */
	struct umbox_tally_result third = add(tally, 1, 12);
	assert_true(third.over && third.tell);
	assert_int_equal(third.count, 3);
	assert_false(add(tally, 1, 13).tell);
	assert_true(add(tally, 1, 14).over);
	for (int64_t second = 20; second < 72; second += 2)
		assert_false(add(tally, 1, second).tell);
	struct umbox_tally_result later = add(tally, 1, 72);
	assert_true(later.tell);
	assert_int_equal(later.count, 2 + 26 + 1); /* nothing is left out */
	umbox_tally_free(tally);
}

static void a_crowd_is_told(void **state)
{
	struct umbox_tally *tally = umbox_tally_new(2, sizeof(uint32_t), 3, 10 * SECOND, 0);
	(void)state;
	assert_false(add(tally, 1, 0).crowded);
	assert_false(add(tally, 2, 1).crowded);
	assert_false(add(tally, 2, 2).crowded);
	assert_true(add(tally, 3, 10).crowded);
	assert_false(add(tally, 4, 20).crowded); /* 2 was last seen long enough ago */
	umbox_tally_free(tally);
}

static void blocks_end(void **state)
{
	struct umbox_blocks *blocks = umbox_blocks_new(4);
	struct umbox_ip one = {.family = 4, .octet = {10, 0, 0, 1}}, two = {.family = 6};
	(void)state;
	assert_false(umbox_blocks_has(blocks, &one, 0));
	umbox_blocks_add(blocks, &one, 0, 100);
	umbox_blocks_add(blocks, &one, 0, 50);
	assert_true(umbox_blocks_has(blocks, &one, 99));
	assert_false(umbox_blocks_has(blocks, &one, 100));
	assert_false(umbox_blocks_has(blocks, &two, 0));
	umbox_blocks_free(blocks);
}

static void nobody_frees_himself_by_making_up_others(void **state)
{
	struct umbox_blocks *blocks = umbox_blocks_new(4);
	struct umbox_ip ip = {.family = 4};
	(void)state;
	for (uint8_t i = 1; i <= 6; i++) {
		ip.octet[3] = i;
		umbox_blocks_add(blocks, &ip, 0, i == 2 ? 50 : 100);
	}
	for (uint8_t i = 1; i <= 6; i++) {
		ip.octet[3] = i;
		assert_int_equal(umbox_blocks_has(blocks, &ip, 10), i <= 4);
	}
	umbox_blocks_add(blocks, &ip, 60, 100); /* the second is over */
	assert_true(umbox_blocks_has(blocks, &ip, 60));
	umbox_blocks_free(blocks);
}

static void a_network_of_six_is_blocked_but_not_a_link(void **state)
{
	struct umbox_blocks *blocks = umbox_blocks_new(4);
	struct umbox_ip one = {.family = 6, .octet = {0x20, 1, [7] = 5, [15] = 1}}, other = one;
	(void)state;
	other.octet[15] = 2;
	umbox_blocks_add(blocks, &one, 0, 100);
	assert_true(umbox_blocks_has(blocks, &one, 0));
	assert_false(umbox_blocks_has(blocks, &other, 0));
	umbox_blocks_add_network(blocks, &one, 0, 100);
	assert_true(umbox_blocks_has(blocks, &other, 0));
	other.octet[7] = 6;
	assert_false(umbox_blocks_has(blocks, &other, 0));
	one = other = (struct umbox_ip){.family = 6, .octet = {0xfe, 0x80, [15] = 1}};
	other.octet[15] = 2;
	umbox_blocks_add_network(blocks, &one, 0, 100);
	assert_true(umbox_blocks_has(blocks, &one, 0));
	assert_false(umbox_blocks_has(blocks, &other, 0));
	umbox_blocks_free(blocks);
}

static void addresses_of_a_network_count_together(void **state)
{
	struct umbox_sources *sources =
		umbox_sources_new(8, &(struct umbox_sources_limits){.limit = 3,
								    .network_limit = 5,
								    .interval_us = 10 * SECOND,
								    .alert_pause_us = 60 * SECOND});
	struct umbox_sources_result result;
	struct umbox_ip ip = {.family = 6, .octet = {0x20, 1}};
	(void)state;
	for (uint8_t i = 1; i <= 4; i++) {
		ip.octet[15] = i;
		umbox_sources_add(sources, &ip, 0, &result);
		assert_false(result.over);
	}
	umbox_sources_add(sources, &ip, 0, &result);
	assert_true(result.over && result.tell && result.network);
	assert_int_equal(result.count, 5);
	umbox_sources_add(sources, &ip, 0, &result);
	assert_true(result.over && result.tell && !result.network);
	assert_int_equal(result.count, 3);
	ip = (struct umbox_ip){.family = 6, .octet = {0xfe, 0x80}};
	for (uint8_t i = 1; i <= 8; i++) {
		ip.octet[15] = i;
		umbox_sources_add(sources, &ip, 0, &result);
		assert_false(result.over);
		assert_int_equal(result.crowded, i == 5); /* told once */
	}
	umbox_sources_free(sources);
}

static struct umbox_spread_result spread_add(struct umbox_spread *spread, uint32_t key,
					     uint16_t thing, int64_t second)
{
	struct umbox_spread_result result;
	umbox_spread_add(spread, &key, &thing, second * SECOND, &result);
	return result;
}

static const struct umbox_spread_limits spread_limits = {
	.many = 3,
	.slow_many = 5,
	.interval_us = 10 * SECOND,
	.slow_interval_us = 100 * SECOND,
	.alert_pause_us = 60 * SECOND,
};

static void different_things_are_counted(void **state)
{
	struct umbox_spread *spread = umbox_spread_new(8, sizeof(uint32_t), sizeof(uint16_t),
						       &spread_limits);
	(void)state;
	for (int64_t i = 0; i < 100; i++) /* the same two for ever */
		assert_false(spread_add(spread, 1, (uint16_t)(i % 2), 0).over);
	assert_false(spread_add(spread, 2, 7, 1).over);  /* another key */
	assert_false(spread_add(spread, 1, 7, 11).over); /* the first two have passed */
	assert_false(spread_add(spread, 1, 1, 12).over);
	struct umbox_spread_result third = spread_add(spread, 1, 9, 13);
	assert_true(third.over && third.tell);
	assert_int_equal(third.count, 3);
	assert_int_equal(third.interval_us, 10 * SECOND);
	for (uint16_t i = 0; i < 59; i++)
		assert_false(spread_add(spread, 1, (uint16_t)(100 + i), 14 + i).tell);
	third = spread_add(spread, 1, 1000, 73);
	assert_true(third.tell);
	assert_int_equal(third.count, 60);
	umbox_spread_free(spread);
}

static void the_slow_are_counted_longer(void **state)
{
	struct umbox_spread *spread = umbox_spread_new(8, sizeof(uint32_t), sizeof(uint16_t),
						       &spread_limits);
	(void)state;
	for (uint16_t i = 0; i < 4; i++)
		assert_false(spread_add(spread, 1, i, i * 20).over);
	assert_false(spread_add(spread, 1, 4, 101).over); /* the first has passed */
	struct umbox_spread_result fifth = spread_add(spread, 1, 5, 110);
	assert_true(fifth.tell);
	assert_int_equal(fifth.count, 5);
	assert_int_equal(fifth.interval_us, 100 * SECOND);
	umbox_spread_free(spread);
}

static void a_crowd_of_spreads_is_told(void **state)
{
	struct umbox_spread *spread = umbox_spread_new(2, sizeof(uint32_t), sizeof(uint16_t),
						       &spread_limits);
	(void)state;
	assert_false(spread_add(spread, 1, 1, 0).crowded);
	assert_false(spread_add(spread, 2, 1, 5).crowded);
	assert_true(spread_add(spread, 3, 1, 10).crowded);
	assert_false(spread_add(spread, 4, 1, 16).crowded);
	umbox_spread_free(spread);
}

/* The low half of the milliseconds begins anew after 49 days. */
static void nothing_old_seems_new_again(void **state)
{
	const int64_t round = (INT64_C(1) << 32) / 1000, last = round - 3;
	struct umbox_tally *tally = umbox_tally_new(8, sizeof(uint32_t), 3, 10 * SECOND, 0);
	struct umbox_spread *spread = umbox_spread_new(8, sizeof(uint32_t), sizeof(uint16_t),
						       &spread_limits);
	(void)state;
	for (int64_t second = 0; second < 2; second++) {
		assert_false(add(tally, 1, second).over);
		assert_false(spread_add(spread, 1, (uint16_t)second, second).over);
	}
	assert_int_equal(add(tally, 1, round + 1).count, 1);
	assert_int_equal(spread_add(spread, 1, 7, round + 1).count, 1);
	assert_int_equal(add(tally, 2, last).count, 1); /* and in between nothing is lost */
	assert_int_equal(add(tally, 2, round + 2).count, 2);
	assert_true(add(tally, 2, round + 4).over);
	assert_int_equal(spread_add(spread, 2, 1, last).count, 1);
	assert_int_equal(spread_add(spread, 2, 2, round + 2).count, 2);
	assert_true(spread_add(spread, 2, 3, round + 4).over);
	umbox_tally_free(tally);
	umbox_spread_free(spread);
}

static void high_limits_take_no_more_memory(void **state)
{
	struct umbox_spread_limits limits = spread_limits;
	struct umbox_spread *few = umbox_spread_new(1024, sizeof(uint32_t), 16, &limits);
	(void)state;
	limits.slow_many = UMBOX_TALLY_LIMIT_MAX;
	struct umbox_spread *many = umbox_spread_new(1024, sizeof(uint32_t), 16, &limits);
	assert_int_equal(umbox_spread_capacity(few), 1024);
	assert_in_range(umbox_spread_capacity(many), 400,
			UMBOX_SPREAD_BYTES / (UMBOX_TALLY_LIMIT_MAX * 8));
	umbox_spread_free(few);
	umbox_spread_free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_within_the_interval),
		cmocka_unit_test(a_crowd_is_told),
		cmocka_unit_test(blocks_end),
		cmocka_unit_test(nobody_frees_himself_by_making_up_others),
		cmocka_unit_test(a_network_of_six_is_blocked_but_not_a_link),
		cmocka_unit_test(addresses_of_a_network_count_together),
		cmocka_unit_test(different_things_are_counted),
		cmocka_unit_test(the_slow_are_counted_longer),
		cmocka_unit_test(a_crowd_of_spreads_is_told),
		cmocka_unit_test(nothing_old_seems_new_again),
		cmocka_unit_test(high_limits_take_no_more_memory),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
