/* SPDX-License-Identifier: Apache-2.0 */
/* test_ring.c - the ring holds the newest frames, whole, and says where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"
#include "umbox_ring.h"

enum { RING_BYTES = UMBOX_RING_BYTES_MIN, HEAD_BYTES = 64 };

/* As CONTRACT.md has it. */
struct head {
	char magic[8];
	uint32_t version, unused;
	uint64_t data_bytes, oldest, newest;
};
struct record {
	uint32_t bytes, captured, length, leg;
	int64_t wall_us;
	uint64_t unused;
	uint8_t frame[];
};

static uint8_t copy[RING_BYTES];

static const struct head *look(const struct umbox_ring *ring)
{
	struct umbox umbox;
	umbox_offer_ring(&umbox, ring);
	assert_int_equal(pread(umbox.control.descriptor, copy, sizeof(copy), 0), sizeof(copy));
	return (const struct head *)(const void *)copy;
}

static const struct record *record_at(const struct head *head, uint64_t position)
{
	return (const struct record *)(const void *)(copy + HEAD_BYTES +
						     position % head->data_bytes);
}

static void add(struct umbox_ring *ring, uint8_t byte, uint32_t length, uint32_t snap,
		int64_t at_us)
{
	static uint8_t bytes[70000];
	memset(bytes, byte, length);
	umbox_ring_add(ring,
		       &(struct umbox_frame){.from = UMBOX_OUT, .bytes = bytes, .length = length},
		       snap, at_us);
}

static void a_frame_is_kept_as_it_was(void **state)
{
	struct umbox_ring *ring = umbox_ring_new(RING_BYTES);
	(void)state;
	assert_int_equal(look(ring)->newest, 0);
	add(ring, 7, 60, 1500, 123456);
	const struct head *head = look(ring);
	assert_memory_equal(head->magic, "umboxrng", 8);
	assert_int_equal(head->version, 1);
	const struct record *record = record_at(head, head->oldest);
	assert_int_equal(record->bytes, 96);
	assert_int_equal(head->newest, 96);
	assert_int_equal(record->captured, 60);
	assert_int_equal(record->length, 60);
	assert_int_equal(record->leg, UMBOX_OUT);
	assert_int_equal(record->wall_us, 123456);
	assert_int_equal(record->frame[0], 7);
	assert_int_equal(record->frame[59], 7);
	umbox_ring_free(ring);
}

static void long_frames_are_cut_and_huge_ones_fit_or_are_left_out(void **state)
{
	struct umbox_ring *ring = umbox_ring_new(RING_BYTES);
	(void)state;
	add(ring, 1, 1500, 100, 1);
	const struct record *record = record_at(look(ring), 0);
	assert_int_equal(record->captured, 100);
	assert_int_equal(record->length, 1500);
	uint64_t newest = look(ring)->newest;
	add(ring, 2, 70000, 70000, 2); /* more than the ring */
	assert_int_equal(look(ring)->newest, newest);
	add(ring, 3, 60000, 60000, 3); /* in the place of all others */
	const struct head *head = look(ring);
	const struct record *last = record_at(head, head->newest - 32 - 60000);
	assert_int_equal(last->captured, 60000);
	umbox_ring_free(ring);
}

static void the_oldest_make_room_and_what_stays_is_whole(void **state)
{
	struct umbox_ring *ring = umbox_ring_new(RING_BYTES);
	(void)state;
	for (int64_t i = 1; i <= 5000; i++) {
		add(ring, (uint8_t)i, (uint32_t)(i * 37 % 1500), 1024, i);
		const struct head *head = look(ring);
		assert_true(head->newest - head->oldest <= head->data_bytes);
		int64_t last = 0;
		for (uint64_t at = head->oldest; at != head->newest;) {
			const struct record *record = record_at(head, at);
			at += record->bytes;
			assert_true(at <= head->newest);
			if (record->leg == 0xff)
				continue;
			assert_true(!last || record->wall_us == last + 1);
			last = record->wall_us;
			if (record->captured)
				assert_int_equal(record->frame[record->captured - 1],
						 (uint8_t)record->wall_us);
		}
		assert_int_equal(last, i);
	}
	umbox_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_kept_as_it_was),
		cmocka_unit_test(long_frames_are_cut_and_huge_ones_fit_or_are_left_out),
		cmocka_unit_test(the_oldest_make_room_and_what_stays_is_whole),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
