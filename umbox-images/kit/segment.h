/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h - TCP segments made in somebody's name, with whole checksums. */
#pragma once

#include "umbox_frame.h"

enum {
	SEGMENT_LINK_BYTES = 14 + 8,                       /* Ethernet with two tags */
	SEGMENT_HEAD_BYTES = SEGMENT_LINK_BYTES + 40 + 24, /* IPv6, TCP with one option */
};

struct segment {
	const uint8_t *link; /* the Ethernet header with its tags, as it is to be sent */
	uint32_t link_bytes;
	struct umbox_ip source, target;
	uint16_t source_port, target_port;
	uint32_t sequence, acknowledgment;
	uint8_t flags;
	uint16_t window;
	uint16_t mss; /* 0: not told */
	const uint8_t *payload;
	uint32_t payload_bytes;
};

/* `bytes` has room for SEGMENT_HEAD_BYTES and the payload; returns the length. */
uint32_t segment_make(uint8_t *bytes, const struct segment *segment);
/* The frame's link header with the two addresses exchanged. */
void segment_turn_link(uint8_t link[static SEGMENT_LINK_BYTES], const struct umbox_frame *frame,
		       const struct umbox_headers *headers);
/* Whether a whole TCP segment's checksum is right, or is not yet due. */
bool segment_checksum_good(const struct umbox_frame *frame, const struct umbox_headers *headers);
