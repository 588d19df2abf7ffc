/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/writer.h - the inside of the store, and the thread that writes.
 *
 * The loop's thread fills `pending` and reads; the writer takes all of `pending` at once, writes it
 * in one transaction, and tells the loop through `wake_loop`. */
#pragma once

#include "store/answers.h"
#include "store/database.h"
#include "store/history.h"
#include "store/queue.h"
#include "store/reader.h"
#include "store/witness.h"

/* How the store stands towards the disk; guarded by the mutex. */
struct writer_state {
	bool failing;
	bool damaged;      /* a reader found damage: replace the database */
	unsigned troubles; /* counts what on_trouble must tell */
	char words[ERROR_TEXT_BYTES];
	uint64_t retry_after_ns, tried_at_ns;
	struct store_status status;
};

struct store {
	/* Set once. */
	char *path;
	struct store_config config;
	struct clock *clock;
	int lock_fd;
	uv_thread_t thread;

	/* Guarded by the mutex. */
	uv_mutex_t mutex;
	uv_cond_t wake_writer;
	struct queue pending;
	uint64_t pending_since_ns;
	struct store_barrier *finished, *last_finished;
	struct writer_state state;
	struct clock_record time; /* as seen by the loop's thread last */
	bool closing, ended;

	/* The writer's. */
	sqlite3 *connection;
	struct database_place place; /* of the connection's files */
	uint64_t looked_at_ns;       /* whether they are in place */
	struct history_glut glut;
	bool connection_damaged; /* a new database is wanted, */
	bool connection_lost;    /* because it is no longer in its place, */
	struct intent *rescued;  /* with this, what was in it; NULL: not known */
	bool copy_wanted, trim_wanted;
	uint64_t copied_at_ns;
	struct answers answers;

	struct reader reader;

	/* The loop's; replacing the file is guarded by its mutex. */
	uv_mutex_t loop_mutex;
	sqlite3 *loop_connection;
	uv_async_t wake_loop;
	uv_timer_t heartbeat;
	unsigned troubles_told, handles_open;
	bool trouble_told, witness_failed;
	struct intent intent; /* as read at open, until it is loaded */
	uint64_t next[COUNTER_COUNT], reserved[COUNTER_COUNT];
	uint8_t living[(DEVICE_NUMBER_MAX + 1) / 8]; /* a bit per device number */
	struct witness *witness;                     /* NULL: none */
	void (*closed)(void *data);
	void *closed_data;
};

/* One transaction with everything in the batch, and the time. */
int writer_write(sqlite3 *connection, const struct queue *batch, const struct clock_record *time,
		 struct error *err) must_check;
/* Books an error of the disk; with the mutex, or before the thread runs. */
void writer_note_failure(struct store *store, int result, const struct error *err);
/* The thread's function, with the store as data. */
void writer_run(void *data);

/* store.c; with the mutex, or before the thread runs. */
void store_reserve(struct store *store, enum counter counter);
void store_mark_living(struct store *store, uint32_t number, bool living);
void store_on_wake(uv_async_t *async);
void store_close_loop_connection(struct store *store);
