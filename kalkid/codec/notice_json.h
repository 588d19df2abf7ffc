/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/notice_json.h - notices as JSON, as a webhook gets them and as they wait for their
 * delivery; and from the events that they tell of.
 *
 * {"notice": "transition", "id": 12, "instance": "kalki", "time": "2026-01-31T12:00:00.000001Z",
 *  "device": "cam1", "type": "camera", "state": "Attack", "from": "Normal", "rule": "...",
 *  "reason": "...", "event": 17}; what is not known is left out, fields are only ever added. */
#pragma once

#include "codec/event_json.h"
#include "core/notice.h"

/* One line, which the caller frees. */
char *notice_json(const struct notice *notice) must_check;
/* The way back; -EINVAL. */
int notice_json_read(const char *json, struct notice *ret) must_check;

/* What an event is to people: NOTICE_KIND_COUNT for nothing.  Of an event whose kind may be
 * something its JSON is read: all of `ret` but id, instance and the device's type is filled. */
enum notice_kind notice_of_event(struct notice *ret, const struct event *event);
