/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_history.h - lives of devices, as bytes spell them, under the planner: transitions,
 * deaths, lost steps, restarts, on a simulated node whose kernel moves real frames.  For tests
 * only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct plan_history_tally {
	uint64_t plans, routes, holds, launches, removals, prepared, bridged, frames;
};

/* Plays the history; an assertion fails at the first promise that is broken, and at the end when
 * the devices do not come to rest as wanted.  Adds to `tally`. */
void plan_history(struct plan_history_tally *tally, const uint8_t *bytes, size_t count);
