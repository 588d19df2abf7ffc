/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/events.h - everything that happened goes through here: to the store, then to whoever
 * listens. */
#pragma once

#include "codec/event_json.h"
#include "engine/engine.h"

struct events;

struct events *events_new(struct store *store, const struct clock *clock);
void events_free(struct events *events);

/* An event with its id and times, to make its text from (codec/event_json.h); `device` NULL for
 * none. */
struct event events_begin(struct events *events, enum event_kind kind, const struct device *device,
			  uint32_t generation);
/* Takes the text over. */
void events_emit(struct events *events, struct event *event, char *json);
/* Both for what the node, or the daemon itself, has to say. */
void events_note(struct events *events, const struct device *device, uint32_t generation,
		 const char *what, const char *words, uint64_t count);

/* Between these two what is emitted waits, and then goes out in the order of ids: so that what a
 * fact brings about can be done before the fact is written down. */
void events_hold(struct events *events);
void events_release(struct events *events);

void events_subscribe(struct events *events, struct engine_subscriber *subscriber);
void events_unsubscribe(struct events *events, struct engine_subscriber *subscriber);
