/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/notify_queue.c - see notify_queue.h. */
#include "engine/notify_queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/notice_json.h"

enum { JITTER_PERCENT = 25 };
static const int64_t DIGEST_WRITE_US = 1000000; /* a flood is no reason to write all the time */

static int64_t now_us(const struct notify_queue *queue)
{
	return clock_now_us(queue->clock);
}

/* --- items and their rows --- */

static void write_item(struct notify_queue *queue, const struct notify_item *item)
{
	struct store_notice row = {item->id, queue->notifier.name, item->json};
	store_put_notice(queue->store, &row);
}

static struct notify_item *append(struct notify_queue *queue, uint64_t id, int64_t time_us,
				  char *json)
{
	struct notify_item *item = mem_alloc(sizeof(*item));
	item->id = id;
	item->time_us = time_us;
	item->json = json;
	LL_APPEND(queue->items, item);
	queue->count++;
	return item;
}

static void remove_item(struct notify_queue *queue, struct notify_item *item)
{
	store_delete_notice(queue->store, item->id);
	if (item == queue->digest)
		queue->digest = NULL;
	LL_DELETE(queue->items, item);
	queue->count--;
	free(item->json);
	free(item);
}

/* Out of queue and store, and into the history with what became of it. */
static void finish_item(struct notify_queue *queue, struct notify_item *item, const char *result,
			const char *words)
{
	if (item->shows[0] && !words) { /* nobody was told anything */
		remove_item(queue, item);
		return;
	}
	struct notice notice = {0};
	struct event event = events_begin(queue->events, EVENT_NOTICE, NULL, 0);
	if (notice_json_read(item->json, &notice) < 0) /* damaged on the disk */
		notice = (struct notice){.id = item->id};
	struct notice_text text = {
		.notifier = queue->notifier.name,
		.notice = &notice,
		.result = result,
		.attempts = queue->failures + 1,
		.duration_us = now_us(queue) - item->time_us,
		.words = words,
	};
	TEXT_COPY(event.device_name, notice.device);
	events_emit(queue->events, &event, event_json_notice(&event, &text));
	remove_item(queue, item);
}

static void drop(struct notify_queue *queue, struct notify_item *item, const char *words)
{
	queue->dropped++;
	finish_item(queue, item, "dropped", words);
}

/* The oldest goes, but not the one that is under way. */
static void make_room(struct notify_queue *queue)
{
	while (queue->count >= queue->notifier.queue_max) {
		struct notify_item *oldest = queue->sending ? queue->items->next : queue->items;
		if (!oldest)
			return;
		drop(queue, oldest, "too many wait");
	}
}

/* --- the limit --- */

static int64_t window_end_us(const struct notify_queue *queue)
{
	return queue->window_us + queue->notifier.limit_per_us;
}

static void write_digest(struct notify_queue *queue)
{
	struct notice *notice = &queue->digest_notice;
	cleanup_buffer struct buffer words = {0};
	for (unsigned kind = 0; kind < NOTICE_KIND_COUNT; kind++)
		if (queue->digest_kinds[kind])
			buffer_print(&words, "%s%" PRIu64 " %s", words.length ? ", " : "",
				     queue->digest_kinds[kind], NOTICE_KIND_NAMES[kind]);
	TEXT_COPY(notice->reason, words.bytes);
	free(queue->digest->json);
	queue->digest->json = notice_json(notice);
	queue->digest_written_us = now_us(queue);
	write_item(queue, queue->digest);
}

static void close_digest(struct notify_queue *queue)
{
	if (queue->digest)
		write_digest(queue);
	queue->digest = NULL;
}

static void begin_digest(struct notify_queue *queue, const struct notice *first)
{
	make_room(queue);
	queue->digest_notice = (struct notice){
		.id = store_new_event(queue->store),
		.kind = NOTICE_DIGEST,
		.time_us = first->time_us,
		.wall_us = first->wall_us,
	};
	TEXT_COPY(queue->digest_notice.instance, first->instance);
	memset(queue->digest_kinds, 0, sizeof(queue->digest_kinds));
	queue->digest_written_us = 0;
	queue->digest = append(queue, queue->digest_notice.id, first->time_us, NULL);
}

