/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/store.c - see store.h: what the loop's thread does once the store is open. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/history.h"
#include "store/outbox.h"
#include "store/writer.h"

/* How many ids are given out before the next block is written. */
static const uint64_t BLOCKS[COUNTER_COUNT] = {
	[COUNTER_UMBOX] = 4096,
	[COUNTER_EVENT] = 65536,
	[COUNTER_DEVICE] = 64,
};

/* --- telling the loop --- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct store *store = handle->data;
	if (--store->handles_open)
		return;
	void (*closed)(void *data) = store->closed;
	void *data = store->closed_data;
	uv_mutex_destroy(&store->mutex);
	uv_mutex_destroy(&store->loop_mutex);
	uv_cond_destroy(&store->wake_writer);
	intent_done(&store->intent);
	witness_close(store->witness);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->path);
	free(store);
	closed(data);
}

static void end_thread(struct store *store)
{
	uv_thread_join(&store->thread);
	reader_join(&store->reader);
	sqlite3_close(store->loop_connection);
	uv_close((uv_handle_t *)&store->wake_loop, on_handle_closed);
	uv_close((uv_handle_t *)&store->heartbeat, on_handle_closed);
}

static void tell_trouble(struct store *store, const struct writer_state *state)
{
	if (!store->config.on_trouble)
		return;
	if (state->troubles != store->troubles_told) {
		store->troubles_told = state->troubles;
		store->trouble_told = true;
		store->config.on_trouble(store->config.data, state->words);
	}
	if (!state->failing && store->trouble_told) {
		store->trouble_told = false;
		store->config.on_trouble(store->config.data, NULL);
	}
}

static void tell_damage(struct store *store)
{
	uv_mutex_lock(&store->mutex);
	store->state.damaged = true;
	uv_cond_signal(&store->wake_writer);
	uv_mutex_unlock(&store->mutex);
}

/* Whether the reader has ended. */
static bool tell_reads(struct store *store)
{
	struct reader_news news = reader_take_news(&store->reader);
	if (news.damaged)
		tell_damage(store);
	for (struct store_read *read = news.finished, *next; read; read = next) {
		next = read->next;
		if (read->cancelled)
			read->result = error_set(&read->err, -ECANCELED, "the read was cancelled");
		read->done(read, read->result, &read->err);
	}
	return news.ended;
}

void store_on_wake(uv_async_t *async)
{
	struct store *store = async->data;
	bool reader_ended = tell_reads(store);
	uv_mutex_lock(&store->mutex);
	struct writer_state state = store->state;
	struct store_barrier *finished = store->finished;
	store->finished = store->last_finished = NULL;
	bool ended = store->ended;
	uv_mutex_unlock(&store->mutex);

	tell_trouble(store, &state);
	for (struct store_barrier *barrier = finished, *next; barrier; barrier = next) {
		next = barrier->next;
		barrier->done(barrier, barrier->result);
	}
	if (ended && reader_ended && !uv_is_closing((uv_handle_t *)async))
		end_thread(store);
}

void store_close(struct store *store, void (*closed)(void *data), void *data)
{
	store->closed = closed;
	store->closed_data = data;
	uv_mutex_lock(&store->mutex);
	/* What was not given out of the blocks comes back. */
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		store->pending.counters[i] = store->next[i];
	store->time.last_us = clock_now_us(store->clock);
	store->closing = true;
	uv_cond_signal(&store->wake_writer);
	uv_mutex_unlock(&store->mutex);
	reader_close(&store->reader);
}

/* --- intent --- */

int store_load_devices(struct store *store,
		       int (*each)(void *data, const struct device *device,
				   const struct machine_record *machine),
		       void *data, struct error *err)
{
	int result = 0;
	for (unsigned i = 0; i < store->intent.count && result == 0; i++) {
		const struct intent_item *item = &store->intent.items[i];
		result = each(data, &item->device, item->has_machine ? &item->machine : NULL);
		if (result < 0)
			error_set(err, result, "device '%s' cannot be taken from the database",
				  item->device.name);
	}
	intent_done(&store->intent);
	return result;
}

