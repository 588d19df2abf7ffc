/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_capture.c - a ring becomes a file that others read; a ring that lies is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/capture.h"

enum { DATA_BYTES = 256 };

/* As umbox-images/CONTRACT.md has it. */
struct ring {
	char magic[8];
	uint32_t version, unused;
	uint64_t data_bytes, oldest, newest;
	uint8_t rest[24];
	uint8_t data[DATA_BYTES];
};

static struct ring make_ring(uint64_t oldest, uint64_t newest)
{
	struct ring ring = {
		.version = 1, .data_bytes = DATA_BYTES, .oldest = oldest, .newest = newest};
	memcpy(ring.magic, "umboxrng", 8);
	return ring;
}

static void put(struct ring *ring, uint64_t position, uint32_t bytes, uint32_t captured,
		uint32_t leg)
{
	uint32_t head[] = {bytes, captured, captured, leg, 5000000, 0, 0, 0};
	uint8_t *at = ring->data + position % DATA_BYTES;
	memcpy(at, head, sizeof(head));
	memset(at + sizeof(head), 'x', captured);
}

static int convert(struct buffer *file, const struct ring *ring, uint64_t oldest, struct error *err)
{
	struct capture_about about = {.comment = "why", .oldest = oldest};
	return capture_to_pcapng(file, (const uint8_t *)ring, sizeof(*ring), &about, err);
}

static uint32_t number_at(const struct buffer *file, size_t offset)
{
	uint32_t number;
	assert_true(offset + sizeof(number) <= file->length);
	memcpy(&number, file->bytes + offset, sizeof(number));
	return number;
}

/* Walks the blocks as a reader does; returns how many of the type there are. */
static unsigned count_blocks(const struct buffer *file, uint32_t type)
{
	unsigned count = 0;
	for (size_t at = 0; at < file->length;) {
		uint32_t bytes = number_at(file, at + 4);
		assert_true(bytes >= 12 && bytes % 4 == 0);
		assert_int_equal(number_at(file, at + bytes - 4), bytes);
		count += number_at(file, at) == type;
		at += bytes;
	}
	return count;
}

static void an_empty_ring_is_a_file_without_frames(void **state)
{
	struct ring ring = make_ring(0, 0);
	cleanup_buffer struct buffer file = {0};
	(void)state;
	assert_int_equal(convert(&file, &ring, 0, NULL), 0);
	assert_int_equal(count_blocks(&file, 0x0a0d0d0a), 1);
	assert_int_equal(count_blocks(&file, 1), 2);
	assert_int_equal(count_blocks(&file, 6), 0);
}

static void frames_come_in_their_order_around_the_end(void **state)
{
	/* 1000 * 256 + 128: a record, a filler to the end, a record at the beginning. */
	uint64_t from = 1000 * DATA_BYTES + 128;
	struct ring ring = make_ring(from, from + 64 + 64 + 96);
	cleanup_buffer struct buffer file = {0};
	(void)state;
	put(&ring, from, 64, 31, 0);
	put(&ring, from + 64, 64, 0, 0xff);
	put(&ring, from + 128, 96, 60, 1);
	assert_int_equal(convert(&file, &ring, 0, NULL), 2);
	assert_int_equal(count_blocks(&file, 6), 2);
	/* The last block: a packet of interface 1, 5 s, 60 bytes. */
	size_t last = file.length - 32 - 60;
	assert_int_equal(number_at(&file, last), 6);
	assert_int_equal(number_at(&file, last + 8), 1);
	assert_int_equal(number_at(&file, last + 16), 5000000);
	assert_int_equal(number_at(&file, last + 20), 60);

	/* What was overwritten while it was copied is left out. */
	buffer_drop(&file, file.length);
	assert_int_equal(convert(&file, &ring, from + 128, NULL), 1);
	buffer_drop(&file, file.length);
	assert_int_equal(convert(&file, &ring, from + 10000 * 32, NULL), 0);
}

static void a_ring_that_lies_is_refused(void **state)
{
	static const struct {
		uint64_t data_bytes, oldest, newest;
		uint32_t bytes, captured, leg;
	} lies[] = {
		{0, 0, 64, 64, 10, 0},
		{DATA_BYTES + 32, 0, 64, 64, 10, 0},
		{DATA_BYTES - 1, 0, 64, 64, 10, 0},
		{DATA_BYTES, 0, DATA_BYTES + 32, 64, 10, 0},
		{DATA_BYTES, 1, 65, 64, 10, 0},
		{DATA_BYTES, 0, 64, 0, 10, 0},
		{DATA_BYTES, 0, 64, 96, 10, 0},
		{DATA_BYTES, 0, 64, 64, 33, 0},
		{DATA_BYTES, 0, 64, 64, 10, 2},
		{DATA_BYTES, 0, 64, 48, 10, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct ring ring = make_ring(lies[i].oldest, lies[i].newest);
		cleanup_buffer struct buffer file = {0};
		struct error err = {0};
		ring.data_bytes = lies[i].data_bytes;
		put(&ring, lies[i].oldest, lies[i].bytes, lies[i].captured, lies[i].leg);
		assert_int_equal(convert(&file, &ring, 0, &err), -EINVAL);
		assert_true(err.text[0]);
	}
	struct ring ring = make_ring(0, 0);
	uint64_t oldest;
	ring.magic[0] = 'U';
	assert_int_equal(capture_oldest(&oldest, (const uint8_t *)&ring, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_ring_is_a_file_without_frames),
		cmocka_unit_test(frames_come_in_their_order_around_the_end),
		cmocka_unit_test(a_ring_that_lies_is_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
