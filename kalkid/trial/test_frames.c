/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/test_frames.c - the frames of the trial, what is said of changed ones, and the ledger. */
#include "trial/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/mem.h"
#include "trial/ledger.h"

static void each_frame(void (*look)(const struct frame_id *id, uint8_t *frame, size_t count))
{
	uint8_t frame[FRAME_BYTES_MAX];
	for (unsigned kind = 0; kind < FRAME_KIND_COUNT; kind++) {
		for (unsigned side = 0; side < FRAME_ENDS; side++) {
			struct frame_id id = {kind, side, 3};
			look(&id, frame, frame_make(frame, &id));
		}
	}
}

static void look_at_tag(const struct frame_id *id, uint8_t *frame, size_t count)
{
	struct frame_id found;
	assert_true(count >= 58 && count <= FRAME_BYTES_MAX);
	assert_true(frame_identify(&found, frame, count));
	assert_memory_equal(&found, id, sizeof(found));
	/* With a trailer behind it. */
	memset(frame + count, 0, FRAME_BYTES_MAX - count);
	assert_true(frame_identify(&found, frame, FRAME_BYTES_MAX));
	frame[count - 12] ^= 1;
	assert_false(frame_identify(&found, frame, count));
}

static void test_frames_are_known_again(void **state maybe_unused)
{
	each_frame(look_at_tag);
}

static void look_at_sums(const struct frame_id *id maybe_unused, uint8_t *frame, size_t count)
{
	size_t start, offset;
	assert_true(frame_checksum_right(frame, count));
	if (!frame_checksum_place(frame, count, &start, &offset) || id->kind == FRAME_UDP_UNCHECKED)
		return;
	uint16_t right;
	memcpy(&right, frame + start + offset, sizeof(right));
	assert_int_not_equal(right, 0);
	frame_fill_checksum(frame, count, true);
	assert_false(frame_checksum_right(frame, count));
	frame_end_checksum(frame, count, start, offset);
	assert_memory_equal(frame + start + offset, &right, sizeof(right));
}

static void test_checksums(void **state maybe_unused)
{
	each_frame(look_at_sums);
}

static void test_sizes(void **state maybe_unused)
{
	uint8_t frame[FRAME_BYTES_MAX];
	for (uint32_t i = 0; i < FRAME_SIZES; i++) {
		struct frame_id id = {FRAME_SIZED, LEG_IN, i};
		assert_int_equal(frame_make(frame, &id), FRAME_BYTES_MIN + i);
	}
}

static void test_words_for_changes(void **state maybe_unused)
{
	static const struct {
		enum frame_kind kind;
		size_t at;
		const char *words;
	} changes[] = {
		{FRAME_UDP, 0, "its target MAC was changed"},
		{FRAME_UDP, 11, "its source MAC was changed"},
		{FRAME_VLAN, 12, "its protocol or VLAN tag was changed"},
		{FRAME_UDP, 22, "its time to live was changed"},
		{FRAME_UDP, 25, "its IP checksum was changed"},
		{FRAME_UDP, 26, "its source address was changed"},
		{FRAME_UDP, 40, "its checksum was changed"},
		{FRAME_TCP6_SYN, 21, "its hop limit was changed"},
		{FRAME_TCP6_SYN, 14 + 40 + 16, "its checksum was changed"},
		{FRAME_UDP, 45, "its byte 45 was changed"},
	};
	uint8_t sent[FRAME_BYTES_MAX], got[FRAME_BYTES_MAX];
	char words[FRAME_WORDS_BYTES];
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct frame_id id = {changes[i].kind, LEG_OUT, 0};
		size_t count = frame_make(sent, &id);
		memcpy(got, sent, count);
		assert_null(frame_difference(words, sent, count, got, count));
		got[changes[i].at] ^= 0x10;
		assert_string_equal(frame_difference(words, sent, count, got, count),
				    changes[i].words);
	}
	struct frame_id id = {FRAME_UDP, LEG_OUT, 0};
	size_t count = frame_make(sent, &id);
	assert_string_equal(frame_difference(words, sent, count, sent, count - 2),
			    "82 bytes long it went in, 80 it came out");
}

/* A segment as the kernel would cut it out of a burst. */
static size_t cut(uint8_t *segment, const uint8_t *burst, size_t headers, size_t offset,
		  size_t bytes)
{
	size_t ip = headers - 20 == 54 ? 40 : 20, total = headers - 14 + bytes;
	memcpy(segment, burst, headers);
	memcpy(segment + headers, burst + headers + offset, bytes);
	if (ip == 40)
		total -= 40;
	segment[ip == 40 ? 18 : 16] = (uint8_t)(total >> 8);
	segment[ip == 40 ? 19 : 17] = (uint8_t)total;
	for (unsigned i = 0, carry = 0; i < 4; i++) {
		uint8_t *at = segment + headers - 20 + 7 - i;
		unsigned sum = *at + ((offset >> 8 * i) & 0xff) + carry;
		*at = (uint8_t)sum;
		carry = sum >> 8;
	}
	frame_fill_checksum(segment, headers + bytes, false);
	return headers + bytes;
}

