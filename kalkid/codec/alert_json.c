/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/alert_json.c - see alert_json.h. */
#include "codec/alert_json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static void free_json_at(json_t **json)
{
	json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(free_json_at)))

/* jansson's own limit is 2048 levels; what is refused here never gets to its recursion. */
static bool too_deep(const char *bytes, size_t count)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < count; i++) {
		if (quoted && bytes[i] == '\\')
			i++;
		else if (bytes[i] == '"')
			quoted = !quoted;
		else if (!quoted && (bytes[i] == '{' || bytes[i] == '['))
			depth++;
		else if (!quoted && depth && (bytes[i] == '}' || bytes[i] == ']'))
			depth--;
		if (depth > UMBOX_LINE_DEPTH)
			return true;
	}
	return false;
}

/* C0, DEL and C1: the last are two bytes in UTF-8. */
static bool has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			return true;
	return false;
}

/* Sets `ret` to the string under the key, NULL when there is none. */
static int read_text(const char **ret, const json_t *object, const char *key, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (value && !json_is_string(value))
		return error_set(err, -EINVAL, "'%s' is not a string", key);
	const char *text = json_string_value(value);
	if (text && has_control(text))
		return error_set(err, -EINVAL, "'%s' has control characters", key);
	*ret = text;
	return 0;
}

static int read_number(uint32_t *ret, const json_t *object, const char *key, uint32_t max,
		       struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value)
		return 0;
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || number > (json_int_t)max)
		return error_set(err, -EINVAL, "'%s' is not a number from 0 to %" PRIu32, key, max);
	*ret = (uint32_t)number;
	return 0;
}

/* An address that cannot be an offender's (multicast, unspecified) is left out. */
static int read_ip(struct ip *ret, const json_t *object, const char *key, struct error *err)
{
	const char *text;
	int result = read_text(&text, object, key, err);
	if (result < 0 || !text)
		return result;
	struct in6_addr ignored;
	if (inet_pton(AF_INET, text, &ignored) != 1 && inet_pton(AF_INET6, text, &ignored) != 1)
		return error_set(err, -EINVAL, "'%s' is not an address", key);
	struct ip ip;
	if (ip_parse(&ip, text, NULL) == 0)
		*ret = ip;
	return 0;
}

/* Cut between characters when it is too long. */
static void set_detail(struct alert *alert, const char *text)
{
	if (TEXT_COPY(alert->detail, text))
		return;
	size_t length = ALERT_DETAIL_BYTES - 1;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	alert->detail[length] = '\0';
}

static int read_ends(struct alert *alert, const json_t *object, const char *const keys[4],
		     struct error *err)
{
	uint32_t source_port = 0, target_port = 0;
	int result = read_ip(&alert->source, object, keys[0], err);
	if (result == 0)
		result = read_ip(&alert->target, object, keys[1], err);
	if (result == 0)
		result = read_number(&source_port, object, keys[2], UINT16_MAX, err);
	if (result == 0)
		result = read_number(&target_port, object, keys[3], UINT16_MAX, err);
	alert->source_port = (uint16_t)source_port;
	alert->target_port = (uint16_t)target_port;
	return result;
}

