/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/reader.c - see reader.h. */
#include "store/reader.h"

#include <stdlib.h>

#include "base/mem.h"

#define MS_NS 1000000ULL

enum {
	IDLE_MS = 5000,        /* then the connection is closed: its memory is worth more */
	PROGRESS_STEPS = 1000, /* of SQLite's machine, between two looks at the clock */
};

int reader_connect(sqlite3 **ret, const char *path, struct error *err)
{
	cleanup_connection sqlite3 *connection = NULL;
	int result = sql_open(&connection, path, SQLITE_OPEN_READWRITE, err);
	if (result == 0)
		result = sql_run(connection, "PRAGMA query_only = 1", err);
	if (result == 0)
		*ret = take(connection);
	return result;
}

/* --- the thread --- */

static bool was_stopped(struct reader *reader)
{
	return atomic_load(&reader->stop) || atomic_load(&reader->paused);
}

static int on_progress(void *data)
{
	struct reader *reader = data;
	return was_stopped(reader) || uv_hrtime() > reader->deadline_ns;
}

/* Without the mutex. */
static int carry_out(struct reader *reader, struct store_read *read, struct error *err)
{
	int result = 0;
	uv_mutex_lock(&reader->file_mutex);
	reader->deadline_ns = uv_hrtime() + STORE_READ_MAX_MS * MS_NS;
	if (!reader->connection) {
		result = reader_connect(&reader->connection, reader->path, err);
		if (result == 0)
			sqlite3_progress_handler(reader->connection, PROGRESS_STEPS, on_progress,
						 reader);
	}
	if (result == 0)
		result = read->run(read, reader->connection, err);
	if (result == -ECANCELED && !was_stopped(reader))
		result = error_set(err, -ETIMEDOUT, "the history was read for %d s without an end",
				   STORE_READ_MAX_MS / 1000);
	uv_mutex_unlock(&reader->file_mutex);
	return result;
}

static void finish(struct reader *reader, struct store_read *read, int result)
{
	read->result = result;
	read->next = NULL;
	if (reader->last_finished)
		reader->last_finished->next = read;
	else
		reader->finished = read;
	reader->last_finished = read;
	uv_async_send(reader->wake_loop);
}

static void finish_cancelled(struct reader *reader, struct store_read *read)
{
	read->cancelled = true;
	finish(reader, read, -ECANCELED);
}

static struct store_read *take_first(struct reader *reader)
{
	struct store_read *read = reader->first;
	reader->first = read->next;
	if (!reader->first)
		reader->last = NULL;
	reader->waiting_count--;
	return read;
}

static void run_first(struct reader *reader)
{
	struct store_read *read = reader->running = take_first(reader);
	atomic_store(&reader->stop, false);
	uv_mutex_unlock(&reader->mutex);
	int result = carry_out(reader, read, &read->err);
	uv_mutex_lock(&reader->mutex);
	reader->running = NULL;
	reader->damaged |= result == -EUCLEAN;
	read->cancelled |= reader->closing;
	if (result == -ECANCELED)
		result = error_set(&read->err, -EBUSY, "the history is being repaired: try again");
	finish(reader, read, result);
}

static void close_connection(struct reader *reader)
{
	uv_mutex_lock(&reader->file_mutex);
	sqlite3_close(take(reader->connection));
	uv_mutex_unlock(&reader->file_mutex);
}

/* With the mutex, as all that follows.  `connected`: a read was carried out since the last close.
 */
static void wait_for_reads(struct reader *reader, bool *connected)
{
	if (!*connected) {
		uv_cond_wait(&reader->wake, &reader->mutex);
	} else if (uv_cond_timedwait(&reader->wake, &reader->mutex, IDLE_MS * MS_NS) ==
		   UV_ETIMEDOUT) {
		*connected = false;
		uv_mutex_unlock(&reader->mutex);
		close_connection(reader);
		uv_mutex_lock(&reader->mutex);
	}
}

static void reader_run(void *data)
{
	struct reader *reader = data;
	bool connected = false;
	uv_mutex_lock(&reader->mutex);
	while (!reader->closing) {
		if (!reader->first) {
			wait_for_reads(reader, &connected);
			continue;
		}
		run_first(reader);
		connected = true;
	}
	while (reader->first)
		finish_cancelled(reader, take_first(reader));
	reader->ended = true;
	uv_async_send(reader->wake_loop);
	uv_mutex_unlock(&reader->mutex);
}

/* --- the loop's side --- */

void reader_start(struct reader *reader, const char *path, uv_async_t *wake_loop)
{
	reader->path = path;
	reader->wake_loop = wake_loop;
	if (uv_mutex_init(&reader->mutex) || uv_mutex_init(&reader->file_mutex) ||
	    uv_cond_init(&reader->wake) || uv_thread_create(&reader->thread, reader_run, reader))
		abort(); /* out of memory or descriptors, at start */
}

void reader_close(struct reader *reader)
{
	uv_mutex_lock(&reader->mutex);
	reader->closing = true;
	atomic_store(&reader->stop, true);
	uv_cond_signal(&reader->wake);
	uv_mutex_unlock(&reader->mutex);
}

void reader_join(struct reader *reader)
{
	uv_thread_join(&reader->thread);
	sqlite3_close(reader->connection);
	uv_mutex_destroy(&reader->mutex);
	uv_mutex_destroy(&reader->file_mutex);
	uv_cond_destroy(&reader->wake);
}

void reader_add(struct reader *reader, struct store_read *read)
{
	read->next = NULL;
	read->cancelled = false;
	read->err = (struct error){0};
	uv_mutex_lock(&reader->mutex);
	if (reader->waiting_count == STORE_READS_MAX) {
		finish(reader, read,
		       error_set(&read->err, -EAGAIN, "%d reads of the history wait already",
				 STORE_READS_MAX));
	} else if (reader->closing) {
		finish_cancelled(reader, read);
	} else {
		if (reader->last)
			reader->last->next = read;
		else
			reader->first = read;
		reader->last = read;
		reader->waiting_count++;
		uv_cond_signal(&reader->wake);
	}
	uv_mutex_unlock(&reader->mutex);
}

/* True when it was still waiting. */
static bool take_out(struct reader *reader, const struct store_read *read)
{
	struct store_read *before = NULL;
	for (struct store_read *at = reader->first; at; before = at, at = at->next) {
		if (at != read)
			continue;
		if (before)
			before->next = at->next;
		else
			reader->first = at->next;
		if (reader->last == at)
			reader->last = before;
		reader->waiting_count--;
		return true;
	}
	return false;
}

void reader_cancel(struct reader *reader, struct store_read *read)
{
	uv_mutex_lock(&reader->mutex);
	read->cancelled = true;
	if (reader->running == read)
		atomic_store(&reader->stop, true);
	else if (take_out(reader, read))
		finish_cancelled(reader, read);
	uv_mutex_unlock(&reader->mutex);
}

struct reader_news reader_take_news(struct reader *reader)
{
	uv_mutex_lock(&reader->mutex);
	struct reader_news news = {reader->finished, reader->damaged, reader->ended};
	reader->finished = reader->last_finished = NULL;
	reader->damaged = false;
	uv_mutex_unlock(&reader->mutex);
	return news;
}

/* --- the writer's side --- */

void reader_pause(struct reader *reader)
{
	atomic_store(&reader->paused, true);
	uv_mutex_lock(&reader->file_mutex);
	sqlite3_close(take(reader->connection));
}

void reader_resume(struct reader *reader)
{
	atomic_store(&reader->paused, false);
	uv_mutex_unlock(&reader->file_mutex);
}
