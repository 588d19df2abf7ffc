/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/notify_queue.h - what one notifier still has to say: in order, bounded, over restarts.
 *
 * Glossary: a *notice* waits in the queue and in the store until the other side took it; what is
 * above the notifier's limit is *held back* and only counted in one *digest*, which goes when the
 * limit's time is over.  At least once: a kill between the other side's yes and ours brings a
 * notice again, with the same id. */
#pragma once

#include <utlist.h>

#include "core/notifier.h"
#include "driver/deliver.h"
#include "engine/deadline.h"
#include "engine/events.h"

struct notify_item {
	uint64_t id;
	int64_t time_us;
	char *json;
	char shows[NAME_BYTES]; /* device whose state it is; "": a notice to be read */
	struct notify_item *next;
};

struct notify_queue {
	struct notifier notifier;
	/* Borrowed. */
	struct store *store;
	struct events *events;
	const struct clock *clock;
	struct deadlines *deadlines;
	struct deliverer *deliverer;

	struct notify_item *items;
	unsigned count;
	/* The last item while it gathers what is held back. */
	struct notify_item *digest;
	struct notice digest_notice;
	uint64_t digest_kinds[NOTICE_KIND_COUNT];
	int64_t digest_written_us;
	int64_t window_us; /* since when `window_count` are counted */
	unsigned window_count;

	struct delivery delivery;
	bool open, sending, stopping;
	struct deadline deadline;
	int64_t next_try_us;
	unsigned failures; /* in a row */
	/* Since the daemon started. */
	uint64_t sent, refused, dropped, held_back, attempts;
	int64_t last_success_wall_us, last_error_wall_us;
	char last_error[ERROR_TEXT_BYTES];
	void (*stopped)(struct notify_queue *queue); /* nothing is under way any more */
};

/* At start takes what waits in the store back in, in the order of ids.  The memory is zeroed, with
 * the notifier and what is borrowed filled in. */
void notify_queue_recall(struct notify_queue *queue, const struct store_notice *notice);
/* Begins to send; again when the notifier was changed. */
void notify_queue_open(struct notify_queue *queue);
/* Whether this notifier is told of such a notice without a rule that says so. */
bool notify_queue_wants(const struct notify_queue *queue, const struct notice *notice);
/* Gives the notice its id; above the limit it is only counted. */
void notify_queue_put(struct notify_queue *queue, struct notice *notice);
/* A state is shown, where the notifier does: the newest one of a device is enough. */
void notify_queue_show(struct notify_queue *queue, struct notice *notice);
/* An operator wants to see something: past the limit, and without waiting for the next try. */
void notify_queue_test(struct notify_queue *queue, struct notice *notice);
/* Cancels what is under way; `stopped` runs when nothing is, maybe at once.  What waits stays in
 * the store, unless the notifier is gone for good. */
void notify_queue_stop(struct notify_queue *queue, bool gone,
		       void (*stopped)(struct notify_queue *queue));
void notify_queue_done(struct notify_queue *queue);
