/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/fleet.h - what a device's conditions see besides the device itself: the other devices and
 * the local time.  Filled by the engine, read-only for the core. */
#pragma once

#include "core/device.h"

struct machine;
struct policy;

/* All pointers are borrowed; `policy` NULL: no file defines its type. */
struct fleet_member {
	const struct device *device;
	const struct policy *policy;
	const struct machine *machine;
};

/* Local time is engine time and `offset_us` (of the wall clock and its zone), until `until_us` at
 * the latest: then the zone has another offset. */
struct local_time {
	bool known;
	int64_t offset_us; /* local microseconds since a Thursday's midnight (1970-01-01) */
	int64_t until_us;
};

struct fleet {
	struct fleet_member *members; /* the device itself among them */
	unsigned count;
	struct local_time local;
};

/* What of a device has changed, for those whose rules name it. */
enum fleet_change_kind {
	FLEET_STATE, /* also that it is there at all, its groups and tags */
	FLEET_ALERT,
	FLEET_SENSORS,
};
struct fleet_change {
	enum fleet_change_kind kind;
	const struct fleet_member *member;
	const char *alert;                     /* the alert's type */
	const struct sensor_reading *readings; /* NULL: whether all of them are available */
	unsigned reading_count;
};
