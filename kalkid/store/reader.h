/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/reader.h - the thread that reads, with a connection of its own: one read after the other,
 * so that none delays the loop and all of them together cost one connection. */
#pragma once

#include <stdatomic.h>

#include "store/sql.h"
#include "store/store.h"

struct reader {
	/* Set once. */
	const char *path; /* the store's */
	uv_async_t *wake_loop;
	uv_thread_t thread;

	/* Guarded by the mutex. */
	uv_mutex_t mutex;
	uv_cond_t wake;
	struct store_read *first, *last; /* waiting */
	unsigned waiting_count;
	struct store_read *running;
	struct store_read *finished, *last_finished;
	bool closing, ended, damaged;

	/* With either what runs ends soon: it is no longer wanted; the writer waits for the file.
	 */
	atomic_bool stop, paused;

	/* The thread's; replacing the file is guarded by file_mutex. */
	uv_mutex_t file_mutex;
	sqlite3 *connection;
	uint64_t deadline_ns;
};

void reader_start(struct reader *reader, const char *path, uv_async_t *wake_loop);
/* Every read ends, then the thread: reader_take_news tells when. */
void reader_close(struct reader *reader);
/* After the thread has ended. */
void reader_join(struct reader *reader);

void reader_add(struct reader *reader, struct store_read *read);
void reader_cancel(struct reader *reader, struct store_read *read);

/* What came since the last call. */
struct reader_news {
	struct store_read *finished; /* a list of reads whose `done` is due */
	bool damaged;                /* one of them found damage */
	bool ended;                  /* the thread has, and nothing comes any more */
};
struct reader_news reader_take_news(struct reader *reader);

/* Between them nothing is read, and the file may be replaced. */
void reader_pause(struct reader *reader);
void reader_resume(struct reader *reader);

/* A connection that only reads. */
int reader_connect(sqlite3 **ret, const char *path, struct error *err) must_check;
