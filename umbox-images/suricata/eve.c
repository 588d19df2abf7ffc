/* SPDX-License-Identifier: Apache-2.0 */
/* eve.c - see eve.h. */
#include "eve.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* jansson recurses; what Suricata writes is some six levels deep. */
enum { DEPTH_MAX = 32 };

static bool too_deep(const char *line, size_t length)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < length; i++) {
		if (quoted && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
		else if (!quoted && (line[i] == '{' || line[i] == '['))
			depth++;
		else if (!quoted && depth && (line[i] == '}' || line[i] == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

/* A number at the end of a path of keys; 0 when there is none. */
static uint64_t number_at(const json_t *object, const char *const path[])
{
	for (size_t i = 0; path[i]; i++)
		object = json_object_get(object, path[i]);
	json_int_t number = json_integer_value(object);
	return number > 0 ? (uint64_t)number : 0;
}
#define NUMBER(object, ...) number_at(object, (const char *const[]){__VA_ARGS__, NULL})

static void read_stats(struct eve_stats *stats, const json_t *line)
{
	const json_t *all = json_object_get(line, "stats");
	const json_t *engine =
		json_array_get(json_object_get(json_object_get(all, "detect"), "engines"), 0);
	*stats = (struct eve_stats){
		.frames = NUMBER(all, "decoder", "pkts"),
		.passed = NUMBER(all, "ips", "accepted") + NUMBER(all, "ips", "replaced"),
		.dropped = NUMBER(all, "ips", "blocked") + NUMBER(all, "ips", "rejected"),
		.lost = NUMBER(all, "capture", "afpacket", "send_errors"),
		.overrun = NUMBER(all, "capture", "kernel_drops"),
		.flows = NUMBER(all, "flow", "active"),
		.midstream = NUMBER(all, "tcp", "midstream_pickups"),
		.rules = NUMBER(engine, "rules_loaded"),
		.rules_failed = NUMBER(engine, "rules_failed"),
	};
}

static void read_end(struct umbox_ip *ip, uint16_t *port, const json_t *line, const char *ip_key,
		     const char *port_key)
{
	struct umbox_prefix prefix;
	const char *text = json_string_value(json_object_get(line, ip_key));
	uint64_t number = NUMBER(line, port_key);
	if (text && umbox_prefix_parse(&prefix, text))
		*ip = prefix.ip;
	if (number <= UINT16_MAX)
		*port = (uint16_t)number;
}

static bool is_type(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	return text && *text && strlen(text) < EVE_TYPE_BYTES && !text[strspn(text, allowed)];
}

/* Metadata of rules come as lists of texts. */
static const char *own_type(const json_t *alert)
{
	const json_t *list = json_object_get(json_object_get(alert, "metadata"), "kalki_alert");
	return json_string_value(json_array_get(list, 0));
}

static bool read_alert(struct eve *eve, const json_t *line)
{
	const json_t *alert = json_object_get(line, "alert");
	const json_t *id = json_object_get(alert, "signature_id");
	const char *words = json_string_value(json_object_get(alert, "signature"));
	const char *action = json_string_value(json_object_get(alert, "action"));
	const char *type = own_type(alert);
	if (!json_is_integer(id))
		return false;
	if (is_type(type))
		snprintf(eve->type, sizeof(eve->type), "%s", type);
	else
		snprintf(eve->type, sizeof(eve->type), "suricata-%" JSON_INTEGER_FORMAT,
			 json_integer_value(id));
	snprintf(eve->detail, sizeof(eve->detail), "%s%s",
		 action && strcmp(action, "blocked") == 0 ? "blocked: " : "", words ? words : "");
	uint64_t priority = NUMBER(alert, "severity");
	eve->alert = (struct umbox_alert){
		.type = eve->type,
		.severity = priority == 1   ? UMBOX_HIGH
			    : priority == 2 ? UMBOX_MEDIUM
					    : UMBOX_LOW,
		.detail = eve->detail,
	};
	read_end(&eve->alert.source, &eve->alert.source_port, line, "src_ip", "src_port");
	read_end(&eve->alert.target, &eve->alert.target_port, line, "dest_ip", "dest_port");
	return true;
}

void eve_read(struct eve *eve, const char *line, size_t length)
{
	eve->kind = EVE_NOTHING;
	if (too_deep(line, length))
		return;
	json_t *json = json_loadb(line, length, 0, NULL);
	const char *type = json_string_value(json_object_get(json, "event_type"));
	if (type && strcmp(type, "stats") == 0) {
		read_stats(&eve->stats, json);
		eve->kind = EVE_STATS;
	} else if (type && strcmp(type, "alert") == 0) {
		if (read_alert(eve, json))
			eve->kind = EVE_ALERT;
	} else if (type) {
		eve->kind = EVE_RECORD;
	}
	json_decref(json);
}
