/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/capture.c - see capture.h. */
#include "codec/capture.h"

#include <inttypes.h>
#include <string.h>

#include "base/macros.h"

enum {
	RING_VERSION = 1,
	RECORD_HEAD_BYTES = 32,
	LEG_COUNT = 2,
	LEG_FILLER = 0xff, /* no frame: the rest of the ring's last bytes */

	/* pcapng */
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPTION_COMMENT = 1,
	OPTION_IF_NAME = 2,
};

static const char *const leg_names[LEG_COUNT] = {"in (toward the device)",
						 "out (toward the network)"};

struct ring_head {
	char magic[8];
	uint32_t version, unused;
	uint64_t data_bytes, oldest, newest;
};

struct record_head {
	uint32_t bytes, captured, length, leg;
	int64_t wall_us;
	uint64_t unused;
};

_Static_assert(sizeof(struct record_head) == RECORD_HEAD_BYTES, "as the contract has it");

static int read_head(struct ring_head *ret, const uint8_t *head, struct error *err)
{
	memcpy(ret, head, sizeof(*ret));
	if (memcmp(ret->magic, "umboxrng", sizeof(ret->magic)) != 0 || ret->version != RING_VERSION)
		return error_set(err, -EINVAL, "no ring of frames, version %d", RING_VERSION);
	return 0;
}

int capture_oldest(uint64_t *ret, const uint8_t *head, struct error *err)
{
	struct ring_head ring;
	int result = read_head(&ring, head, err);
	*ret = result < 0 ? 0 : ring.oldest;
	return result;
}

static void add_u32(struct buffer *to, uint32_t number)
{
	buffer_add(to, &number, sizeof(number));
}

static void add_padded(struct buffer *to, const void *bytes, uint32_t count)
{
	static const uint8_t zeros[4];
	buffer_add(to, bytes, count);
	buffer_add(to, zeros, -count & 3);
}

static void add_option(struct buffer *to, uint16_t code, const char *text)
{
	uint16_t head[2] = {code, (uint16_t)strnlen(text, UINT16_MAX)};
	buffer_add(to, head, sizeof(head));
	add_padded(to, text, head[1]);
	add_u32(to, 0); /* the end of the options */
}

/* A block stands between two equal lengths. */
static void add_block(struct buffer *to, uint32_t type, const struct buffer *body)
{
	uint32_t bytes = (uint32_t)body->length + 12;
	add_u32(to, type);
	add_u32(to, bytes);
	buffer_add(to, body->bytes, body->length);
	add_u32(to, bytes);
}

static void add_section(struct buffer *to, const char *comment)
{
	cleanup_buffer struct buffer body = {0};
	uint16_t version[2] = {1, 0};
	int64_t length = -1; /* to the end of the file */
	add_u32(&body, BYTE_ORDER_MAGIC);
	buffer_add(&body, version, sizeof(version));
	buffer_add(&body, &length, sizeof(length));
	if (comment)
		add_option(&body, OPTION_COMMENT, comment);
	add_block(to, BLOCK_SECTION, &body);
	for (int leg = 0; leg < LEG_COUNT; leg++) {
		buffer_drop(&body, body.length);
		add_u32(&body, LINKTYPE_ETHERNET);
		add_u32(&body, 0); /* frames of any length */
		add_option(&body, OPTION_IF_NAME, leg_names[leg]);
		add_block(to, BLOCK_INTERFACE, &body);
	}
}

static void add_frame(struct buffer *to, const struct record_head *record, const uint8_t *frame)
{
	uint32_t padded = (record->captured + 3) & ~3U;
	uint32_t bytes = 32 + padded;
	add_u32(to, BLOCK_PACKET);
	add_u32(to, bytes);
	add_u32(to, record->leg);
	add_u32(to, (uint32_t)((uint64_t)record->wall_us >> 32));
	add_u32(to, (uint32_t)record->wall_us);
	add_u32(to, record->captured);
	add_u32(to, record->length);
	add_padded(to, frame, record->captured);
	add_u32(to, bytes);
}

static bool is_record(const struct record_head *record, uint64_t room)
{
	if (record->bytes < RECORD_HEAD_BYTES || record->bytes % RECORD_HEAD_BYTES ||
	    record->bytes > room)
		return false;
	return record->leg == LEG_FILLER ||
	       (record->leg < LEG_COUNT && record->captured <= record->bytes - RECORD_HEAD_BYTES &&
		record->captured <= record->length && record->length <= CAPTURE_FRAME_BYTES_MAX);
}

int capture_to_pcapng(struct buffer *ret, const uint8_t *ring, size_t bytes,
		      const struct capture_about *about, struct error *err)
{
	struct ring_head head;
	int frames = 0;
	if (bytes < CAPTURE_HEAD_BYTES || bytes > CAPTURE_RING_BYTES_MAX)
		return error_set(err, -EINVAL, "a ring of %zu bytes: at most %d", bytes,
				 CAPTURE_RING_BYTES_MAX);
	int result = read_head(&head, ring, err);
	if (result < 0)
		return result;
	uint64_t oldest = max_of(head.oldest, about->oldest);
	if (!head.data_bytes || head.data_bytes > bytes - CAPTURE_HEAD_BYTES ||
	    head.data_bytes % RECORD_HEAD_BYTES)
		return error_set(err, -EINVAL, "a ring of %" PRIu64 " bytes in %zu",
				 head.data_bytes, bytes);
	/* More was written meanwhile than there was: nothing is whole. */
	if (oldest > head.newest)
		oldest = head.newest;
	if (head.newest - oldest > head.data_bytes || oldest % RECORD_HEAD_BYTES)
		return error_set(err, -EINVAL, "more in the ring than it has room for");

	add_section(ret, about->comment);
	while (oldest < head.newest) {
		struct record_head record;
		uint64_t place = oldest % head.data_bytes;
		const uint8_t *at = ring + CAPTURE_HEAD_BYTES + place;
		memcpy(&record, at, sizeof(record));
		if (!is_record(&record, min_of(head.data_bytes - place, head.newest - oldest)))
			return error_set(err, -EINVAL, "frame %d of the ring is none", frames + 1);
		if (record.leg != LEG_FILLER) {
			add_frame(ret, &record, at + RECORD_HEAD_BYTES);
			frames++;
		}
		oldest += record.bytes;
	}
	return frames;
}
