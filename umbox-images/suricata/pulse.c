/* SPDX-License-Identifier: Apache-2.0 */
/* pulse.c - see pulse.h. */
#include "pulse.h"

#include <stddef.h>

void pulse_start(struct pulse *pulse, int64_t now_us)
{
	*pulse = (struct pulse){.said_us = now_us};
}

void pulse_beat(struct pulse *pulse, uint64_t taken, uint64_t arrived, int64_t now_us)
{
	pulse->said_us = now_us;
	if (!pulse->known || taken != pulse->taken)
		pulse->unanswered = 0;
	else if (arrived != pulse->arrived && pulse->unanswered++ == 0)
		pulse->stuck_us = now_us;
	pulse->known = true;
	pulse->taken = taken;
	pulse->arrived = arrived;
}

const char *pulse_fault(const struct pulse *pulse, int64_t now_us)
{
	const int64_t patience_us = PULSE_PATIENCE_S * 1000000ll;
	if (now_us - pulse->said_us > patience_us)
		return "Suricata has told no counters for 20 s";
	if (pulse->unanswered >= PULSE_UNANSWERED && now_us - pulse->stuck_us > patience_us)
		return "Suricata has taken no frame for 20 s, although some came";
	return NULL;
}
