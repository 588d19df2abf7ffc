/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/clock.h - the clocks, replaceable so that tests own the time.
 *
 * Engine time is what every deadline is in: microseconds that never go back, counted by
 * CLOCK_BOOTTIME from an offset that the store keeps, so that they go on across a restart of the
 * daemon (the time in between counts) and across a reboot (the time without power does not).
 * Wall time is only for people. */
#pragma once

#include <stdint.h>

#include "base/macros.h"

struct clock {
	int64_t (*now_us)(const struct clock *clock);      /* engine time */
	int64_t (*wall_now_us)(const struct clock *clock); /* since 1970, UTC */
	int64_t offset_us;
};

/* The machine's clocks; the caller sets `offset_us` afterwards (see store_clock_offset). */
void clock_init_machine(struct clock *clock);

/* A clock that stands until the test moves it. */
struct clock_fake {
	struct clock clock;
	int64_t time_us, wall_us;
};
void clock_init_fake(struct clock_fake *fake, int64_t time_us, int64_t wall_us);
void clock_fake_advance(struct clock_fake *fake, int64_t by_us);

static inline int64_t clock_now_us(const struct clock *clock)
{
	return clock->now_us(clock);
}

static inline int64_t clock_wall_now_us(const struct clock *clock)
{
	return clock->wall_now_us(clock);
}

enum { TIME_TEXT_BYTES = 32 };
/* RFC 3339 in UTC with microseconds: 2026-01-31T12:00:00.000001Z. */
void clock_print_wall(char text[static TIME_TEXT_BYTES], int64_t wall_us);
/* The way back, with any offset from UTC: Z, +01:30 or +0130; `*ret_zone_us` is how far local time
 * is ahead there.  -EINVAL. */
int clock_parse_wall(int64_t *ret_wall_us, int64_t *ret_zone_us, const char *text) must_check;
