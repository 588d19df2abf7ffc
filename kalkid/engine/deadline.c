/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/deadline.c - see deadline.h.  Setting one is O(1); only when the timer fires are all
 * looked through, in slices, so that alerts that come meanwhile need not wait for the last. */
#include "engine/deadline.h"

#include <stdbool.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/macros.h"
#include "base/mem.h"

/* The timer's clock stands still while the machine sleeps, engine time does not: look again at
 * least so often. */
static const int64_t LONGEST_SLEEP_US = 60 * 1000000LL;
static const uint64_t SLICE_NS = 2 * 1000000ULL;

struct deadlines {
	uv_timer_t timer;
	const struct clock *clock;
	struct deadline *all;
	struct deadline *cursor; /* the next to look at, NULL between two passes */
	int64_t armed_us;
	bool running;
};

static void run(struct deadlines *deadlines, uint64_t end_ns);

static void on_timer(uv_timer_t *timer)
{
	run(container_of(timer, struct deadlines, timer), uv_hrtime() + SLICE_NS);
}

static void arm(struct deadlines *deadlines, int64_t at_us, uint64_t shortest_ms)
{
	int64_t now_us = clock_now_us(deadlines->clock);
	int64_t sleep_us = at_us <= now_us ? 0 : min_of(at_us - now_us, LONGEST_SLEEP_US);
	uint64_t sleep_ms = (uint64_t)((sleep_us + 999) / 1000);

	deadlines->armed_us = at_us;
	uv_update_time(deadlines->timer.loop);
	uv_timer_start(&deadlines->timer, on_timer, max_of(sleep_ms, shortest_ms), 0);
}

struct deadlines *deadlines_new(uv_loop_t *loop, const struct clock *clock)
{
	struct deadlines *deadlines = mem_alloc(sizeof(*deadlines));
	deadlines->clock = clock;
	deadlines->armed_us = DEADLINE_NEVER;
	uv_timer_init(loop, &deadlines->timer);
	return deadlines;
}

static void on_closed(uv_handle_t *handle)
{
	free(container_of((uv_timer_t *)handle, struct deadlines, timer));
}

void deadlines_free(struct deadlines *deadlines)
{
	if (deadlines)
		uv_close((uv_handle_t *)&deadlines->timer, on_closed);
}

void deadline_add(struct deadlines *deadlines, struct deadline *deadline,
		  void (*due)(struct deadline *deadline))
{
	deadline->at_us = DEADLINE_NEVER;
	deadline->due = due;
	DL_APPEND(deadlines->all, deadline);
}

void deadline_remove(struct deadlines *deadlines, struct deadline *deadline)
{
	if (deadlines->cursor == deadline)
		deadlines->cursor = deadline->next;
	DL_DELETE(deadlines->all, deadline);
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_us)
{
	deadline->at_us = at_us;
	if (!deadlines->running && at_us < deadlines->armed_us)
		arm(deadlines, at_us, 0);
}

/* What is due, from the cursor on; one at least, then until `end_ns`. */
static void run_due(struct deadlines *deadlines, uint64_t end_ns)
{
	int64_t now_us = clock_now_us(deadlines->clock);
	struct deadline *d = deadlines->cursor ? deadlines->cursor : deadlines->all;

	deadlines->running = true;
	for (; d; d = deadlines->cursor) {
		deadlines->cursor = d->next;
		if (d->at_us > now_us)
			continue;
		d->at_us = DEADLINE_NEVER;
		d->due(d);
		if (uv_hrtime() >= end_ns)
			break;
	}
	deadlines->running = false;
}

static void run(struct deadlines *deadlines, uint64_t end_ns)
{
	int64_t next_us = DEADLINE_NEVER;
	struct deadline *d;

	run_due(deadlines, end_ns);
	DL_FOREACH(deadlines->all, d)
	next_us = min_of(next_us, d->at_us);
	deadlines->armed_us = DEADLINE_NEVER;
	uv_timer_stop(&deadlines->timer);
	if (next_us != DEADLINE_NEVER)
		arm(deadlines, next_us, 1); /* libuv runs a timer of 0 ms again before all else */
}

void deadlines_run(struct deadlines *deadlines)
{
	deadlines->cursor = NULL;
	run(deadlines, UINT64_MAX);
}