static void hold_back(struct notify_queue *queue, const struct notice *notice)
{
	bool first = !queue->digest;
	if (first)
		begin_digest(queue, notice);
	queue->held_back++;
	queue->digest_notice.count++;
	queue->digest_kinds[notice->kind]++;
	if (first || now_us(queue) - queue->digest_written_us >= DIGEST_WRITE_US)
		write_digest(queue);
}

/* What was held back goes first in the next window, and counts in it. */
static void turn_window(struct notify_queue *queue)
{
	if (queue->window_count && now_us(queue) < window_end_us(queue))
		return;
	queue->window_us = now_us(queue);
	queue->window_count = queue->digest ? 1 : 0;
	close_digest(queue);
}

/* --- sending --- */

static void pump(struct notify_queue *queue);

/* Doubles with each failure; up to a quarter sooner, so that many do not come at once. */
static int64_t wait_us(const struct notify_queue *queue)
{
	int64_t wait = queue->notifier.retry_first_us;
	for (unsigned i = 1; i < queue->failures && wait < queue->notifier.retry_max_us; i++)
		wait *= 2;
	wait = min_of(wait, queue->notifier.retry_max_us);
	return wait - wait / 100 * (int64_t)randombytes_uniform(JITTER_PERCENT);
}

static void note_failure(struct notify_queue *queue, const struct error *err)
{
	if (!queue->failures++)
		log_warning("notifier fails, its notices wait", "notifier=%s error=\"%s\"",
			    queue->notifier.name, err->text);
	queue->next_try_us = now_us(queue) + wait_us(queue);
}

static void note_error(struct notify_queue *queue, const struct error *err)
{
	TEXT_COPY(queue->last_error, err->text);
	queue->last_error_wall_us = clock_wall_now_us(queue->clock);
}

static void note_success(struct notify_queue *queue)
{
	if (queue->failures)
		log_info("notifier works again", "notifier=%s waiting=%u", queue->notifier.name,
			 queue->count - 1);
	queue->sent++;
	queue->last_success_wall_us = clock_wall_now_us(queue->clock);
}

static void on_delivered(struct delivery *delivery, int result, const struct error *err)
{
	struct notify_queue *queue = container_of(delivery, struct notify_queue, delivery);
	queue->sending = false;
	queue->attempts++;
	if (result == 0) {
		note_success(queue);
		finish_item(queue, queue->items, "sent", NULL);
		queue->failures = 0;
	} else if (result == -EBADMSG) {
		note_error(queue, err);
		queue->refused++;
		finish_item(queue, queue->items, "refused", err->text);
		queue->failures = 0;
	} else if (!queue->stopping) {
		note_error(queue, err);
		note_failure(queue, err);
	}
	if (queue->stopping)
		queue->stopped(queue);
	else
		pump(queue);
}

static void send_first(struct notify_queue *queue, struct notify_item *first)
{
	struct notice notice;
	if (notice_json_read(first->json, &notice) < 0) {
		drop(queue, first, "cannot be read");
		return;
	}
	queue->sending = true;
	queue->delivery.done = on_delivered;
	queue->deliverer->ops->start(queue->deliverer, &queue->notifier, &notice, &queue->delivery);
}

static void drop_old(struct notify_queue *queue)
{
	int64_t oldest_us = now_us(queue) - queue->notifier.age_max_us;
	while (queue->items && queue->items->time_us < oldest_us)
		drop(queue, queue->items, "too old");
}

/* When the first can be sent. */
static int64_t due_us(const struct notify_queue *queue)
{
	if (!queue->items)
		return DEADLINE_NEVER;
	if (queue->items == queue->digest)
		return max_of(queue->next_try_us, window_end_us(queue));
	return queue->next_try_us;
}

