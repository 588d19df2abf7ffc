/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/test_queue.c - the queue is bounded, keeps the latest intent, and takes
 * back what failed. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/queue.h"

static bool add(struct queue *queue, uint64_t id, unsigned max)
{
	return queue_add_event(queue, &(struct event){.id = id, .json = "{}"}, max);
}

static void events_are_bounded_by_count(void **state maybe_unused)
{
	struct queue queue = {0};
	assert_true(queue_is_empty(&queue));
	assert_true(add(&queue, 1, 2));
	assert_true(queue_add_mark(&queue, 1, "root", NULL, 2));
	assert_false(add(&queue, 3, 2));
	assert_int_equal(queue.first->event.id, 1);
	assert_string_equal(queue.last->who, "root");
	assert_string_equal(queue.last->event.json, "");
	assert_false(queue_has_intent(&queue));
	assert_false(queue_is_empty(&queue));
	queue_done(&queue);
}

static void events_are_bounded_by_bytes(void **state maybe_unused)
{
	struct queue queue = {0};
	size_t bytes = QUEUE_BYTES_MAX / 4;
	cleanup_free char *json = mem_alloc(bytes);
	memset(json, 'x', bytes - 1);
	struct event event = {.id = 1, .json = json};
	for (unsigned i = 0; i < 3; i++)
		assert_true(queue_add_event(&queue, &event, 100));
	assert_false(queue_add_event(&queue, &event, 100));
	assert_true(add(&queue, 2, 100));
	queue_done(&queue);
}

static void the_latest_intent_of_a_device_counts(void **state maybe_unused)
{
	struct queue queue = {0};
	struct device device = {.number = 5, .name = "old"};
	queue_put_device(&queue, &device);
	strcpy(device.name, "new");
	queue_put_device(&queue, &device);
	assert_int_equal(HASH_COUNT(queue.changes), 1);
	assert_string_equal(queue.changes->device.name, "new");
	assert_int_equal(queue.changes->machine_change, CHANGE_NONE);
	queue_delete_device(&queue, 5);
	assert_int_equal(queue.changes->device_change, CHANGE_DELETE);
	assert_int_equal(queue.changes->machine_change, CHANGE_DELETE);
	queue_put_device(&queue, &device);
	assert_int_equal(queue.changes->device_change, CHANGE_PUT);
	assert_int_equal(queue.changes->machine_change, CHANGE_DELETE);
	queue_done(&queue);
}

static void what_failed_stands_before_what_came_since(void **state maybe_unused)
{
	struct queue failed = {0}, queue = {0};
	for (unsigned id = 1; id <= 3; id++)
		assert_true(add(&failed, id, 3));
	for (unsigned id = 4; id <= 6; id++)
		assert_true(add(&queue, id, 3));
	assert_int_equal(queue_put_back(&queue, &failed, 5), 1);
	unsigned id = 0;
	for (struct entry *entry = queue.first; entry; entry = entry->next)
		assert_int_equal(entry->event.id, ++id);
	assert_int_equal(id, 5);
	assert_int_equal(queue.last->event.id, 5);
	assert_true(queue_is_empty(&failed));
	queue_done(&queue);
}

static void newer_intent_wins_over_what_failed(void **state maybe_unused)
{
	struct queue failed = {0}, queue = {0};
	struct device device = {.number = 1, .name = "old"};
	struct machine_record machine = {.device = 1, .generation = 1};
	queue_put_device(&failed, &device);
	queue_put_machine(&failed, &machine);
	failed.counters[COUNTER_UMBOX] = 100;
	failed.counters[COUNTER_EVENT] = 100;
	machine.generation = 2;
	queue_put_machine(&queue, &machine);
	queue.counters[COUNTER_EVENT] = 200;
	device.number = 2;
	queue_put_device(&queue, &device);

	assert_int_equal(queue_put_back(&queue, &failed, 5), 0);
	uint32_t number = 1;
	struct intent_change *change;
	HASH_FIND(hh, queue.changes, &number, sizeof(number), change);
	assert(change);
	assert_string_equal(change->device.name, "old");
	assert_int_equal(change->device_change, CHANGE_PUT);
	assert_int_equal(change->machine.generation, 2);
	assert_int_equal(HASH_COUNT(queue.changes), 2);
	assert_int_equal(queue.counters[COUNTER_UMBOX], 100);
	assert_int_equal(queue.counters[COUNTER_EVENT], 200);
	queue_done(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_bounded_by_count),
		cmocka_unit_test(events_are_bounded_by_bytes),
		cmocka_unit_test(the_latest_intent_of_a_device_counts),
		cmocka_unit_test(what_failed_stands_before_what_came_since),
		cmocka_unit_test(newer_intent_wins_over_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
