/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/writer.c - see writer.h.
 *
 * Events alone are committed with synchronous=NORMAL: a kill loses nothing of them, a power cut the
 * last moments.  A batch with intent or with somebody waiting is committed with FULL: the journal
 * is synced before the commit returns, and with it everything committed before. */
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/database.h"
#include "store/history.h"
#include "store/outbox.h"

#define MS_NS 1000000ULL

enum {
	LINGER_MS = 10,     /* events wait so long for company, to spare flash memory */
	RETRY_MIN_MS = 100, /* doubles up to */
	RETRY_MAX_MS = 5000,
	COPY_EVERY_MS = 10000,
	LOOK_EVERY_MS = 5000, /* and before each batch */
	TRIM_ROWS = 500,
	TRIM_ROWS_MAX = 5000,
};

/* --- writing: the writer's thread, without the mutex --- */

static int write_intent(sqlite3 *connection, const struct queue *batch, struct error *err)
{
	int result = 0;
	for (const struct intent_change *c = batch->changes; c && result == 0; c = c->hh.next) {
		if (c->device_change == CHANGE_PUT)
			result = intent_put_device(connection, &c->device, err);
		else if (c->device_change == CHANGE_DELETE)
			result = intent_delete_device(connection, c->number, err);
		if (result == 0 && c->machine_change == CHANGE_PUT)
			result = intent_put_machine(connection, &c->machine, err);
		else if (result == 0 && c->machine_change == CHANGE_DELETE)
			result = intent_delete_machine(connection, c->number, err);
	}
	for (unsigned i = 0; i < COUNTER_COUNT && result == 0; i++) {
		if (batch->counters[i])
			result = intent_put_counter(connection, i, batch->counters[i], err);
	}
	return result;
}

