/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/rehearsal.h - devices under their policies without a network: facts go in at virtual times,
 * decisions come out as the daemon would take them.
 *
 * Policy tests and replays run on it.  Deterministic: nothing here reads a clock. */
#pragma once

#include "core/machine.h"

struct rehearsed_device {
	struct device device;
	const struct policy *policy; /* borrowed */
	struct machine machine;
	bool due; /* another device has changed that a rule names */
};

struct rehearsal {
	struct rehearsed_device *devices;
	unsigned device_count;
	struct fleet fleet; /* all of them; the caller may set its local time */
	int64_t now_us;
	uint64_t last_id; /* of alerts */
	/* Each decision but DECISION_NONE, already applied; the devices may not be changed in it.
	 */
	void (*on_decision)(void *data, unsigned device, const struct decision *decision);
	void *data;
};

/* `device_room`: how many can be added. */
void rehearsal_init(struct rehearsal *rehearsal, unsigned device_room, int64_t start_us);
void rehearsal_done(struct rehearsal *rehearsal);
/* Its index. */
unsigned rehearsal_add(struct rehearsal *rehearsal, const struct device *device,
		       const struct policy *policy);

/* Time passes up to `until_us`; what is due by then is decided at its moment. */
void rehearsal_pass(struct rehearsal *rehearsal, int64_t until_us);
/* Facts of now.  An alert gets its id and time here; a source that was given up and answers again
 * is the alert "device-available", one that is given up "device-unavailable". */
void rehearsal_alert(struct rehearsal *rehearsal, unsigned device, const struct alert *alert);
void rehearsal_readings(struct rehearsal *rehearsal, unsigned device, const char *source,
			const struct sensor_reading *readings, unsigned count);
/* The same without the alert, where it is recorded by itself. */
void rehearsal_mark_source(struct rehearsal *rehearsal, unsigned device, const char *source,
			   bool unavailable);
void rehearsal_give_up(struct rehearsal *rehearsal, unsigned device, const char *source);
/* An operator's orders; `for_us` 0: until released. */
void rehearsal_set_state(struct rehearsal *rehearsal, unsigned device, unsigned state,
			 int64_t for_us, const char *reason);
/* The time for which an operator set the state is over, whatever was said of it. */
void rehearsal_expire(struct rehearsal *rehearsal, unsigned device);
void rehearsal_release(struct rehearsal *rehearsal, unsigned device, const char *reason);