static int read_severity(enum alert_severity *ret, const json_t *object, struct error *err)
{
	const char *text;
	int result = read_text(&text, object, "severity", err);
	if (result < 0 || !text)
		return result;
	for (unsigned i = 0; i < ALERT_SEVERITY_COUNT; i++) {
		if (text_equal(text, alert_severity_name(i))) {
			*ret = i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "'severity' is none of low, medium, high, critical");
}

static int read_alert(struct alert *alert, const json_t *object, struct error *err)
{
	static const char *const ends[] = {"source", "target", "source_port", "target_port"};
	const char *type, *detail;
	*alert = (struct alert){.severity = ALERT_MEDIUM, .count = 1};
	int result = read_text(&type, object, "type", err);
	if (result == 0)
		result = name_check("alert type", type ? type : "", err);
	if (result == 0)
		result = read_severity(&alert->severity, object, err);
	if (result == 0)
		result = read_ends(alert, object, ends, err);
	if (result == 0)
		result = read_number(&alert->count, object, "count", UINT32_MAX, err);
	if (result == 0)
		result = read_text(&detail, object, "detail", err);
	if (result)
		return result;
	if (alert->count == 0)
		return error_set(err, -EINVAL, "'count' is 0");
	TEXT_COPY(alert->type, type);
	if (detail)
		set_detail(alert, detail);
	return 0;
}

int eve_alert_read(struct alert *alert, const json_t *line, struct error *err)
{
	static const char *const ends[] = {"src_ip", "dest_ip", "src_port", "dest_port"};
	static const enum alert_severity severities[] = {ALERT_LOW, ALERT_HIGH, ALERT_MEDIUM,
							 ALERT_LOW};
	*alert = (struct alert){.count = 1};
	const json_t *object = json_object_get(line, "alert");
	const json_t *id = json_object_get(object, "signature_id");
	if (!json_is_integer(id) || json_integer_value(id) < 0)
		return error_set(err, -EINVAL, "'alert.signature_id' is not a number");
	uint32_t severity = 0;
	const char *signature;
	int result = read_number(&severity, object, "severity", UINT32_MAX, err);
	if (result == 0)
		result = read_text(&signature, object, "signature", err);
	if (result == 0)
		result = read_ends(alert, line, ends, err);
	if (result < 0)
		return result;
	alert->severity = severity < ARRAY_SIZE(severities) ? severities[severity] : ALERT_LOW;
	snprintf(alert->type, sizeof(alert->type), "suricata-%" JSON_INTEGER_FORMAT,
		 json_integer_value(id));
	if (signature)
		set_detail(alert, signature);
	return 0;
}

/* The counter of the account that has this name, NULL for another. */
static uint64_t *counter_named(struct umbox_account *account, const char *name)
{
	const struct {
		const char *key;
		uint64_t *target;
	} fields[] = {
		{"passed", &account->passed},
		{"dropped", &account->dropped},
		{"would_drop", &account->would_drop},
		{"overrun", &account->overrun},
		{"lost", &account->lost},
		{"answered", &account->answered},
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (text_equal(fields[i].key, name))
			return fields[i].target;
	return NULL;
}

/* Counters that are not there, or no numbers, are 0 or left out: they tell people something, nobody
 * decides by them. */
static void read_counters(struct umbox_line *ret, json_t *line)
{
	cleanup_json json_t *own = json_object();
	json_t *value;
	const char *name;
	json_object_foreach(json_object_get(line, "counters"), name, value)
	{
		json_int_t number = json_integer_value(value);
		uint64_t *counter = counter_named(&ret->account, name);
		if (counter)
			*counter = number > 0 ? (uint64_t)number : 0;
		else if (json_is_integer(value) && number >= 0 &&
			 name_check("counter", name, NULL) == 0 &&
			 json_object_size(own) < UMBOX_COUNTERS_MAX)
			json_object_set(own, name, value);
	}
	if (json_object_size(own))
		ret->json = json_dumps(own, JSON_COMPACT);
}

static int read_own(struct umbox_line *ret, json_t *line, const char *kind, struct error *err)
{
	if (text_equal(kind, "ready")) {
		ret->kind = UMBOX_LINE_READY;
		return 0;
	}
	if (text_equal(kind, "heartbeat")) {
		ret->kind = UMBOX_LINE_HEARTBEAT;
		read_counters(ret, line);
		return 0;
	}
	if (text_equal(kind, "alert")) {
		ret->kind = UMBOX_LINE_ALERT;
		return read_alert(&ret->alert, line, err);
	}
	if (!text_equal(kind, "record"))
		return error_set(err, -EINVAL,
				 "'kalki' is none of ready, heartbeat, alert, record");
	const json_t *record = json_object_get(line, "record");
	if (!json_is_object(record))
		return error_set(err, -EINVAL, "'record' is not an object");
	ret->kind = UMBOX_LINE_RECORD;
	ret->json = json_dumps(record, JSON_COMPACT);
	return 0;
}

static int read_eve(struct umbox_line *ret, const json_t *line, const char *type, struct error *err)
{
	if (text_equal(type, "alert")) {
		ret->kind = UMBOX_LINE_ALERT;
		return eve_alert_read(&ret->alert, line, err);
	}
	ret->kind = UMBOX_LINE_RECORD;
	ret->json = json_dumps(line, JSON_COMPACT);
	return 0;
}

/* The line as an object, the caller's to let go. */
static int load(json_t **ret, const char *bytes, size_t count, struct error *err)
{
	if (count >= UMBOX_LINE_BYTES)
		return error_set(err, -EINVAL, "longer than %d bytes", UMBOX_LINE_BYTES);
	if (too_deep(bytes, count))
		return error_set(err, -EINVAL, "nested deeper than %d", UMBOX_LINE_DEPTH);
	json_error_t json_error;
	cleanup_json json_t *line = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &json_error);
	if (!line) {
		/* What follows quotes the line: the umbox's bytes do not belong into our words. */
		char *quote = strstr(json_error.text, " near '");
		if (quote)
			*quote = '\0';
		return error_set(err, -EINVAL, "%s", json_error.text);
	}
	if (!json_is_object(line))
		return error_set(err, -EINVAL, "not a JSON object");
	*ret = take(line);
	return 0;
}

int umbox_line_read(struct umbox_line *ret, const char *bytes, size_t count, struct error *err)
{
	cleanup_json json_t *line = NULL;
	int result = load(&line, bytes, count, err);
	if (result < 0)
		return result;
	struct umbox_line read = {0};
	const char *own, *eve;
	result = read_text(&own, line, "kalki", err);
	if (result == 0)
		result = read_text(&eve, line, "event_type", err);
	if (result < 0)
		return result;
	if (own)
		result = read_own(&read, line, own, err);
	else if (eve)
		result = read_eve(&read, line, eve, err);
	else
		result = error_set(err, -EINVAL, "has neither 'kalki' nor 'event_type'");
	if (result == 0)
		*ret = read;
	return result;
}

/* Free text of a program: what is no text is shown as JSON, what would spoil a line as a space. */
static void set_legacy_detail(struct alert *alert, const json_t *details)
{
	char *text = json_is_string(details) ? mem_copy_text(json_string_value(details))
					     : json_dumps(details, JSON_COMPACT | JSON_ENCODE_ANY);
	for (char *c = text; c && *c; c++) {
		unsigned char here = (unsigned char)c[0];
		if (here < 0x20 || here == 0x7f)
			c[0] = ' ';
		else if (here == 0xc2 && (unsigned char)c[1] < 0xa0)
			c[0] = c[1] = ' ';
	}
	if (text)
		set_detail(alert, text);
	free(text);
}

int legacy_alert_read(struct umbox_line *ret, const char *bytes, size_t count, struct error *err)
{
	cleanup_json json_t *line = NULL;
	const char *type;
	int result = load(&line, bytes, count, err);
	if (result == 0)
		result = read_text(&type, line, "alert", err);
	if (result < 0)
		return result;
	json_t *details = json_object_get(line, "details");
	struct umbox_line read = {0};
	if (text_equal(type, "umbox-ready")) {
		read.kind = UMBOX_LINE_READY;
	} else if (text_equal(type, "log-info")) {
		cleanup_json json_t *record = json_pack("{s:O*}", "details", details);
		read.kind = UMBOX_LINE_RECORD;
		read.json = json_dumps(record, JSON_COMPACT);
	} else {
		read.kind = UMBOX_LINE_ALERT;
		read.alert = (struct alert){.severity = ALERT_MEDIUM, .count = 1};
		result = name_check("alert", type ? type : "", err);
		if (result < 0)
			return result;
		TEXT_COPY(read.alert.type, type);
		set_legacy_detail(&read.alert, details);
	}
	*ret = read;
	return 0;
}
