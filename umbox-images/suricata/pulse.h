/* SPDX-License-Identifier: Apache-2.0 */
/* pulse.h - whether Suricata lives and takes the frames that come.  Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	/* It tells its counters every 2 s, as they were up to 3 s before. */
	PULSE_PATIENCE_S = 20,
	/* In so many times that it told them, frames had come; one alone may have been lost
	   elsewhere. */
	PULSE_UNANSWERED = 3,
};

struct pulse {
	int64_t said_us;  /* when it last told its counters */
	int64_t stuck_us; /* since when frames come that it does not take */
	unsigned unanswered;
	bool known; /* what was before its first words does not count */
	uint64_t taken, arrived;
};

void pulse_start(struct pulse *pulse, int64_t now_us);
/* Its counters came: so many frames has it taken, so many have arrived at the legs. */
void pulse_beat(struct pulse *pulse, uint64_t taken, uint64_t arrived, int64_t now_us);
/* NULL while all is well, else why it is not. */
const char *pulse_fault(const struct pulse *pulse, int64_t now_us);
