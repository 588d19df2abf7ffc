/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/deadline.h - moments in engine time at which something is to be looked at again, all on
 * one libuv timer.  A test moves the clock and calls deadlines_run itself. */
#pragma once

#include <uv.h>

#include "base/clock.h"

#define DEADLINE_NEVER INT64_MAX

struct deadlines;

/* Embedded in its owner; added once, taken out before the owner goes. */
struct deadline {
	int64_t at_us;
	void (*due)(struct deadline *deadline); /* may set it again, may remove it */
	struct deadline *prev, *next;
};

struct deadlines *deadlines_new(uv_loop_t *loop, const struct clock *clock);
/* Everything was removed before.  The memory goes when the timer has closed. */
void deadlines_free(struct deadlines *deadlines);

void deadline_add(struct deadlines *deadlines, struct deadline *deadline,
		  void (*due)(struct deadline *deadline));
void deadline_remove(struct deadlines *deadlines, struct deadline *deadline);
/* Replaces the moment; DEADLINE_NEVER takes it back. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_us);
/* Runs what is due now, once. */
void deadlines_run(struct deadlines *deadlines);
