/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/notify.c - see notify.h. */
#include "engine/notify.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/notice_json.h"
#include "engine/control.h"

/* Queues that are going are waited for: what they send is still under way. */
struct slot {
	struct notify_queue queue;
	struct notify *notify;
	struct slot *next;
};

struct notify {
	struct engine *engine;
	struct engine_subscriber subscriber;
	char instance[NAME_BYTES];
	struct slot *slots, *going;
	uint32_t kinds; /* wanted by anybody */
	bool shows;     /* somebody shows states */
	bool recalled, stopping;
	void (*stopped)(void *data);
	void *stopped_data;
};

/* --- events --- */

/* Kinds of events that can be something to somebody, so that the others are not even read. */
static bool may_matter(const struct notify *notify, enum event_kind kind)
{
	uint32_t chain = 1u << NOTICE_HELD | 1u << NOTICE_DEGRADED;
	uint32_t node = 1u << NOTICE_ENGINE_DOWN | 1u << NOTICE_ENGINE_UP;
	switch (kind) {
	case EVENT_TRANSITION: return notify->kinds & 1u << NOTICE_TRANSITION;
	case EVENT_ALERT: return notify->kinds & 1u << NOTICE_ALERT;
	case EVENT_CHAIN: return notify->kinds & chain;
	case EVENT_NODE: return notify->kinds & node;
	default: return false;
	}
}

static void fill_device(const struct notify *notify, uint32_t number, struct notice *notice)
{
	struct control_device *device = control_find_number(notify->engine, number);
	if (!device)
		return;
	TEXT_COPY(notice->type, device->device.type);
	if (!notice->state[0])
		TEXT_COPY(notice->state, control_state(device));
}

static struct notice begin_notice(const struct notify *notify, enum notice_kind kind)
{
	struct notice notice = {
		.kind = kind,
		.time_us = clock_now_us(notify->engine->clock),
		.wall_us = clock_wall_now_us(notify->engine->clock),
	};
	TEXT_COPY(notice.instance, notify->instance);
	return notice;
}

/* --- states that are shown --- */

static struct notice state_of(const struct notify *notify, const struct control_device *device)
{
	struct notice notice = begin_notice(notify, NOTICE_STATE);
	TEXT_COPY(notice.device, device->device.name);
	TEXT_COPY(notice.type, device->device.type);
	TEXT_COPY(notice.state, device->quarantined ? "quarantined"
				: device->policy    ? control_state(device)
						    : "unknown");
	TEXT_COPY(notice.reason, device->quarantined ? device->quarantine_reason : device->reason);
	if (control_in_shadow(device) && !device->quarantined)
		notice_mark_shadow(notice.reason, device->reason);
	notice.count = device->quarantined || !device->policy ||
		       device->machine.state != device->policy->initial;
	return notice;
}

static void show(struct notify *notify, struct notice *notice)
{
	for (struct slot *slot = notify->slots; notify->shows && slot; slot = slot->next)
		notify_queue_show(&slot->queue, notice);
}

/* Also of one that is no more. */
static void show_device_of(struct notify *notify, const struct event *event)
{
	const struct control_device *device = control_find_number(notify->engine, event->device);
	struct notice gone = begin_notice(notify, NOTICE_STATE);
	TEXT_COPY(gone.device, event->device_name);
	if (device)
		gone = state_of(notify, device);
	show(notify, &gone);
}

static void show_all(struct notify *notify)
{
	struct control_device *device, *next;
	HASH_ITER(hh_name, notify->engine->by_name, device, next) {
		struct notice notice = state_of(notify, device);
		show(notify, &notice);
	}
}

static void on_event(struct engine_subscriber *subscriber, const struct event *event)
{
	struct notify *notify = container_of(subscriber, struct notify, subscriber);
	struct notice notice;
	bool moved = event->kind == EVENT_TRANSITION || event->kind == EVENT_OPERATOR;
	if (notify->shows && moved && event->device)
		show_device_of(notify, event);
	if (!may_matter(notify, event->kind) ||
	    notice_of_event(&notice, event) == NOTICE_KIND_COUNT)
		return;
	TEXT_COPY(notice.instance, notify->instance);
	fill_device(notify, event->device, &notice);
	for (struct slot *slot = notify->slots; slot; slot = slot->next)
		if (notify_queue_wants(&slot->queue, &notice))
			notify_queue_put(&slot->queue, &notice);
}

/* --- the queues --- */

struct notify *notify_new(struct engine *engine)
{
	struct notify *notify = mem_alloc(sizeof(*notify));
	notify->engine = engine;
	notify->subscriber.on_event = on_event;
	events_subscribe(engine->events, &notify->subscriber);
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	events_unsubscribe(notify->engine->events, &notify->subscriber);
	free(notify);
}

static void end_when_idle(struct notify *notify)
{
	if (notify->stopping && !notify->slots && !notify->going)
		notify->stopped(notify->stopped_data);
}

static void on_queue_stopped(struct notify_queue *queue)
{
	struct slot *slot = container_of(queue, struct slot, queue);
	struct notify *notify = slot->notify;
	LL_DELETE(notify->going, slot);
	notify_queue_done(queue);
	free(slot);
	end_when_idle(notify);
}

