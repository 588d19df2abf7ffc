/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/notice_json.c - see notice_json.h. */
#include "codec/notice_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"

/* The members of a notice that are texts. */
static const struct {
	const char *key;
	size_t offset, bytes;
} TEXTS[] = {
#define TEXT(key, member)                                                                  \
	{                                                                                  \
		key, offsetof(struct notice, member), sizeof(((struct notice *)0)->member) \
	}
	TEXT("instance", instance), TEXT("device", device),     TEXT("type", type),
	TEXT("state", state),       TEXT("from", from),         TEXT("rule", rule),
	TEXT("alert", alert),       TEXT("severity", severity), TEXT("reason", reason),
#undef TEXT
};

static void set_number(json_t *object, const char *key, uint64_t number)
{
	if (number)
		json_object_set_new(object, key, json_integer((json_int_t)number));
}

char *notice_json(const struct notice *notice)
{
	char time[TIME_TEXT_BYTES];
	json_t *json = json_object();
	clock_print_wall(time, notice->wall_us);
	json_object_set_new(json, "notice", json_string(NOTICE_KIND_NAMES[notice->kind]));
	set_number(json, "id", notice->id);
	json_object_set_new(json, "time", json_string(time));
	for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
		cleanup_buffer struct buffer mended = {0};
		text_mend(&mended, (const char *)notice + TEXTS[i].offset);
		if (mended.length)
			json_object_set_new(json, TEXTS[i].key, json_string(mended.bytes));
	}
	set_number(json, "event", notice->event);
	set_number(json, "count", notice->count);
	json_object_set_new(json, "time_us", json_integer(notice->time_us));
	json_object_set_new(json, "wall_us", json_integer(notice->wall_us));
	char *line = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!line)
		abort(); /* every part is valid: memory is out */
	return line;
}

static void read_text(const json_t *object, const char *key, char *target, size_t bytes)
{
	const char *text = json_string_value(json_object_get(object, key));
	text_copy(target, bytes, text ? text : "");
}

static uint64_t read_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));
	return number < 0 ? 0 : (uint64_t)number;
}

static enum notice_kind read_kind(const char *name)
{
	unsigned kind = 0;
	while (kind < NOTICE_KIND_COUNT && !text_equal(NOTICE_KIND_NAMES[kind], name))
		kind++;
	return (enum notice_kind)kind;
}

int notice_json_read(const char *json, struct notice *ret)
{
	json_t *root = json_loads(json, 0, NULL);
	enum notice_kind kind = read_kind(json_string_value(json_object_get(root, "notice")));
	if (kind == NOTICE_KIND_COUNT) {
		json_decref(root);
		return -EINVAL;
	}
	*ret = (struct notice){
		.kind = kind,
		.id = read_number(root, "id"),
		.event = read_number(root, "event"),
		.count = read_number(root, "count"),
		.time_us = (int64_t)read_number(root, "time_us"),
		.wall_us = (int64_t)read_number(root, "wall_us"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
		read_text(root, TEXTS[i].key, (char *)ret + TEXTS[i].offset, TEXTS[i].bytes);
	json_decref(root);
	return 0;
}

/* --- from events --- */

/* Of the daemon's own events and of chains: those whose `what` has a notice's name. */
static enum notice_kind kind_of_what(const json_t *kalki, enum event_kind kind)
{
	const char *what = json_string_value(json_object_get(kalki, "what"));
	enum notice_kind first = kind == EVENT_CHAIN ? NOTICE_DEGRADED : NOTICE_ENGINE_DOWN;
	enum notice_kind last = kind == EVENT_CHAIN ? NOTICE_HELD : NOTICE_ENGINE_UP;
	enum notice_kind found = read_kind(what);
	return found >= first && found <= last ? found : NOTICE_KIND_COUNT;
}

static void read_reason(struct notice *ret, const json_t *kalki, const char *key)
{
	char words[REASON_BYTES];
	read_text(kalki, key, words, sizeof(words));
	if (json_is_true(json_object_get(kalki, "shadow")))
		notice_mark_shadow(ret->reason, words);
	else
		TEXT_COPY(ret->reason, words);
}

static void read_event(struct notice *ret, const json_t *kalki)
{
	switch (ret->kind) {
	case NOTICE_TRANSITION:
		read_text(kalki, "to", ret->state, sizeof(ret->state));
		read_text(kalki, "from", ret->from, sizeof(ret->from));
		read_text(kalki, "rule", ret->rule, sizeof(ret->rule));
		read_reason(ret, kalki, "reason");
		break;
	case NOTICE_ALERT:
		read_text(kalki, "type", ret->alert, sizeof(ret->alert));
		read_text(kalki, "severity", ret->severity, sizeof(ret->severity));
		read_reason(ret, kalki, "detail");
		ret->count = read_number(kalki, "count");
		break;
	default:
		read_text(kalki, "state", ret->state, sizeof(ret->state));
		read_text(kalki, "words", ret->reason, sizeof(ret->reason));
	}
}

enum notice_kind notice_of_event(struct notice *ret, const struct event *event)
{
	json_t *root = json_loads(event->json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	*ret = (struct notice){
		.kind = event->kind == EVENT_TRANSITION ? NOTICE_TRANSITION
			: event->kind == EVENT_ALERT    ? NOTICE_ALERT
			: event->kind == EVENT_CHAIN || event->kind == EVENT_NODE
				? kind_of_what(kalki, event->kind)
				: NOTICE_KIND_COUNT,
		.event = event->id,
		.time_us = event->time_us,
		.wall_us = event->wall_us,
	};
	TEXT_COPY(ret->device, event->device_name);
	if (ret->kind != NOTICE_KIND_COUNT)
		read_event(ret, kalki);
	json_decref(root);
	return ret->kind;
}
