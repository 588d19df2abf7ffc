/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/queue.h - what waits to be written: the latest intent of each key, and events in their
 * order.
 *
 * A whole batch is one transaction, so only the order inside one key and among events matters. */
#pragma once

#include <uthash.h>

#include "store/intent.h"

enum { QUEUE_BYTES_MAX = 32 * 1024 * 1024 /* of events */ };

/* An event, or (`who` set) an operator's mark on it with the words in `event.json`. */
struct entry {
	struct entry *next;
	struct event event;
	const char *who;
	size_t bytes;
	char text[]; /* what the pointers above point to */
};

enum change { CHANGE_NONE, CHANGE_PUT, CHANGE_DELETE };

/* Of one device number. */
struct intent_change {
	uint32_t number;
	enum change device_change, machine_change;
	struct device device;
	struct machine_record machine;
	UT_hash_handle hh;
};

/* Of one notice that waits. */
struct outbox_change {
	uint64_t id;
	char *notifier, *json; /* NULL: it goes */
	UT_hash_handle hh;
};

struct queue {
	struct entry *first, *last;
	unsigned entry_count;
	size_t entry_bytes;
	struct intent_change *changes;    /* by number */
	struct outbox_change *notices;    /* by id */
	uint64_t counters[COUNTER_COUNT]; /* 0: no change */
	struct store_barrier *barriers, *last_barrier;
	bool beat; /* write at least the time */
};

void queue_done(struct queue *queue); /* without the barriers, which are their callers' */
bool queue_has_intent(const struct queue *queue);
bool queue_is_empty(const struct queue *queue);

/* False when the queue is full. */
bool queue_add_event(struct queue *queue, const struct event *event, unsigned entries_max);
bool queue_add_mark(struct queue *queue, uint64_t event, const char *who, const char *words,
		    unsigned entries_max);
void queue_put_device(struct queue *queue, const struct device *device);
void queue_put_machine(struct queue *queue, const struct machine_record *record);
void queue_delete_device(struct queue *queue, uint32_t number);
/* `json` NULL: the notice goes. */
void queue_put_notice(struct queue *queue, uint64_t id, const char *notifier, const char *json);
void queue_add_barrier(struct queue *queue, struct store_barrier *barrier);

/* Puts what could not be written in front of what came since; returns how many entries found no
 * room any more.  `failed` has no barriers and is empty afterwards. */
unsigned queue_put_back(struct queue *queue, struct queue *failed, unsigned entries_max);
