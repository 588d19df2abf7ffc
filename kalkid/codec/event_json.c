/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/event_json.c - see event_json.h. */
#include "codec/event_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const KIND_NAMES[EVENT_KIND_COUNT] = {
	[EVENT_ALERT] = "alert",   [EVENT_TRANSITION] = "transition", [EVENT_CHAIN] = "chain",
	[EVENT_STEP] = "step",     [EVENT_OPERATOR] = "operator",     [EVENT_UMBOX] = "umbox",
	[EVENT_NODE] = "node",     [EVENT_SENSOR] = "sensor",         [EVENT_NOTICE] = "notice",
	[EVENT_ACTION] = "action", [EVENT_SHADOW] = "shadow",
};

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned)kind < EVENT_KIND_COUNT ? KIND_NAMES[kind] : "unknown";
}

bool event_kind_parse(enum event_kind *ret, const char *name)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		if (text_equal(KIND_NAMES[kind], name)) {
			*ret = (enum event_kind)kind;
			return true;
		}
	}
	return false;
}

static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	if (json)
		return json;
	cleanup_buffer struct buffer mended = {0};
	text_mend(&mended, text);
	return json_string(mended.bytes);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, text_json(text));
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	if (number)
		json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void set_ip(json_t *object, const char *key, const struct ip *ip)
{
	char text[IP_TEXT_BYTES];
	ip_print(text, ip);
	set_text(object, key, text);
}

/* The frame around every event; `ret_kalki` is borrowed from the result. */
static json_t *begin(const struct event *event, json_t **ret_kalki)
{
	char timestamp[TIME_TEXT_BYTES];
	clock_print_wall(timestamp, event->wall_us);
	json_t *root = json_object();
	json_t *kalki = json_object();
	set_text(root, "timestamp", timestamp);
	set_text(root, "event_type", "kalki");
	json_object_set_new(root, "kalki", kalki);
	set_text(kalki, "kind", event_kind_name(event->kind));
	set_number(kalki, "id", event->id);
	json_object_set_new(kalki, "time_us", json_integer(event->time_us));
	set_text(kalki, "device", event->device_name);
	set_number(kalki, "generation", event->generation);
	*ret_kalki = kalki;
	return root;
}

static char *finish(json_t *root)
{
	char *line = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!line)
		abort(); /* every part above is valid: memory is out */
	return line;
}

char *event_json_alert(const struct event *event, const struct alert *alert)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	/* Where every reader of EVE looks for them. */
	set_ip(root, "src_ip", &alert->source);
	set_number(root, "src_port", alert->source_port);
	set_ip(root, "dest_ip", &alert->target);
	set_number(root, "dest_port", alert->target_port);
	set_text(kalki, "type", alert->type);
	set_text(kalki, "severity", alert_severity_name(alert->severity));
	set_number(kalki, "umbox", alert->umbox);
	set_text(kalki, "hop", alert->hop);
	set_number(kalki, "count", alert->count);
	set_text(kalki, "detail", alert->detail);
	if (alert->shadow)
		json_object_set_new(kalki, "shadow", json_true());
	return finish(root);
}

static void set_evidence(json_t *kalki, const uint64_t *ids, unsigned count)
{
	json_t *evidence = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(evidence, json_integer((json_int_t)ids[i]));
	json_object_set_new(kalki, "evidence", evidence);
}

static void set_not_done(json_t *kalki, const struct transition_text *text)
{
	json_t *list = text->not_done_count ? json_array() : NULL;
	for (unsigned i = 0; i < text->not_done_count; i++) {
		char words[ACTION_WORDS_BYTES];
		action_print(words, &text->not_done[i]);
		json_array_append_new(list, text_json(words));
	}
	if (list)
		json_object_set_new(kalki, "not_done", list);
}

char *event_json_transition(const struct event *event, const struct decision *decision,
			    const struct transition_text *text)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "from", text->from);
	set_text(kalki, "to", text->to);
	set_text(kalki, "cause", decision_cause_name(decision->cause));
	set_text(kalki, "rule", decision->rule_name);
	set_text(kalki, "reason", decision->reason);
	json_object_set_new(kalki, "tightens", json_boolean(decision->tightens));

	set_evidence(kalki, decision->evidence, decision->evidence_count);
	if (text->in_force)
		json_object_set_new(kalki, "shadow", json_true());
	set_text(kalki, "in_force", text->in_force);
	set_not_done(kalki, text);

	json_t *times = json_object();
	set_number(times, "alert_us", (uint64_t)text->alert_us);
	set_number(times, "decided_us", (uint64_t)text->decided_us);
	set_number(times, "enforced_us", (uint64_t)text->enforced_us);
	json_object_set_new(kalki, "times", times);
	return finish(root);
}

