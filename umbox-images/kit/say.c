/* SPDX-License-Identifier: Apache-2.0 */
/* say.c - what a umbox tells the daemon: alerts, records, heartbeats. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "kernel.h"

static bool say(struct umbox *umbox, struct umbox_json *json)
{
	if (json->full || json->length + 1 >= sizeof(json->text))
		return false;
	json->text[json->length++] = '\n';
	return umbox_control_say(&umbox->control, json->text, json->length, umbox->now_us);
}

static void begin(struct umbox_json *json, const char *kind)
{
	umbox_json_start(json);
	umbox_json_open(json, NULL, '{');
	umbox_json_text(json, "kalki", kind);
}

/* Whether another alert of this type may be said now; types beyond the table share its last row. */
static bool spend(struct umbox *umbox, const char *type)
{
	const int64_t full = UMBOX_ALERTS_BURST * 1000000ll;
	unsigned i = 0;
	while (i < UMBOX_ALERT_TYPES_MAX - 1 && umbox->budgets[i].type[0] &&
	       strncmp(umbox->budgets[i].type, type, sizeof(umbox->budgets[i].type) - 1) != 0)
		i++;
	struct umbox_alert_budget *budget = &umbox->budgets[i];
	if (!budget->type[0]) {
		snprintf(budget->type, sizeof(budget->type), "%s", type);
		budget->micro_alerts = full;
	} else {
		budget->micro_alerts += (umbox->now_us - budget->time_us) * UMBOX_ALERTS_PER_SECOND;
		if (budget->micro_alerts > full)
			budget->micro_alerts = full;
	}
	budget->time_us = umbox->now_us;
	if (budget->micro_alerts < 1000000)
		return false;
	budget->micro_alerts -= 1000000;
	return true;
}

static void put_ip(struct umbox_json *json, const char *key, const struct umbox_ip *ip)
{
	char text[UMBOX_IP_TEXT_BYTES];
	umbox_ip_print(text, ip);
	if (text[0])
		umbox_json_text(json, key, text);
}

static void put_number(struct umbox_json *json, const char *key, uint64_t number)
{
	if (number)
		umbox_json_number(json, key, number);
}

bool umbox_alert(struct umbox *umbox, const struct umbox_alert *alert)
{
	static const char *const severities[] = {"low", "medium", "high", "critical"};
	struct umbox_json json;
	if (!spend(umbox, alert->type)) {
		umbox->alerts_lost++;
		return false;
	}
	begin(&json, "alert");
	umbox_json_text(&json, "type", alert->type);
	umbox_json_text(&json, "severity", severities[alert->severity]);
	put_ip(&json, "source", &alert->source);
	put_number(&json, "source_port", alert->source_port);
	put_ip(&json, "target", &alert->target);
	put_number(&json, "target_port", alert->target_port);
	put_number(&json, "count", alert->count);
	if (alert->detail)
		umbox_json_text(&json, "detail", alert->detail);
	umbox_json_close(&json, '}');
	bool said = say(umbox, &json);
	*(said ? &umbox->alerts : &umbox->alerts_lost) += 1;
	return said;
}

bool umbox_record(struct umbox *umbox, const struct umbox_json *object)
{
	struct umbox_json json;
	begin(&json, "record");
	umbox_json_raw(&json, "record", object->text, object->length);
	umbox_json_close(&json, '}');
	bool said = !object->full && say(umbox, &json);
	*(said ? &umbox->records : &umbox->records_lost) += 1;
	return said;
}

void umbox_say_failure(struct umbox *umbox)
{
	struct umbox_json json;
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	umbox_json_text(&json, "failure", umbox->failure);
	umbox_json_close(&json, '}');
	umbox_record(umbox, &json);
}

bool umbox_line(struct umbox *umbox, const char *line, size_t length)
{
	char text[UMBOX_LINE_BYTES];
	bool said = length + 1 < sizeof(text);
	if (said) {
		memcpy(text, line, length);
		text[length] = '\n';
		said = umbox_control_say(&umbox->control, text, length + 1, umbox->now_us);
	}
	*(said ? &umbox->records : &umbox->records_lost) += 1;
	return said;
}

#define KIT_COUNTER(name_, member)                                    \
	{                                                             \
		.name = (name_), .at = offsetof(struct umbox, member) \
	}

static const struct {
	const char *name;
	size_t at; /* in struct umbox */
} kit_counters[] = {
	KIT_COUNTER("passed", passed),
	KIT_COUNTER("dropped", dropped),
	KIT_COUNTER("would_drop", would_drop),
	KIT_COUNTER("answered", answered),
	KIT_COUNTER("kept", kept),
	KIT_COUNTER("lost", counts.lost),
	KIT_COUNTER("overrun", counts.overrun),
	KIT_COUNTER("refused", counts.refused),
	KIT_COUNTER("alerts", alerts),
	KIT_COUNTER("alerts_lost", alerts_lost),
	KIT_COUNTER("records", records),
	KIT_COUNTER("records_lost", records_lost),
};

static bool is_counter(const struct umbox *umbox, const char *name)
{
	for (size_t i = 0; i < sizeof(kit_counters) / sizeof(kit_counters[0]); i++)
		if (strcmp(kit_counters[i].name, name) == 0)
			return true;
	for (unsigned i = 0; i < umbox->counter_count; i++)
		if (strcmp(umbox->counters[i].name, name) == 0)
			return true;
	return false;
}

/* The daemon takes no line with a name twice: a umbox that said such heartbeats would be condemned
 * as one that says none. */
uint64_t *umbox_counter(struct umbox *umbox, const char *name)
{
	assert(umbox->counter_count < UMBOX_COUNTERS_MAX);
	if (is_counter(umbox, name))
		umbox_fail(umbox, "counter '%s': there is one of that name", name);
	struct umbox_own_counter *counter = &umbox->counters[umbox->counter_count++];
	counter->name = name;
	return &counter->value;
}

void umbox_heartbeat(struct umbox *umbox)
{
	struct umbox_json json;
	if (umbox->control.fd < 0 || umbox->control.count)
		return;
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		umbox_leg_count_overrun(&umbox->sources[i], &umbox->counts);
	if (umbox->kernel)
		kernel_read_counters(umbox->kernel);
	begin(&json, "heartbeat");
	umbox_json_open(&json, "counters", '{');
	for (size_t i = 0; i < sizeof(kit_counters) / sizeof(kit_counters[0]); i++) {
		uint64_t value;
		memcpy(&value, (const char *)umbox + kit_counters[i].at, sizeof(value));
		umbox_json_number(&json, kit_counters[i].name, value);
	}
	for (unsigned i = 0; i < umbox->counter_count; i++)
		umbox_json_number(&json, umbox->counters[i].name, umbox->counters[i].value);
	umbox_json_close(&json, '}');
	umbox_json_close(&json, '}');
	say(umbox, &json);
}
