/* SPDX-License-Identifier: Apache-2.0 */
/* mark.h - the mark that a `stamp` leaves in a frame, so that its receiver knows which umboxes it
 * crossed, in order. */
#pragma once

#include "umbox_frame.h"

enum { MARK_SLOTS = 15 };

/* The payload of a UDP packet that takes marks; all numbers in network order.  What follows it
 * stays as it is. */
struct mark_payload {
	char magic[8]; /* KALKIBP1 */
	uint64_t sequence;
	uint32_t count; /* of the marks; more than MARK_SLOTS: the last ones found no room */
	struct {
		uint32_t umbox, generation;
	} slots[MARK_SLOTS];
} __attribute__((packed));

/* Adds a mark to each UDP packet with the magic in the frame; returns to how many.  The UDP
 * checksum stays right. */
unsigned mark_frame(struct umbox_frame *frame, uint32_t umbox, uint32_t generation);