static struct slot *find_slot(const struct notify *notify, const char *name)
{
	struct slot *slot = notify->slots;
	while (slot && !text_equal(slot->queue.notifier.name, name))
		slot = slot->next;
	return slot;
}

static void recall(void *data, const struct store_notice *row)
{
	struct notify *notify = data;
	struct slot *slot = find_slot(notify, row->notifier);
	if (slot)
		notify_queue_recall(&slot->queue, row);
	else
		store_delete_notice(notify->engine->store, row->id);
}

static void open_slot(struct notify *notify, const struct notifier *notifier,
		      struct deliverer *deliverer)
{
	const struct engine *engine = notify->engine;
	struct slot *slot = mem_alloc(sizeof(*slot));
	slot->notify = notify;
	slot->queue = (struct notify_queue){
		.notifier = *notifier,
		.store = engine->store,
		.events = engine->events,
		.clock = engine->clock,
		.deadlines = engine->deadlines,
		.deliverer = deliverer,
	};
	LL_APPEND(notify->slots, slot);
}

static void close_slot(struct slot *slot, bool gone)
{
	struct notify *notify = slot->notify;
	LL_DELETE(notify->slots, slot);
	LL_PREPEND(notify->going, slot);
	notify_queue_stop(&slot->queue, gone, on_queue_stopped);
}

static void close_those_gone(struct notify *notify, const struct notifier *notifiers,
			     unsigned count)
{
	struct slot *slot, *next;
	LL_FOREACH_SAFE(notify->slots, slot, next)
	{
		unsigned i = 0;
		while (i < count && !text_equal(notifiers[i].name, slot->queue.notifier.name))
			i++;
		if (i == count)
			close_slot(slot, true);
	}
}

/* What a daemon before this one could not deliver. */
static void recall_all(struct notify *notify)
{
	struct error err = {0};
	if (store_load_notices(notify->engine->store, recall, notify, &err) < 0)
		log_error("notices from before the restart are lost", "error=\"%s\"", err.text);
	notify->recalled = true;
}

void notify_change(struct notify *notify, const char *instance, const struct notifier *notifiers,
		   unsigned count, struct deliverer *deliverer)
{
	TEXT_COPY(notify->instance, instance);
	close_those_gone(notify, notifiers, count);
	notify->kinds = 0;
	notify->shows = false;
	for (unsigned i = 0; i < count; i++) {
		struct slot *slot = find_slot(notify, notifiers[i].name);
		notify->kinds |= notifiers[i].kinds;
		notify->shows |= notifiers[i].discovery[0];
		if (slot)
			slot->queue.notifier = notifiers[i];
		else
			open_slot(notify, &notifiers[i], deliverer);
	}
	if (!notify->recalled)
		recall_all(notify);
	for (struct slot *slot = notify->slots; slot; slot = slot->next)
		notify_queue_open(&slot->queue);
	if (notify->shows)
		show_all(notify);
}

void engine_set_notifiers(struct engine *engine, const char *instance,
			  const struct notifier *notifiers, unsigned count,
			  struct deliverer *deliverer)
{
	notify_change(engine->notify, instance, notifiers, count, deliverer);
}

void notify_stop(struct notify *notify, void (*stopped)(void *data), void *data)
{
	struct slot *slot, *next;
	notify->stopped = stopped;
	notify->stopped_data = data;
	LL_FOREACH_SAFE(notify->slots, slot, next)
	close_slot(slot, false);
	notify->stopping = true;
	end_when_idle(notify);
}

/* --- what is asked for --- */

static int seek(const struct notify *notify, const char *name, struct slot **ret, struct error *err)
{
	const char *names[NOTIFIERS_MAX];
	char hint[TEXT_HINT_BYTES];
	unsigned count = 0;
	*ret = find_slot(notify, name);
	if (*ret)
		return 0;
	for (struct slot *slot = notify->slots; slot; slot = slot->next)
		names[count++] = slot->queue.notifier.name;
	text_hint(hint, name, names, count);
	return error_set(err, -ENOENT, "no notifier is named '%s'%s", name, hint);
}

int notify_rule(struct notify *notify, const char *name, const struct device *device,
		const char *rule, const char *reason, struct error *err)
{
	struct slot *slot;
	int r = seek(notify, name, &slot, err);
	if (r < 0)
		return r;
	struct notice notice = begin_notice(notify, NOTICE_RULE);
	TEXT_COPY(notice.device, device->name);
	TEXT_COPY(notice.rule, rule);
	TEXT_COPY(notice.reason, reason);
	fill_device(notify, device->number, &notice);
	notify_queue_put(&slot->queue, &notice);
	return 0;
}

const struct notify_queue *notify_queue_at(const struct notify *notify, unsigned index)
{
	const struct slot *slot = notify->slots;
	while (slot && index--)
		slot = slot->next;
	return slot ? &slot->queue : NULL;
}

int notify_test(struct notify *notify, const char *name, bool dry_run, const char *reason,
		struct error *err)
{
	struct slot *slot;
	int r = seek(notify, name, &slot, err);
	if (r < 0 || dry_run)
		return r;
	struct notice notice = begin_notice(notify, NOTICE_TEST);
	TEXT_COPY(notice.reason, reason ? reason : "a test by an operator");
	notify_queue_test(&slot->queue, &notice);
	return 0;
}
