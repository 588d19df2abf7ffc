/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/notify.h - all notifiers: what happens goes to the queues of those that want it. */
#pragma once

#include "engine/notify_queue.h"

struct engine;
struct notify;

/* Nobody is told before notify_change. */
struct notify *notify_new(struct engine *engine);
/* After notify_stop, or without notifiers. */
void notify_free(struct notify *notify);

/* These notifiers from now on, whose notices are those of the same names before; `deliverer` stays
 * the caller's. */
void notify_change(struct notify *notify, const char *instance, const struct notifier *notifiers,
		   unsigned count, struct deliverer *deliverer);
/* Nothing is sent any more, then `stopped` runs, maybe at once; what waits stays in the store. */
void notify_stop(struct notify *notify, void (*stopped)(void *data), void *data);

/* A rule says so.  -ENOENT. */
int notify_rule(struct notify *notify, const char *name, const struct device *device,
		const char *rule, const char *reason, struct error *err) must_check;
/* In the order of the file; NULL at the end. */
const struct notify_queue *notify_queue_at(const struct notify *notify, unsigned index);
int notify_test(struct notify *notify, const char *name, bool dry_run, const char *reason,
		struct error *err) must_check;
