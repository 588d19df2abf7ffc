/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/deadline.c - see deadline.h.  Setting one is O(1); only when the timer fires are all
 * looked through. */
#include "engine/deadline.h"

#include <stdbool.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/macros.h"
#include "base/mem.h"

/* The timer's clock stands still while the machine sleeps, engine time does not: look again at
 * least so often. */
static const int64_t LONGEST_SLEEP_US = 60 * 1000000LL;

struct deadlines {
	uv_timer_t timer;
	const struct clock *clock;
	struct deadline *all;
	struct deadline *cursor; /* the next to look at while running */
	int64_t armed_us;
	bool running;
};

static void on_timer(uv_timer_t *timer)
{
	deadlines_run(container_of(timer, struct deadlines, timer));
}

static void arm(struct deadlines *deadlines, int64_t at_us)
{
	int64_t now_us = clock_now_us(deadlines->clock);
	int64_t sleep_us = at_us <= now_us ? 0 : min_of(at_us - now_us, LONGEST_SLEEP_US);

	deadlines->armed_us = at_us;
	uv_update_time(deadlines->timer.loop);
	uv_timer_start(&deadlines->timer, on_timer, (uint64_t)((sleep_us + 999) / 1000), 0);
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
		arm(deadlines, at_us);
}

void deadlines_run(struct deadlines *deadlines)
{
	int64_t now_us = clock_now_us(deadlines->clock);
	int64_t next_us = DEADLINE_NEVER;

	deadlines->running = true;
	for (struct deadline *d = deadlines->all; d; d = deadlines->cursor) {
		deadlines->cursor = d->next;
		if (d->at_us > now_us)
			continue;
		d->at_us = DEADLINE_NEVER;
		d->due(d);
	}
	deadlines->cursor = NULL;
	deadlines->running = false;

	struct deadline *d;
	DL_FOREACH(deadlines->all, d)
	next_us = min_of(next_us, d->at_us);
	deadlines->armed_us = DEADLINE_NEVER;
	uv_timer_stop(&deadlines->timer);
	if (next_us != DEADLINE_NEVER)
		arm(deadlines, next_us);
}
