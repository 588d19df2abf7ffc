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
	umbox_blocks_add(blocks, &one, 100);
	umbox_blocks_add(blocks, &one, 50);
	assert_true(umbox_blocks_has(blocks, &one, 99));
	assert_false(umbox_blocks_has(blocks, &one, 100));
	assert_false(umbox_blocks_has(blocks, &two, 0));
	umbox_blocks_free(blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_within_the_interval),
		cmocka_unit_test(a_crowd_is_told),
		cmocka_unit_test(blocks_end),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
