/* SPDX-License-Identifier: Apache-2.0 */
/* test_table.c - the bounded table: finding, forgetting the oldest, removing, walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "umbox_table.h"

static void put(struct umbox_table *table, uint32_t key, uint64_t value)
{
	*(uint64_t *)umbox_table_put(table, &key) = value;
}

static uint64_t get(struct umbox_table *table, uint32_t key)
{
	const uint64_t *value = umbox_table_find(table, &key);
	return value ? *value : 0;
}

static void what_is_put_is_found(void **state)
{
	struct umbox_table *table = umbox_table_new(1000, sizeof(uint32_t), sizeof(uint64_t));
	(void)state;
	for (uint32_t i = 1; i <= 1000; i++)
		put(table, i, i * 3ull);
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(get(table, i), i * 3ull);
	assert_int_equal(get(table, 1001), 0);
	assert_int_equal(umbox_table_count(table), 1000);
	assert_int_equal(umbox_table_pushed_out(table), 0);
	umbox_table_free(table);
}

static void the_longest_unused_goes_first(void **state)
{
	struct umbox_table *table = umbox_table_new(3, sizeof(uint32_t), sizeof(uint64_t));
	(void)state;
	assert_null(umbox_table_oldest(table));
	put(table, 1, 10);
	put(table, 2, 20);
	put(table, 3, 30);
	assert_int_equal(get(table, 1), 10); /* now 2 is the oldest */
	assert_int_equal(*(const uint64_t *)umbox_table_oldest(table), 20);
	put(table, 4, 40);
	assert_int_equal(umbox_table_pushed_out(table), 1);
	assert_int_equal(get(table, 2), 0);
	assert_int_equal(get(table, 1), 10);
	assert_int_equal(get(table, 3), 30);
	assert_int_equal(get(table, 4), 40);
	umbox_table_free(table);
}

static void a_new_entry_is_zeroed(void **state)
{
	struct umbox_table *table = umbox_table_new(1, sizeof(uint32_t), sizeof(uint64_t));
	(void)state;
	put(table, 1, 77);
	assert_int_equal(*(uint64_t *)umbox_table_put(table, &(uint32_t){2}), 0);
	umbox_table_free(table);
}

static void removed_places_are_used_again(void **state)
{
	struct umbox_table *table = umbox_table_new(4, sizeof(uint32_t), sizeof(uint64_t));
	(void)state;
	for (uint32_t i = 1; i < 1000; i++) {
		put(table, i, i);
		put(table, i + 10000, i);
		umbox_table_remove(table, &i);
		umbox_table_remove(table, &i); /* nothing there any more */
		assert_int_equal(get(table, i), 0);
		umbox_table_remove(table, &(uint32_t){i + 10000});
	}
	assert_int_equal(umbox_table_count(table), 0);
	assert_int_equal(umbox_table_pushed_out(table), 0);
	umbox_table_free(table);
}

static void walks_from_the_newest(void **state)
{
	struct umbox_table *table = umbox_table_new(8, sizeof(uint32_t), sizeof(uint64_t));
	const void *key;
	uint32_t cursor = 0;
	(void)state;
	for (uint32_t i = 1; i <= 5; i++)
		put(table, i, i * 10);
	for (uint32_t i = 5; i >= 1; i--) {
		const uint64_t *value = umbox_table_each(table, &cursor, &key);
		assert_int_equal(*value, i * 10);
		assert_int_equal(*(const uint32_t *)key, i);
	}
	assert_null(umbox_table_each(table, &cursor, &key));
	umbox_table_clear(table);
	cursor = 0;
	assert_null(umbox_table_each(table, &cursor, &key));
	assert_int_equal(umbox_table_count(table), 0);
	umbox_table_free(table);
}

/* Against a model that remembers when each of a few keys was last used. */
static void behaves_as_a_model(void **state)
{
	enum { KEYS = 24, ROOM = 7 };
	struct umbox_table *table = umbox_table_new(ROOM, sizeof(uint32_t), sizeof(uint64_t));
	uint64_t used[KEYS] = {0}, clock = 0;
	unsigned seed = 5;
	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		uint32_t key = (uint32_t)rand_r(&seed) % KEYS;
		unsigned count = 0, oldest = KEYS;
		assert_int_equal(get(table, key) != 0, used[key] != 0);
		if (used[key])
			used[key] = ++clock;
		if (rand_r(&seed) % 4 == 0) {
			umbox_table_remove(table, &key);
			used[key] = 0;
			continue;
		}
		for (unsigned i = 0; i < KEYS; i++) {
			count += used[i] != 0;
			if (used[i] && (oldest == KEYS || used[i] < used[oldest]))
				oldest = i;
		}
		if (!used[key] && count == ROOM)
			used[oldest] = 0;
		put(table, key, 1);
		used[key] = ++clock;
	}
	umbox_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_found),
		cmocka_unit_test(the_longest_unused_goes_first),
		cmocka_unit_test(a_new_entry_is_zeroed),
		cmocka_unit_test(removed_places_are_used_again),
		cmocka_unit_test(walks_from_the_newest),
		cmocka_unit_test(behaves_as_a_model),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
