/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/store.h - what outlives the daemon: intent (what should be) and history (what was), in
 * SQLite.
 *
 * One writer thread with a bounded queue: a put returns at once, in the order of the calls;
 * whatever is queued is committed together.  One reader thread with a connection of its own; reads
 * see what is committed.  A full or failing disk never stops enforcement: the store says so
 * (on_trouble) and goes on. */
#pragma once

#include <uv.h>

#include "base/clock.h"
#include "codec/event_json.h"
#include "core/device.h"
#include "core/machine.h"

struct store;

struct store_config {
	const char *path;             /* of the database file; its directory exists */
	int64_t history_age_max_us;   /* events older than this go */
	int64_t history_bytes_max;    /* and the oldest beyond this size */
	unsigned history_answers_max; /* and of each telemetry source; 0: no bound */
	unsigned queue_max;           /* puts waiting; events beyond it are counted and dropped */
	const char *boot_id;          /* NULL: the machine's; tests give their own */
	const char *witness_path;     /* a file in memory, see witness.h; NULL: none */
	/* On the loop's thread, when writing begins to fail (words) and when it
	 * works again (NULL). */
	void (*on_trouble)(void *data, const char *words);
	void *data;
};

/* Where one device's machine stands: enough to go on after a restart. */
struct machine_record {
	uint32_t device;
	char state[NAME_BYTES];
	uint32_t generation;
	int64_t entered_us, last_alert_us;
	uint64_t decided_event; /* id of its last decision: alerts up to it are used up... */
	bool manual;
	int64_t manual_until_us;
	char manual_back[NAME_BYTES];
	char manual_reason[REASON_BYTES];
	bool quarantined;
	char quarantine_reason[REASON_BYTES];
	bool shadowed;             /* by an operator */
	char in_force[NAME_BYTES]; /* state whose posture is; "": its own */
	unsigned unused_count;
	uint64_t unused[MACHINE_ALERTS_MAX]; /* ...but for these, the oldest first */
};

/* Opens, and repairs or sets aside (`path`.damaged-<n>) what cannot be read: then `*ret_damaged`
 * tells.  Blocks; called once at start.  The clock's offset is set so that engine time goes on. */
int store_open(struct store **ret, uv_loop_t *loop, const struct store_config *config,
	       struct clock *clock, bool *ret_damaged, struct error *err) must_check;
/* Writes what is queued, then runs `closed` on the loop's thread. */
void store_close(struct store *store, void (*closed)(void *data), void *data);

/* Intent, at start. */
int store_load_devices(struct store *store,
		       int (*each)(void *data, const struct device *device,
				   const struct machine_record *machine),
		       void *data, struct error *err) must_check;
/* The next number for a device, never that of a living one. 0 when all are taken. */
uint32_t store_new_device_number(struct store *store);
/* Ids never come twice, also after a kill: they are reserved in blocks. */
uint32_t store_new_umbox(struct store *store);
/* Numbers up to this one were given out, whatever the database knows; true when it knew less. */
bool store_raise_umbox(struct store *store, uint32_t number);
uint64_t store_new_event(struct store *store);

/* Before a decision is in the kernel: remembered at once, where a killed daemon does not take it
 * along.  No disk. */
void store_witness_machine(struct store *store, const struct machine_record *record);
/* What was witnessed last of the device; false when nothing was.  At start: newer than the loaded
 * record when its generation is. */
bool store_read_witness(struct store *store, uint32_t device, struct machine_record *ret);

/* Intent and history, queued.  Values are copied. */
void store_put_device(struct store *store, const struct device *device);
void store_delete_device(struct store *store, uint32_t number);
void store_put_machine(struct store *store, const struct machine_record *record);
void store_add_event(struct store *store, const struct event *event);
/* Operators' marks on alerts. */
void store_acknowledge(struct store *store, uint64_t event, const char *who, const char *words);

/* Notices that wait for their delivery: a kill loses none, and `id` orders them.  A put replaces
 * the one of the same id. */
struct store_notice {
	uint64_t id; /* of store_new_event */
	const char *notifier, *json;
};
void store_put_notice(struct store *store, const struct store_notice *notice);
void store_delete_notice(struct store *store, uint64_t id);
/* At start. */
int store_load_notices(struct store *store,
		       void (*each)(void *data, const struct store_notice *notice), void *data,
		       struct error *err) must_check;

/* Runs `done` on the loop's thread once everything put before is on disk (result 0) or could not be
 * written (negative errno).  Embedded; exactly once, never before store_sync returned. */
struct store_barrier {
	void (*done)(struct store_barrier *barrier, int result);
	struct store_barrier *next; /* the store's */
	int result;                 /* the store's */
};
void store_sync(struct store *store, struct store_barrier *barrier);

enum { STORE_PAGE_MAX = 1000 };

struct event_filter {
	uint32_t kinds;          /* bit per event_kind, 0: all */
	uint32_t device;         /* 0: all */
	struct device_set among; /* none in it: all */
	uint64_t after_id;       /* events with a greater id */
	uint64_t before_id;      /* with a smaller one; 0: no bound */
	int64_t since_wall_us;
	unsigned limit; /* at most STORE_PAGE_MAX */
	bool newest_first;
	bool unacknowledged; /* alerts that nobody acknowledged */
};
/* At once, on the loop's thread: for the start, where nothing waits yet.  `each` returns false to
 * stop.  The event's pointers live for the time of the call. */
int store_read_events(struct store *store, const struct event_filter *filter,
		      bool (*each)(void *data, const struct event *event,
				   const char *acknowledged_by),
		      void *data, struct error *err) must_check;

enum { STORE_READS_MAX = 256 /* waiting */, STORE_READ_MAX_MS = 30000 };

struct sqlite3;

/* A read by the reader's thread.  Embedded; `done` runs on the loop's thread exactly once, never
 * before the start returned, and until then nothing of it is touched by anybody else.  What it may
 * end with beside errors of the database: -ECANCELED (store_cancel, store_close), -EAGAIN (too many
 * wait), -ETIMEDOUT, -EBUSY (the database is being repaired). */
struct store_read {
	void (*done)(struct store_read *read, int result, const struct error *err);
	/* On the reader's thread. */
	int (*run)(struct store_read *read, struct sqlite3 *connection, struct error *err);
	struct store_read *next; /* the store's, as all that follows */
	bool cancelled;
	int result;
	struct error err;
};
void store_start_read(struct store *store, struct store_read *read);
/* `done` is still called, also when it had been read already: with -ECANCELED. */
void store_cancel_read(struct store *store, struct store_read *read);

/* A page of events.  `each` and `last` run on the reader's thread, so they touch nothing but what
 * belongs to the read; `last` (may be NULL) runs behind the last event, when all went well. */
struct event_read {
	struct store_read read; /* `done` is the caller's to fill */
	struct event_filter filter;
	bool (*each)(struct event_read *read, const struct event *event,
		     const char *acknowledged_by);
	void (*last)(struct event_read *read);
};
void store_start_event_read(struct store *store, struct event_read *read);

struct store_status {
	bool failing;
	uint64_t events_dropped; /* because the queue was full or the disk failed */
	int64_t bytes;
	uint64_t oldest_event, newest_event;
};
void store_read_status(struct store *store, struct store_status *ret);
