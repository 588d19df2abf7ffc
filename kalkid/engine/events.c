/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/events.c - see events.h. */
#include "engine/events.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/mem.h"
#include "base/text.h"

struct events {
	struct store *store;
	const struct clock *clock;
	struct engine_subscriber *subscribers;
	struct waiting *waiting; /* in the order of ids, while held */
	unsigned held;           /* holds nest */
};

struct waiting {
	struct event event;
	char *json;
	struct waiting *next;
};

struct events *events_new(struct store *store, const struct clock *clock)
{
	struct events *events = mem_alloc(sizeof(*events));
	events->store = store;
	events->clock = clock;
	return events;
}

void events_free(struct events *events)
{
	free(events);
}

struct event events_begin(struct events *events, enum event_kind kind, const struct device *device,
			  uint32_t generation)
{
	struct event event = {
		.id = store_new_event(events->store),
		.time_us = clock_now_us(events->clock),
		.wall_us = clock_wall_now_us(events->clock),
		.kind = kind,
		.generation = generation,
	};
	if (device) {
		event.device = device->number;
		TEXT_COPY(event.device_name, device->name);
	}
	return event;
}

static void pass_on(struct events *events, struct event *event, char *json)
{
	event->json = json;
	store_add_event(events->store, event);

	struct engine_subscriber *subscriber, *next;
	DL_FOREACH_SAFE2(events->subscribers, subscriber, next, next)
	subscriber->on_event(subscriber, event);
	free(json);
}

static int by_id(struct waiting *a, struct waiting *b)
{
	return a->event.id < b->event.id ? -1 : 1;
}

void events_emit(struct events *events, struct event *event, char *json)
{
	if (!events->held) {
		pass_on(events, event, json);
		return;
	}
	struct waiting *waiting = mem_alloc(sizeof(*waiting));
	waiting->event = *event;
	waiting->json = json;
	LL_INSERT_INORDER(events->waiting, waiting, by_id);
}

void events_note(struct events *events, const struct device *device, uint32_t generation,
		 const char *what, const char *words, uint64_t count)
{
	struct event event = events_begin(events, EVENT_NODE, device, generation);
	events_emit(events, &event, event_json_node(&event, what, words, count));
}

void events_hold(struct events *events)
{
	events->held++;
}

void events_release(struct events *events)
{
	if (--events->held)
		return;
	struct waiting *waiting, *next;
	LL_FOREACH_SAFE(events->waiting, waiting, next)
	{
		LL_DELETE(events->waiting, waiting);
		pass_on(events, &waiting->event, waiting->json);
		free(waiting);
	}
}

void events_subscribe(struct events *events, struct engine_subscriber *subscriber)
{
	DL_APPEND2(events->subscribers, subscriber, previous, next);
}

void events_unsubscribe(struct events *events, struct engine_subscriber *subscriber)
{
	DL_DELETE2(events->subscribers, subscriber, previous, next);
}
