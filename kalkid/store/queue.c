/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/queue.c - see queue.h. */
#include "store/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void free_entries(struct queue *queue)
{
	for (struct entry *entry = queue->first, *next; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
	queue->first = queue->last = NULL;
	queue->entry_count = 0;
	queue->entry_bytes = 0;
}

static void free_notice(struct outbox_change *change)
{
	free(change->notifier);
	free(change->json);
	free(change);
}

static void free_notices(struct queue *queue)
{
	struct outbox_change *change, *next;
	HASH_ITER(hh, queue->notices, change, next) {
		HASH_DELETE(hh, queue->notices, change);
		free_notice(change);
	}
}

void queue_done(struct queue *queue)
{
	free_entries(queue);
	free_notices(queue);
	struct intent_change *change = queue->changes, *next;
	HASH_CLEAR(hh, queue->changes);
	for (; change; change = next) {
		next = change->hh.next;
		free(change);
	}
	*queue = (struct queue){0};
}

bool queue_has_intent(const struct queue *queue)
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		if (queue->counters[i])
			return true;
	}
	return queue->changes;
}

bool queue_is_empty(const struct queue *queue)
{
	return !queue->first && !queue->notices && !queue->barriers && !queue->beat &&
	       !queue_has_intent(queue);
}

static bool has_room(const struct queue *queue, size_t bytes, unsigned entries_max)
{
	return queue->entry_count < entries_max && queue->entry_bytes + bytes <= QUEUE_BYTES_MAX;
}

static void append(struct queue *queue, struct entry *entry)
{
	entry->next = NULL;
	if (queue->last)
		queue->last->next = entry;
	else
		queue->first = entry;
	queue->last = entry;
	queue->entry_count++;
	queue->entry_bytes += entry->bytes;
}

/* One block: the entry, its text, and who. */
static struct entry *new_entry(const struct event *event, const char *text, const char *who)
{
	size_t text_bytes = strlen(text) + 1, who_bytes = who ? strlen(who) + 1 : 0;
	size_t bytes = sizeof(struct entry) + text_bytes + who_bytes;
	struct entry *entry = mem_alloc(bytes);
	entry->event = *event;
	entry->bytes = bytes;
	entry->event.json = memcpy(entry->text, text, text_bytes);
	if (who)
		entry->who = memcpy(entry->text + text_bytes, who, who_bytes);
	return entry;
}

static bool add(struct queue *queue, const struct event *event, const char *text, const char *who,
		unsigned entries_max)
{
	struct entry *entry = new_entry(event, text, who);
	if (!has_room(queue, entry->bytes, entries_max)) {
		free(entry);
		return false;
	}
	append(queue, entry);
	return true;
}

bool queue_add_event(struct queue *queue, const struct event *event, unsigned entries_max)
{
	return add(queue, event, event->json, NULL, entries_max);
}

bool queue_add_mark(struct queue *queue, uint64_t event, const char *who, const char *words,
		    unsigned entries_max)
{
	return add(queue, &(struct event){.id = event}, words ? words : "", who, entries_max);
}

static struct intent_change *change_of(struct queue *queue, uint32_t number)
{
	struct intent_change *change;
	HASH_FIND(hh, queue->changes, &number, sizeof(number), change);
	if (!change) {
		change = mem_alloc(sizeof(*change));
		change->number = number;
		HASH_ADD(hh, queue->changes, number, sizeof(change->number), change);
	}
	return change;
}

void queue_put_device(struct queue *queue, const struct device *device)
{
	struct intent_change *change = change_of(queue, device->number);
	change->device_change = CHANGE_PUT;
	change->device = *device;
}

void queue_put_machine(struct queue *queue, const struct machine_record *record)
{
	struct intent_change *change = change_of(queue, record->device);
	change->machine_change = CHANGE_PUT;
	change->machine = *record;
}

void queue_delete_device(struct queue *queue, uint32_t number)
{
	struct intent_change *change = change_of(queue, number);
	change->device_change = CHANGE_DELETE;
	change->machine_change = CHANGE_DELETE;
}

void queue_put_notice(struct queue *queue, uint64_t id, const char *notifier, const char *json)
{
	struct outbox_change *change;
	HASH_FIND(hh, queue->notices, &id, sizeof(id), change);
	if (!change) {
		change = mem_alloc(sizeof(*change));
		change->id = id;
		HASH_ADD(hh, queue->notices, id, sizeof(change->id), change);
	}
	free(change->notifier);
	free(change->json);
	change->notifier = mem_copy_text(notifier);
	change->json = mem_copy_text(json);
}

void queue_add_barrier(struct queue *queue, struct store_barrier *barrier)
{
	barrier->next = NULL;
	if (queue->last_barrier)
		queue->last_barrier->next = barrier;
	else
		queue->barriers = barrier;
	queue->last_barrier = barrier;
}

/* What came later wins, part by part. */
static void put_back_intent(struct queue *queue, struct queue *failed)
{
	struct intent_change *old, *next;
	HASH_ITER(hh, failed->changes, old, next) {
		struct intent_change *change = change_of(queue, old->number);
		if (change->device_change == CHANGE_NONE) {
			change->device_change = old->device_change;
			change->device = old->device;
		}
		if (change->machine_change == CHANGE_NONE) {
			change->machine_change = old->machine_change;
			change->machine = old->machine;
		}
	}
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		if (!queue->counters[i])
			queue->counters[i] = failed->counters[i];
	}
}

static void put_back_notices(struct queue *queue, struct queue *failed)
{
	struct outbox_change *old, *next, *newer;
	HASH_ITER(hh, failed->notices, old, next) {
		HASH_FIND(hh, queue->notices, &old->id, sizeof(old->id), newer);
		if (!newer)
			queue_put_notice(queue, old->id, old->notifier, old->json);
	}
}

unsigned queue_put_back(struct queue *queue, struct queue *failed, unsigned entries_max)
{
	put_back_intent(queue, failed);
	put_back_notices(queue, failed);
	unsigned dropped = 0;
	struct queue newer = *queue;
	queue->first = failed->first;
	queue->last = failed->last;
	queue->entry_count = failed->entry_count;
	queue->entry_bytes = failed->entry_bytes;
	failed->first = failed->last = NULL;
	for (struct entry *entry = newer.first, *next; entry; entry = next) {
		next = entry->next;
		if (has_room(queue, entry->bytes, entries_max)) {
			append(queue, entry);
		} else {
			free(entry);
			dropped++;
		}
	}
	queue_done(failed);
	return dropped;
}