static json_t *path_json(const struct path *path)
{
	json_t *ids = json_array();
	for (unsigned i = 0; i < path->count; i++)
		json_array_append_new(ids, json_integer(path->ids[i]));
	return ids;
}

char *event_json_chain(const struct event *event, const char *what, const char *state,
		       const struct path *path, const char *words)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "what", what);
	set_text(kalki, "state", state);
	json_object_set_new(kalki, "path", path_json(path));
	set_text(kalki, "words", words);
	return finish(root);
}

char *event_json_step(const struct event *event, const struct step *step, const char *hop,
		      int result, int64_t duration_us, const char *words)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "step", step_kind_name(step->kind));
	set_number(kalki, "umbox", step->umbox);
	set_text(kalki, "hop", hop);
	if (step->kind == STEP_ROUTE || step->kind == STEP_PREPARE)
		json_object_set_new(kalki, "path", path_json(&step->path));
	set_text(kalki, "result", result < 0 ? "failed" : "ok");
	json_object_set_new(kalki, "duration_us", json_integer(duration_us));
	if (result < 0) {
		set_text(kalki, "error", strerrorname_np(-result));
		set_text(kalki, "words", words);
	}
	return finish(root);
}

char *event_json_operator(const struct event *event, const char *who, const char *action,
			  const char *target, const char *reason)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "who", who);
	set_text(kalki, "action", action);
	set_text(kalki, "target", target);
	set_text(kalki, "reason", reason);
	return finish(root);
}

char *event_json_umbox(const struct event *event, uint32_t umbox, const char *hop,
		       const char *record)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_number(kalki, "umbox", umbox);
	set_text(kalki, "hop", hop);
	json_t *parsed = json_loads(record, JSON_DECODE_ANY, NULL);
	json_object_set_new(kalki, "record", parsed ? parsed : text_json(record));
	return finish(root);
}

char *event_json_notice(const struct event *event, const struct notice_text *text)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "notifier", text->notifier);
	set_text(kalki, "notice", NOTICE_KIND_NAMES[text->notice->kind]);
	set_number(kalki, "notice_id", text->notice->id);
	set_number(kalki, "about", text->notice->event);
	set_number(kalki, "count", text->notice->count);
	set_text(kalki, "result", text->result);
	set_number(kalki, "attempts", text->attempts);
	json_object_set_new(kalki, "duration_us", json_integer(text->duration_us));
	set_text(kalki, "words", text->words);
	return finish(root);
}

char *event_json_action(const struct event *event, const struct action_text *text)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "action", text->action);
	set_text(kalki, "name", text->name);
	set_text(kalki, "by", text->by);
	set_text(kalki, "rule", text->rule);
	set_text(kalki, "who", text->who);
	set_text(kalki, "from", text->from);
	set_text(kalki, "reason", text->reason);
	set_evidence(kalki, text->evidence, text->evidence_count);
	set_text(kalki, "result", text->result);
	set_number(kalki, "attempts", text->attempts);
	json_object_set_new(kalki, "duration_us", json_integer(text->duration_us));
	set_text(kalki, "words", text->words);
	return finish(root);
}

char *event_json_node(const struct event *event, const char *what, const char *words,
		      uint64_t count)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	set_text(kalki, "what", what);
	set_text(kalki, "words", words);
	set_number(kalki, "count", count);
	return finish(root);
}

static json_t *reading_json(enum sensor_type type, const struct sensor_reading *reading)
{
	if (reading->missing)
		return json_null();
	switch (type) {
	case SENSOR_NUMBER: {
		json_t *number = json_real(reading->number);
		return number ? number : json_null(); /* not finite */
	}
	case SENSOR_BOOLEAN: return json_boolean(reading->boolean);
	case SENSOR_TEXT: return text_json(reading->text);
	case SENSOR_TYPE_COUNT: break;
	}
	return json_null();
}

char *event_json_readings(const struct event *event, const struct policy *policy,
			  const char *source, const struct sensor_reading *readings, unsigned count)
{
	json_t *kalki;
	json_t *root = begin(event, &kalki);
	json_t *values = json_object();
	set_text(kalki, "source", source);
	for (unsigned i = 0; i < count; i++) {
		const struct sensor *sensor = &policy->sensors[readings[i].sensor];
		json_object_set_new(values, sensor->name, reading_json(sensor->type, &readings[i]));
	}
	json_object_set_new(kalki, "values", values);
	return finish(root);
}