int writer_write(sqlite3 *connection, const struct queue *batch, const struct clock_record *time,
		 struct error *err)
{
	bool full = batch->barriers || queue_has_intent(batch);
	int result = sql_run(connection,
			     full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
			     err);
	if (result == 0)
		result = sql_run(connection, "BEGIN IMMEDIATE", err);
	if (result == 0)
		result = write_intent(connection, batch, err);
	if (result == 0)
		result = history_add(connection, batch->first, err);
	if (result == 0)
		result = outbox_write(connection, batch->notices, err);
	/* Also what makes a batch of barriers alone a transaction that is synced. */
	if (result == 0)
		result = intent_put_clock(connection, time, err);
	if (result == 0)
		result = sql_run(connection, "COMMIT", err);
	if (result < 0 && !sqlite3_get_autocommit(connection))
		sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

static void tell_damage(struct store *store)
{
	uv_mutex_lock(&store->mutex);
	store->state.troubles++;
	TEXT_COPY(store->state.words,
		  store->connection_lost
			  ? "the database was removed or replaced while kalkid runs: a new one was "
			    "made from what is in force; older history is gone, and what stood in "
			    "its place was set aside as *.damaged-<n>"
			  : "the database was damaged: it was set aside beside its place as "
			    "*.damaged-<n>, and a new one was made from the last intent; "
			    "older history stands in the damaged one");
	uv_mutex_unlock(&store->mutex);
	uv_async_send(&store->wake_loop);
}

static void forget_rescued(struct store *store)
{
	if (store->rescued)
		intent_done(store->rescued);
	free(take(store->rescued));
}

/* Opens the database when there is none: the first attempt failed, or it was damaged. */
static int reopen(struct store *store, struct error *err)
{
	if (store->connection)
		return 0;
	struct database_loss loss = {store->connection_damaged, store->rescued};
	struct intent intent = {0};
	bool damaged = false;
	reader_pause(&store->reader);
	uv_mutex_lock(&store->loop_mutex);
	sqlite3_close(take(store->loop_connection));
	int result = database_open(&store->connection, store->path, &loss, &intent, &damaged, err);
	uv_mutex_unlock(&store->loop_mutex);
	reader_resume(&store->reader);
	intent_done(&intent);
	if (damaged)
		tell_damage(store);
	if (result == 0) {
		store->connection_damaged = store->connection_lost = false;
		forget_rescued(store);
	}
	return result;
}

static void give_up_connection(struct store *store)
{
	sqlite3_close(store->connection);
	store->connection = NULL;
	store->connection_damaged = true;
	store->place = (struct database_place){0};
}

/* What is open can still be read when its name is gone or leads elsewhere; but nobody would find it
 * at the next start. */
static void look_at_place(struct store *store)
{
	cleanup_free struct intent *intent = NULL;
	struct error err;
	store->looked_at_ns = uv_hrtime();
	if (!store->connection || database_in_place(&store->place, store->path))
		return;
	intent = mem_alloc(sizeof(*intent));
	if (intent_read(store->connection, intent, &err) == 0)
		store->rescued = take(intent);
	give_up_connection(store);
	store->connection_lost = true;
	store->copy_wanted = true; /* it may be gone as well */
	store->copied_at_ns = 0;
}

/* One attempt, with a repair of the database where it turns out damaged. */
static int write_batch(struct store *store, const struct queue *batch,
		       const struct clock_record *time, struct error *err)
{
	int result = reopen(store, err);
	if (result == 0)
		result = writer_write(store->connection, batch, time, err);
	if (result != -EUCLEAN || !store->connection)
		return result;
	give_up_connection(store);
	result = reopen(store, err);
	return result == 0 ? writer_write(store->connection, batch, time, err) : result;
}

/* --- what is done between batches --- */

static int trim(struct store *store, unsigned written, int64_t now_us, struct error *err)
{
	struct history_limits limits = {
		.before_us = store->config.history_age_max_us > 0
				     ? now_us - store->config.history_age_max_us
				     : INT64_MIN,
		.bytes_max = store->config.history_bytes_max,
		/* More than came, so that a flood does not outrun it. */
		.rows_max = min_of(max_of(2 * written, (unsigned)TRIM_ROWS),
				   (unsigned)TRIM_ROWS_MAX),
	};
	return history_trim(store->connection, &limits, &store->glut, &store->trim_wanted, err);
}

static bool copy_due(const struct store *store, bool last)
{
	return store->copy_wanted &&
	       (last || uv_hrtime() >= store->copied_at_ns + COPY_EVERY_MS * MS_NS);
}

static int keep_up(struct store *store, unsigned written, const struct clock_record *time,
		   bool last, struct store_status *ret_measured, struct error *err)
{
	bool more = false;
	int result = trim(store, written, time->last_us, err);
	if (result == 0)
		result = answers_trim(&store->answers, store->connection,
				      store->config.history_answers_max, &more, err);
	store->trim_wanted |= more;
	if (result == 0 && copy_due(store, last)) {
		result = database_copy_intent(store->connection, store->path, err);
		if (result == 0) {
			store->copied_at_ns = uv_hrtime();
			store->copy_wanted = false;
		}
	}
	return result == 0 ? history_measure(store->connection, ret_measured, err) : result;
}

/* --- with the mutex --- */

void writer_note_failure(struct store *store, int result, const struct error *err)
{
	struct writer_state *state = &store->state;
	if (!state->failing || !text_equal(state->words, err->text)) {
		state->troubles++;
		TEXT_COPY(state->words, err->text);
	}
	state->failing = true;
	state->retry_after_ns = max_of(state->retry_after_ns * 2, RETRY_MIN_MS * MS_NS);
	state->retry_after_ns = min_of(state->retry_after_ns, RETRY_MAX_MS * MS_NS);
	state->tried_at_ns = uv_hrtime();
	if (result == -EUCLEAN && store->connection)
		give_up_connection(store);
}

static void finish_barriers(struct store *store, struct queue *batch, int result)
{
	if (!batch->barriers)
		return;
	for (struct store_barrier *b = batch->barriers; b; b = b->next)
		b->result = result;
	if (store->last_finished)
		store->last_finished->next = batch->barriers;
	else
		store->finished = batch->barriers;
	store->last_finished = batch->last_barrier;
	batch->barriers = batch->last_barrier = NULL;
}

static void finish_batch(struct store *store, struct queue *batch, int result)
{
	finish_barriers(store, batch, result);
	if (result < 0) {
		store->state.status.events_dropped += queue_put_back(&store->pending, batch,
								     store->config.queue_max);
	} else {
		store->copy_wanted |= queue_has_intent(batch);
		queue_done(batch);
	}
	uv_async_send(&store->wake_loop);
}

static void note_success(struct store *store, const struct store_status *measured)
{
	store->state.failing = false;
	store->state.retry_after_ns = 0;
	store->state.status.bytes = measured->bytes;
	store->state.status.oldest_event = measured->oldest_event;
	store->state.status.newest_event = measured->newest_event;
}

/* When the writer has something to do. */
static uint64_t due_ns(const struct store *store)
{
	const struct queue *pending = &store->pending;
	const struct writer_state *state = &store->state;
	if (store->closing)
		return 0;
	if (state->failing) {
		/* Somebody who waits is told soon, but does not turn the back-off into a storm. */
		uint64_t delay = pending->barriers
					 ? min_of(state->retry_after_ns, RETRY_MIN_MS * MS_NS)
					 : state->retry_after_ns;
		return state->tried_at_ns + delay;
	}
	if (state->damaged || store->trim_wanted || pending->barriers || pending->beat ||
	    queue_has_intent(pending))
		return 0;
	uint64_t due = store->looked_at_ns + LOOK_EVERY_MS * MS_NS;
	if (store->copy_wanted)
		due = min_of(due, store->copied_at_ns + COPY_EVERY_MS * MS_NS);
	return pending->first || pending->notices
		       ? min_of(due, store->pending_since_ns + LINGER_MS * MS_NS)
		       : due;
}

static void wait_for_work(struct store *store)
{
	for (;;) {
		uint64_t due = due_ns(store), now = uv_hrtime();
		if (due <= now)
			return;
		uv_cond_timedwait(&store->wake_writer, &store->mutex, due - now);
	}
}

/* More than a look at the files. */
static bool has_work(const struct store *store, const struct queue *batch, bool last)
{
	return !queue_is_empty(batch) || !store->connection || store->state.failing ||
	       store->trim_wanted || copy_due(store, last);
}

/* Takes what is pending, writes it without the mutex, tells who waits, and only then tidies up. */
static void write_once(struct store *store, bool last)
{
	struct queue batch = store->pending;
	struct clock_record time = store->time;
	struct store_status measured = {0};
	struct error err = {0};
	unsigned written = batch.entry_count;
	int result = 0;
	if (store->state.damaged && store->connection)
		give_up_connection(store);
	store->pending = (struct queue){0};
	store->state.damaged = false;

	uv_mutex_unlock(&store->mutex);
	look_at_place(store);
	bool works = has_work(store, &batch, last);
	if (!queue_is_empty(&batch) || !store->connection)
		result = write_batch(store, &batch, &time, &err);
	uv_mutex_lock(&store->mutex);
	if (!works)
		return;
	if (result == 0)
		answers_note(&store->answers, &batch, store->config.history_answers_max);
	finish_batch(store, &batch, result);
	if (result == 0) {
		uv_mutex_unlock(&store->mutex);
		result = keep_up(store, written, &time, last, &measured, &err);
		uv_mutex_lock(&store->mutex);
	}
	if (result < 0)
		writer_note_failure(store, result, &err);
	else
		note_success(store, &measured);
	uv_async_send(&store->wake_loop);
}

void writer_run(void *data)
{
	struct store *store = data;
	bool last = false;
	uv_mutex_lock(&store->mutex);
	while (!last) {
		wait_for_work(store);
		last = store->closing;
		write_once(store, last);
	}
	/* What could not be written goes down with the daemon, but not unheard. */
	store->state.status.events_dropped += store->pending.entry_count;
	queue_done(&store->pending);
	sqlite3_close(take(store->connection));
	forget_rescued(store);
	answers_done(&store->answers);
	store->ended = true;
	uv_async_send(&store->wake_loop);
	uv_mutex_unlock(&store->mutex);
}
