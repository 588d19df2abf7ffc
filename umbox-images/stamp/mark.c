/* SPDX-License-Identifier: Apache-2.0 */
/* mark.c - adds a mark to a frame. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "mark.h"

enum { UDP_CHECKSUM_OFFSET = 6 };

/* Overwrites 32 bits at an even place of the packet and mends its checksum (at `checksum`, or
 * NULL). */
static void put32(uint8_t *bytes, uint32_t number, uint8_t *checksum)
{
	uint16_t words[2], sum;
	number = htonl(number);
	memcpy(words, &number, sizeof(words));
	for (size_t i = 0; i < 2; i++, bytes += 2) {
		uint16_t before;
		memcpy(&before, bytes, 2);
		memcpy(bytes, &words[i], 2);
		if (!checksum)
			continue;
		memcpy(&sum, checksum, 2);
		sum = umbox_checksum_change(sum, before, words[i]);
		if (!sum) /* which would say that there is none (RFC 768) */
			sum = 0xffff;
		memcpy(checksum, &sum, 2);
	}
}

static bool mark_payload(uint8_t *bytes, uint32_t room, uint8_t *checksum, uint32_t umbox,
			 uint32_t generation)
{
	static const char magic[8] = {'K', 'A', 'L', 'K', 'I', 'B', 'P', '1'};
	struct mark_payload *payload = (void *)bytes;
	if (room < sizeof(*payload) || memcmp(payload->magic, magic, sizeof(magic)) != 0)
		return false;
	uint32_t count = ntohl(payload->count);
	if (count < MARK_SLOTS) {
		put32((uint8_t *)&payload->slots[count].umbox, umbox, checksum);
		put32((uint8_t *)&payload->slots[count].generation, generation, checksum);
	}
	if (count < UINT32_MAX)
		put32((uint8_t *)&payload->count, count + 1, checksum);
	return true;
}

unsigned mark_frame(struct umbox_frame *frame, uint32_t umbox, uint32_t generation)
{
	struct umbox_headers headers;
	unsigned marked = 0;
	if (!umbox_parse(&headers, frame->bytes, frame->length) ||
	    headers.protocol != IPPROTO_UDP || !headers.payload)
		return 0;
	/* A checksum of 0 says that there is none; a partial one does not cover the payload yet. */
	uint8_t *checksum = frame->bytes + headers.transport + UDP_CHECKSUM_OFFSET;
	if (umbox_frame_checksum_partial(frame) || (!checksum[0] && !checksum[1]))
		checksum = NULL;
	/* With GSO several packets follow each other. */
	uint32_t step = frame->offload.segment_bytes ? frame->offload.segment_bytes : UINT32_MAX;
	for (uint64_t at = 0; at < headers.payload_bytes; at += step)
		marked += mark_payload(frame->bytes + headers.payload + at,
				       headers.payload_bytes - (uint32_t)at, checksum, umbox,
				       generation);
	return marked;
}