/* --- ids --- */

void store_mark_living(struct store *store, uint32_t number, bool living)
{
	uint8_t bit = (uint8_t)(1U << number % 8);
	if (number > DEVICE_NUMBER_MAX)
		return;
	if (living)
		store->living[number / 8] |= bit;
	else
		store->living[number / 8] &= (uint8_t)~bit;
}

void store_reserve(struct store *store, enum counter counter)
{
	store->reserved[counter] = store->next[counter] + BLOCKS[counter];
	store->pending.counters[counter] = store->reserved[counter];
}

static void reserve_more(struct store *store, enum counter counter)
{
	uv_mutex_lock(&store->mutex);
	store_reserve(store, counter);
	uv_cond_signal(&store->wake_writer);
	uv_mutex_unlock(&store->mutex);
}

static uint64_t take_id(struct store *store, enum counter counter)
{
	uint64_t id = store->next[counter]++;
	if (store->next[counter] + BLOCKS[counter] / 2 > store->reserved[counter])
		reserve_more(store, counter);
	return id;
}

uint32_t store_new_umbox(struct store *store)
{
	return (uint32_t)take_id(store, COUNTER_UMBOX);
}

bool store_raise_umbox(struct store *store, uint32_t number)
{
	if (store->next[COUNTER_UMBOX] > number)
		return false;
	store->next[COUNTER_UMBOX] = (uint64_t)number + 1;
	reserve_more(store, COUNTER_UMBOX);
	return true;
}

uint64_t store_new_event(struct store *store)
{
	return take_id(store, COUNTER_EVENT);
}

/* In a circle, so that a number comes back as late as possible. */
uint32_t store_new_device_number(struct store *store)
{
	for (unsigned i = 0; i < DEVICE_NUMBER_MAX; i++) {
		uint64_t turn = take_id(store, COUNTER_DEVICE) - 1;
		uint32_t number = (uint32_t)(turn % DEVICE_NUMBER_MAX) + 1;
		if (!(store->living[number / 8] & (1U << number % 8))) {
			store_mark_living(store, number, true);
			if (store->witness)
				witness_forget(store->witness, number);
			return number;
		}
	}
	return 0;
}

/* --- the witness --- */

/* Told once: without it only a kill at just the wrong moment is worse. */
static void note_witness(struct store *store, int result)
{
	if (result < 0 && !store->witness_failed)
		log_error("decisions cannot be witnessed in memory", "error=\"%s\"",
			  strerror(-result));
	store->witness_failed = result < 0;
}

void store_witness_machine(struct store *store, const struct machine_record *record)
{
	if (store->witness)
		note_witness(store, witness_put(store->witness, record));
}

bool store_read_witness(struct store *store, uint32_t device, struct machine_record *ret)
{
	return store->witness && witness_get(store->witness, device, ret);
}

/* --- puts --- */

static void begin_put(struct store *store)
{
	uv_mutex_lock(&store->mutex);
	store->time.last_us = clock_now_us(store->clock);
}

static void end_put(struct store *store)
{
	uv_cond_signal(&store->wake_writer);
	uv_mutex_unlock(&store->mutex);
}

void store_put_device(struct store *store, const struct device *device)
{
	store_mark_living(store, device->number, true);
	begin_put(store);
	queue_put_device(&store->pending, device);
	end_put(store);
}

void store_delete_device(struct store *store, uint32_t number)
{
	store_mark_living(store, number, false);
	begin_put(store);
	queue_delete_device(&store->pending, number);
	end_put(store);
}

void store_put_machine(struct store *store, const struct machine_record *record)
{
	begin_put(store);
	queue_put_machine(&store->pending, record);
	end_put(store);
}

