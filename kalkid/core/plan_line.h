/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan_line.h - which umbox may stand where in a chain; the planner's own. */
#pragma once

#include "core/world.h"

/* One hop of a chain and the umbox that stands for it. */
struct place {
	const struct hop *hop;
	int umbox;     /* place in world.umboxes, -1: none yet */
	int successor; /* of an outdated umbox, on its way or waiting its turn; -1: none */
	bool now;      /* it may be led to now */
	bool bridged;  /* fail-open and failed: left out of the path */
};

struct line {
	struct place places[HOPS_MAX];
	unsigned count;
};

/* Place in world.umboxes, -1: none. */
int umbox_place(const struct world *have, uint32_t id);
/* Forwards as it should. */
bool umbox_healthy(const struct umbox_view *umbox);
/* Of no use any more. */
bool umbox_lost(const struct umbox_view *umbox);
/* Frames may be led into it now. */
bool umbox_in_path(const struct world *have, uint32_t id);
/* The fittest for a new place with this hop of those that are not taken, the oldest of equals; -1:
 * none.  Places in world.umboxes. */
int umbox_fittest(const struct world *have, const struct hop *hop, const bool taken[]);

/* The same of those that are not outdated. */
int umbox_fittest_fresh(const struct world *have, const struct hop *hop, const bool taken[]);
/* It may take a new place now. */
bool umbox_fits_now(const struct world *have, const struct umbox_view *umbox);

/* How many umboxes the posture's chain has; NULL, pass and block have none. */
unsigned chain_length(const struct posture *posture);
/* Finds an umbox for each hop of the posture, as far as there are any. */
void line_up(struct line *ret, const struct world *have, const struct posture *posture);
/* The path through the line; false while not every hop that counts may be led to. */
bool line_path(struct path *ret, const struct line *line, const struct world *have);
