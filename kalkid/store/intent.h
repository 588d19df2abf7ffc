/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/intent.h - the rows of what should be: devices, machines, counters, the clock.
 *
 * Each row carries a digest of itself, so that damage which SQLite cannot see is seen. */
#pragma once

#include "store/sql.h"
#include "store/store.h"

enum counter {
	COUNTER_UMBOX,
	COUNTER_EVENT,
	COUNTER_DEVICE, /* grows for ever; a number is its remainder */
	COUNTER_COUNT,
};

enum { BOOT_ID_BYTES = 40 };

struct clock_record {
	char boot_id[BOOT_ID_BYTES];
	int64_t offset_us; /* engine time minus the machine's clock, in this boot */
	int64_t last_us;   /* engine time when it was written */
};

struct intent_item {
	struct device device;
	bool has_machine;
	struct machine_record machine;
};

/* All of it, in memory. */
struct intent {
	struct intent_item *items;
	unsigned count;
	uint64_t counters[COUNTER_COUNT]; /* the first value that was never given out, at least 1 */
	struct clock_record clock;
};
void intent_done(struct intent *intent);

extern const char INTENT_SCHEMA[];
extern const char INTENT_ADDRESSES_SCHEMA[];  /* the step that brought learnt addresses */
extern const char INTENT_SHADOW_SCHEMA[];     /* devices in shadow */
extern const char INTENT_PARAMETERS_SCHEMA[]; /* parameters of a device */
extern const char INTENT_FACTOR_SCHEMA[];     /* how often each is asked */

/* Checks tables and rows; -EUCLEAN when any is damaged. */
int intent_read(sqlite3 *connection, struct intent *ret, struct error *err) must_check;
/* Into empty tables. */
int intent_write(sqlite3 *connection, const struct intent *intent, struct error *err) must_check;

int intent_put_device(sqlite3 *connection, const struct device *device,
		      struct error *err) must_check;
int intent_put_machine(sqlite3 *connection, const struct machine_record *record,
		       struct error *err) must_check;
int intent_delete_device(sqlite3 *connection, uint32_t number, struct error *err) must_check;
int intent_delete_machine(sqlite3 *connection, uint32_t number, struct error *err) must_check;
int intent_put_counter(sqlite3 *connection, enum counter counter, uint64_t next,
		       struct error *err) must_check;
int intent_put_clock(sqlite3 *connection, const struct clock_record *record,
		     struct error *err) must_check;