/* Of what waits for company in the writer. */
static void begin_entry(struct store *store)
{
	begin_put(store);
	if (!store->pending.first && !store->pending.notices)
		store->pending_since_ns = uv_hrtime();
}

void store_add_event(struct store *store, const struct event *event)
{
	begin_entry(store);
	if (!queue_add_event(&store->pending, event, store->config.queue_max))
		store->state.status.events_dropped++;
	end_put(store);
}

void store_acknowledge(struct store *store, uint64_t event, const char *who, const char *words)
{
	begin_entry(store);
	if (!queue_add_mark(&store->pending, event, who, words, store->config.queue_max))
		store->state.status.events_dropped++;
	end_put(store);
}

void store_put_notice(struct store *store, const struct store_notice *notice)
{
	begin_entry(store);
	queue_put_notice(&store->pending, notice->id, notice->notifier, notice->json);
	end_put(store);
}

void store_delete_notice(struct store *store, uint64_t id)
{
	begin_entry(store);
	queue_put_notice(&store->pending, id, NULL, NULL);
	end_put(store);
}

void store_sync(struct store *store, struct store_barrier *barrier)
{
	begin_put(store);
	queue_add_barrier(&store->pending, barrier);
	end_put(store);
}

/* --- reading --- */

/* The start is over: its memory is worth more. */
void store_close_loop_connection(struct store *store)
{
	if (uv_mutex_trylock(&store->loop_mutex))
		return; /* the writer closes it */
	sqlite3_close(take(store->loop_connection));
	uv_mutex_unlock(&store->loop_mutex);
}

/* What the loop's thread reads at start; the connection is its to use until unlock_reading. */
static int lock_for_reading(struct store *store, struct error *err)
{
	if (uv_mutex_trylock(&store->loop_mutex))
		return error_set(err, -EBUSY, "the history is being repaired: try again");
	if (store->loop_connection)
		return 0;
	int result = reader_connect(&store->loop_connection, store->path, err);
	if (result < 0)
		uv_mutex_unlock(&store->loop_mutex);
	return result;
}

static int unlock_reading(struct store *store, int result)
{
	uv_mutex_unlock(&store->loop_mutex);
	if (result == -EUCLEAN)
		tell_damage(store);
	return result;
}

int store_read_events(struct store *store, const struct event_filter *filter,
		      bool (*each)(void *data, const struct event *event,
				   const char *acknowledged_by),
		      void *data, struct error *err)
{
	int result = lock_for_reading(store, err);
	if (result < 0)
		return result;
	result = history_read(store->loop_connection, filter, each, data, err);
	return unlock_reading(store, result);
}

int store_load_notices(struct store *store,
		       void (*each)(void *data, const struct store_notice *notice), void *data,
		       struct error *err)
{
	int result = lock_for_reading(store, err);
	if (result < 0)
		return result;
	return unlock_reading(store, outbox_read(store->loop_connection, each, data, err));
}

void store_start_read(struct store *store, struct store_read *read)
{
	reader_add(&store->reader, read);
}

void store_cancel_read(struct store *store, struct store_read *read)
{
	reader_cancel(&store->reader, read);
}

static bool give_event(void *data, const struct event *event, const char *acknowledged_by)
{
	struct event_read *read = data;
	return read->each(read, event, acknowledged_by);
}

static int run_event_read(struct store_read *base, sqlite3 *connection, struct error *err)
{
	struct event_read *read = container_of(base, struct event_read, read);
	int result = history_read(connection, &read->filter, give_event, read, err);
	if (result == 0 && read->last)
		read->last(read);
	return result;
}

void store_start_event_read(struct store *store, struct event_read *read)
{
	read->read.run = run_event_read;
	store_start_read(store, &read->read);
}

void store_read_status(struct store *store, struct store_status *ret)
{
	uv_mutex_lock(&store->mutex);
	*ret = store->state.status;
	ret->failing = store->state.failing;
	uv_mutex_unlock(&store->mutex);
}
