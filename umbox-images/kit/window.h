/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - the bytes of one side of a connection that are on their way: copied from when they are
 * seen until they are acknowledged, so that the same place never holds two different texts.
 *
 *    acked            next                    (numbers grow, modulo 2^32)
 *      | shown, kept    |  gap  [ahead)  gap  [ahead)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_AHEAD_MAX = 16 };

struct window_range {
	uint32_t from, to;
};

struct window {
	uint32_t acked, next;
	struct window_range ahead[WINDOW_AHEAD_MAX]; /* in order, apart from each other */
	unsigned ahead_count;
	uint32_t room;    /* of `bytes`: a power of two, or 0 */
	int64_t moved_us; /* when it last went on without a gap; of use while there is room */
	uint8_t *bytes;
};

/* What all windows together may take. */
struct window_budget {
	uint64_t used, max;
};

enum window_result {
	WINDOW_TAKEN,     /* all that is new is copied */
	WINDOW_DIFFERENT, /* contradicts what was seen before: nothing was taken */
	WINDOW_TOO_FAR,   /* no room for it in any window: nothing was taken */
	WINDOW_NO_MEMORY, /* the others have it all: nothing was taken */
};

void window_start(struct window *window, uint32_t sequence);
void window_done(struct window *window, struct window_budget *budget);
/* The receiver waits for `sequence`.  Where that is in front of what was taken so far, what was
 * taken is ahead; where it is behind, or too far away, all begins there. */
void window_move(struct window *window, struct window_budget *budget, uint32_t sequence);

enum window_result window_put(struct window *window, struct window_budget *budget,
			      uint32_t sequence, const uint8_t *bytes, uint32_t count);
/* The bytes behind `next` that are there without a gap, as one or (in a ring) two pieces: call
 * until it returns 0.  They count as shown from then on. */
uint32_t window_show(struct window *window, const uint8_t **ret);
/* The receiver has everything before `sequence`; what it cannot have is ignored.  The memory of a
 * window that holds nothing goes back. */
void window_acknowledge(struct window *window, struct window_budget *budget, uint32_t sequence,
			int64_t now_us);