/* Sends the first, or sets when it can be. */
static void pump(struct notify_queue *queue)
{
	while (!queue->sending && !queue->stopping) {
		turn_window(queue);
		drop_old(queue);
		if (!queue->items || due_us(queue) > now_us(queue)) {
			deadline_set(queue->deadlines, &queue->deadline, due_us(queue));
			return;
		}
		send_first(queue, queue->items);
	}
}

static void on_due(struct deadline *deadline)
{
	pump(container_of(deadline, struct notify_queue, deadline));
}

/* --- what others call --- */

static void mark(struct notify_item *item, const struct notice *notice)
{
	if (notice->kind == NOTICE_STATE)
		TEXT_COPY(item->shows, notice->device);
}

void notify_queue_open(struct notify_queue *queue)
{
	if (!queue->open)
		deadline_add(queue->deadlines, &queue->deadline, on_due);
	queue->open = true;
	queue->next_try_us = 0;
	deadline_set(queue->deadlines, &queue->deadline, now_us(queue));
}

void notify_queue_recall(struct notify_queue *queue, const struct store_notice *row)
{
	struct notice notice;
	if (notice_json_read(row->json, &notice) < 0)
		store_delete_notice(queue->store, row->id);
	else
		mark(append(queue, row->id, notice.time_us, mem_copy_text(row->json)), &notice);
}

bool notify_queue_wants(const struct notify_queue *queue, const struct notice *notice)
{
	const struct notifier *notifier = &queue->notifier;
	if (!(notifier->kinds & UINT32_C(1) << notice->kind))
		return false;
	if (notice->kind != NOTICE_ALERT)
		return true;
	for (unsigned i = notifier->alert_min; i < ALERT_SEVERITY_COUNT; i++)
		if (text_equal(notice->severity, alert_severity_name((enum alert_severity)i)))
			return true;
	return false;
}

static void put(struct notify_queue *queue, struct notice *notice)
{
	make_room(queue);
	notice->id = store_new_event(queue->store);
	struct notify_item *item = append(queue, notice->id, notice->time_us, notice_json(notice));
	mark(item, notice);
	write_item(queue, item);
}

void notify_queue_show(struct notify_queue *queue, struct notice *notice)
{
	struct notify_item *item, *next;
	if (!queue->notifier.discovery[0])
		return;
	LL_FOREACH_SAFE(queue->items, item, next)
	if (text_equal(item->shows, notice->device) && !(queue->sending && item == queue->items))
		remove_item(queue, item);
	put(queue, notice);
	pump(queue);
}

void notify_queue_put(struct notify_queue *queue, struct notice *notice)
{
	turn_window(queue);
	if (queue->window_count < queue->notifier.limit) {
		queue->window_count++;
		put(queue, notice);
	} else {
		hold_back(queue, notice);
	}
	/* In a turn of its own: reading a credential must not delay what the same fact decides
	 * next. */
	if (!queue->sending)
		deadline_set(queue->deadlines, &queue->deadline, now_us(queue));
}

void notify_queue_test(struct notify_queue *queue, struct notice *notice)
{
	put(queue, notice);
	queue->next_try_us = 0;
	pump(queue);
}

void notify_queue_stop(struct notify_queue *queue, bool gone,
		       void (*stopped)(struct notify_queue *queue))
{
	queue->stopping = true;
	queue->stopped = stopped;
	close_digest(queue);
	if (gone && queue->count)
		log_warning("notices of a notifier that is no more are dropped",
			    "notifier=%s count=%u", queue->notifier.name, queue->count);
	for (struct notify_item *item = queue->items; gone && item; item = item->next)
		store_delete_notice(queue->store, item->id);
	deadline_remove(queue->deadlines, &queue->deadline);
	if (queue->sending)
		queue->deliverer->ops->cancel(queue->deliverer, &queue->delivery);
	else
		stopped(queue);
}

void notify_queue_done(struct notify_queue *queue)
{
	struct notify_item *item, *next;
	LL_FOREACH_SAFE(queue->items, item, next)
	{
		free(item->json);
		free(item);
	}
}
