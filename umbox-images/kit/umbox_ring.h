/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_ring.h - the newest frames in a ring of memory that the daemon can read at any time.
 *
 * The ring is a memory file of the umbox's own (memfd_create), so it counts as the umbox's memory
 * and goes with it; its descriptor is handed to the daemon together with `ready`.  Nothing comes
 * back, and the daemon takes a copy when an alert comes or an operator asks.  The layout stands in
 * ../CONTRACT.md. */
#pragma once

#include "umbox_frame.h"

enum {
	UMBOX_RING_BYTES_MIN = 64 << 10,
	UMBOX_RING_BYTES_MAX = 16 << 20,
};

struct umbox;
struct umbox_ring;

/* Of `bytes`, rounded up to pages; NULL with errno. */
struct umbox_ring *umbox_ring_new(size_t bytes);
void umbox_ring_free(struct umbox_ring *ring);
/* The first `snap_bytes` of the frame, in the place of the oldest ones; `wall_us` is the time of
 * day. */
void umbox_ring_add(struct umbox_ring *ring, const struct umbox_frame *frame, uint32_t snap_bytes,
		    int64_t wall_us);

/* Before umbox_run; the ring outlives it. */
void umbox_offer_ring(struct umbox *umbox, const struct umbox_ring *ring);
