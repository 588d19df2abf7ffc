/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/pulse.h - whether a umbox that sends no heartbeat still takes frames: by what waits in its
 * packet sockets, and what its legs have sent, as the kernel shows both of its network namespace.
 *
 * It stands still while in each socket that listens on its legs in and out something waits, and
 * nothing was taken out of them, nor sent, since the look before.  One that drops all that it reads
 * does not.  Sockets with rings show nothing of what waits in them: who has one is never thought to
 * stand still. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What one look saw. */
struct pulse {
	unsigned listening; /* sockets on the two legs */
	bool all_wait;      /* something waits in each of them */
	uint64_t waiting;   /* bytes, in all of them */
	uint64_t sent;      /* frames, of all interfaces */
};

enum pulse_side { PULSE_IN, PULSE_OUT, PULSE_SIDES };

/* Looks into the namespace, where the legs have these names. */
int pulse_look(struct pulse *ret, int netns, const char *const legs[static PULSE_SIDES],
	       struct error *err) must_check;
bool pulse_stands_still(const struct pulse *before, const struct pulse *now);

/* /proc/net/packet and /proc/net/dev, changed in place; `legs` by their index. */
void pulse_read(struct pulse *ret, char *sockets, char *interfaces,
		const unsigned legs[static PULSE_SIDES]);