static void try_burst(uint8_t family)
{
	uint8_t *burst = mem_alloc(FRAME_BURST_BYTES + 80), segment[2000];
	size_t headers = frame_make_burst(burst, family, LEG_IN), offset, bytes;
	const char *words;
	assert_true(frame_read_burst(burst, headers + FRAME_BURST_BYTES, family, LEG_IN, false,
				     &offset, &bytes, &words));
	assert_int_equal(offset, 0);
	assert_int_equal(bytes, FRAME_BURST_BYTES);
	size_t count = cut(segment, burst, headers, 2800, 1400);
	assert_true(
		frame_read_burst(segment, count, family, LEG_IN, true, &offset, &bytes, &words));
	assert_int_equal(offset, 2800);
	assert_int_equal(bytes, 1400);
	assert_false(
		frame_read_burst(segment, count, family, LEG_OUT, true, &offset, &bytes, &words));
	assert_null(words);
	segment[headers - 4] ^= 1;
	assert_false(
		frame_read_burst(segment, count, family, LEG_IN, true, &offset, &bytes, &words));
	assert_string_equal(words, "its checksum is wrong");
	segment[headers + 7] ^= 1;
	assert_false(
		frame_read_burst(segment, count, family, LEG_IN, true, &offset, &bytes, &words));
	assert_string_equal(words, "its content was changed");
	free(burst);
}

static void test_bursts(void **state maybe_unused)
{
	try_burst(4);
	try_burst(6);
}

/* The ledger */

static size_t send_one(struct ledger *ledger, uint8_t *frame, enum frame_kind kind)
{
	struct frame_id id = ledger_next(ledger, kind, LEG_IN);
	ledger_sent(ledger, &id);
	return frame_make(frame, &id);
}

static void test_a_ledger_of_what_is_well(void **state maybe_unused)
{
	struct ledger ledger = {0};
	uint8_t frame[FRAME_BYTES_MAX];
	char words[128];
	for (unsigned i = 0; i < 2000; i++) {
		size_t count = send_one(&ledger, frame, FRAME_UDP);
		assert_int_equal(ledger_missing(&ledger, FRAME_UDP), 1);
		ledger_received(&ledger, LEG_OUT, frame, count);
	}
	assert_int_equal(ledger_missing(&ledger, FRAME_UDP), 0);
	assert_null(ledger_fault(&ledger, FRAME_UDP, words, sizeof(words)));
	assert_int_equal(ledger.own, 0);
	ledger_done(&ledger);
}

static const char *after(void (*happens)(struct ledger *ledger, uint8_t *frame, size_t count))
{
	static char words[128];
	struct ledger ledger = {0};
	uint8_t frame[FRAME_BYTES_MAX];
	size_t count = send_one(&ledger, frame, FRAME_UDP);
	happens(&ledger, frame, count);
	const char *fault = ledger_fault(&ledger, FRAME_UDP, words, sizeof(words));
	ledger_done(&ledger);
	return fault ? fault : "";
}

static void comes_twice(struct ledger *ledger, uint8_t *frame, size_t count)
{
	ledger_received(ledger, LEG_OUT, frame, count);
	ledger_received(ledger, LEG_OUT, frame, count);
}

static void comes_back(struct ledger *ledger, uint8_t *frame, size_t count)
{
	ledger_received(ledger, LEG_IN, frame, count);
}

static void comes_changed(struct ledger *ledger, uint8_t *frame, size_t count)
{
	frame[6] ^= 1;
	ledger_received(ledger, LEG_OUT, frame, count);
}

static void comes_late(struct ledger *ledger, uint8_t *frame, size_t count)
{
	uint8_t other[FRAME_BYTES_MAX];
	size_t other_count = send_one(ledger, other, FRAME_UDP);
	ledger_received(ledger, LEG_OUT, other, other_count);
	ledger_received(ledger, LEG_OUT, frame, count);
}

static void is_quoted(struct ledger *ledger, uint8_t *frame, size_t count)
{
	memcpy(frame, frame + 6, 6);
	ledger_received(ledger, LEG_IN, frame, count);
	assert_int_equal(ledger->own, 1);
}

static void test_faults(void **state maybe_unused)
{
	assert_string_equal(after(comes_twice),
			    "a UDP packet from the device came out more than once");
	assert_string_equal(after(comes_back), "a UDP packet from the device came back there");
	assert_string_equal(after(comes_changed),
			    "a UDP packet from the device: its source MAC was changed");
	assert_string_equal(after(comes_late), "1 of 2 frames from the device came out of order");
	assert_string_equal(after(is_quoted), "");
}

static void test_who_speaks(void **state maybe_unused)
{
	struct ledger ledger = {0};
	struct device_identity device;
	uint8_t frame[60] = {0};
	frame_device(&device);
	memcpy(frame + 6, device.mac.octet, 6);
	ledger_received(&ledger, LEG_OUT, frame, sizeof(frame));
	assert_int_equal(ledger.forged, 0);
	ledger_received(&ledger, LEG_IN, frame, sizeof(frame));
	assert_int_equal(ledger.forged, 1);
	frame[11] ^= 1;
	ledger_received(&ledger, LEG_OUT, frame, sizeof(frame));
	assert_int_equal(ledger.forged, 2);
	ledger_received(&ledger, LEG_IN, frame, sizeof(frame));
	assert_int_equal(ledger.forged, 2);
	assert_int_equal(ledger.own, 4);
	/* What was never sent is nobody's. */
	struct frame_id id = {FRAME_UDP, LEG_IN, 5};
	uint8_t unknown[FRAME_BYTES_MAX];
	ledger_received(&ledger, LEG_OUT, unknown, frame_make(unknown, &id));
	assert_int_equal(ledger.own, 5);
	ledger_done(&ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_are_known_again),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_words_for_changes),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_a_ledger_of_what_is_well),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_who_speaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
