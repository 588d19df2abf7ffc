/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_sources.c - where the values of a type's sensors come from. */
#include "codec/policy_internal.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/answer.h"
#include "codec/exchange_file.h"
#include "codec/json_path.h"
#include "codec/pattern.h"
#include "codec/schema.h"
#include "codec/xml.h"

#define EVERY_MIN_US      ((int64_t)100 * 1000)
#define EVERY_MAX_US      ((int64_t)7 * 86400 * 1000000)
#define EVERY_STANDARD_US ((int64_t)30 * 1000000)

enum { MISSES_MAX = 1000, LINES_MAX = 10000, COLUMNS_MAX = 1000, LISTEN_BYTES = 64 };

/* --- mappings --- */

static void take_way(struct reading *reading, const struct document_node *node,
		     struct mapping *mapping, enum mapping_way way)
{
	if (mapping->way != MAPPING_WHOLE)
		document_complain_key(reading->document, node, reading->complaints,
				      "leave one of them out",
				      "json, xpath and line are different ways");
	mapping->way = way;
}

static void set_path(struct mapping *mapping, char *path)
{
	free(mapping->path);
	mapping->path = path;
}

static void read_json_path(struct reading *reading, const struct document_node *node, void *target)
{
	struct mapping *mapping = target;
	struct error err = {0};
	size_t offset = 0;
	take_way(reading, node, mapping, MAPPING_JSON);
	set_path(mapping, exchange_read_text(reading, node, MAPPING_PATH_BYTES));
	if (mapping->path && json_path_check(mapping->path, &offset, &err) < 0)
		document_complain_inside(reading->document, node, offset, reading->complaints,
					 "$.state.lights[0].on", "%s", err.text);
}

static void read_xpath(struct reading *reading, const struct document_node *node, void *target)
{
	struct mapping *mapping = target;
	struct error err = {0};
	take_way(reading, node, mapping, MAPPING_XPATH);
	set_path(mapping, exchange_read_text(reading, node, MAPPING_PATH_BYTES));
	if (mapping->path && xml_path_check(mapping->path, &err) < 0)
		document_complain(reading->document, node, reading->complaints,
				  "//*[local-name()='State']", "%s", err.text);
}

static void read_pattern(struct reading *reading, const struct document_node *node, void *target)
{
	struct mapping *mapping = target;
	struct error err = {0};
	size_t offset = 0;
	mapping->pattern = exchange_read_text(reading, node, MAPPING_PATH_BYTES);
	if (mapping->pattern && pattern_check(mapping->pattern, &offset, &err) < 0)
		document_complain_inside(reading->document, node, offset, reading->complaints, NULL,
					 "%s", err.text);
}

static void read_equals(struct reading *reading, const struct document_node *node, void *target)
{
	((struct mapping *)target)->equals = exchange_read_text(reading, node, NAME_BYTES - 1);
}

static void read_real(struct reading *reading, const struct document_node *node, double *ret)
{
	if (node->kind == DOCUMENT_NUMBER && isfinite(node->number))
		*ret = node->number;
	else
		document_complain(reading->document, node, reading->complaints, "0.001",
				  "is no number");
}

static void read_scale(struct reading *reading, const struct document_node *node, void *target)
{
	read_real(reading, node, &((struct mapping *)target)->scale);
}

static void read_offset(struct reading *reading, const struct document_node *node, void *target)
{
	read_real(reading, node, &((struct mapping *)target)->offset);
}

static json_t *describe_path(void)
{
	return schema_line(NULL, MAPPING_PATH_BYTES);
}

static json_t *describe_equals(void)
{
	return schema_line(NULL, NAME_BYTES - 1);
}

static json_t *describe_real(void)
{
	return json_pack("{s:s}", "type", "number");
}

static const struct field mapping_fields[] = {
	{"json", FIELD_OTHER, .read = read_json_path,
	 .about = "the part of an answer in JSON: $.state.lights[0].on", .describe = describe_path},
	{"xpath", FIELD_OTHER, .read = read_xpath, .about = "the part of an answer in XML",
	 .describe = describe_path},
	{"line", FIELD_UNSIGNED, FIELD_AT(struct mapping, line), .min = 1, .max = LINES_MAX,
	 .about = "the line of the answer, from 1"},
	{"split", FIELD_TEXT, FIELD_AT(struct mapping, split),
	 .about = "what parts the columns of the line"},
	{"column", FIELD_UNSIGNED, FIELD_AT(struct mapping, column), .min = 1, .max = COLUMNS_MAX,
	 .about = "which column, from 1"},
	{"pattern", FIELD_OTHER, .read = read_pattern,
	 .about = "a regular expression; its first group is the value", .describe = describe_path},
	{"equals", FIELD_OTHER, .read = read_equals, .about = "true when the text is this",
	 .describe = describe_equals},
	{"scale", FIELD_OTHER, .read = read_scale, .about = "the number times this",
	 .describe = describe_real},
	{"offset", FIELD_OTHER, .read = read_offset, .about = "and this added",
	 .describe = describe_real},
};

static json_t *describe_map(void)
{
	json_t *mapping = SCHEMA_MAP(mapping_fields);
	schema_add_conflict(mapping, "json", "xpath");
	schema_add_conflict(mapping, "json", "line");
	schema_add_conflict(mapping, "xpath", "line");
	json_object_set_new(mapping, "dependentRequired", json_pack("{s:[s]}", "split", "column"));
	return schema_named(schema_name(), mapping, 1, SENSORS_MAX);
}

/* Keys that say nothing for a sensor of this type, or without another key. */
static void check_mapping(struct reading *reading, const struct document_node *node,
			  const struct sensor *sensor, struct mapping *mapping)
{
	static const struct {
		const char *key;
		enum sensor_type type;
	} keys[] = {
		{"scale", SENSOR_NUMBER}, {"offset", SENSOR_NUMBER}, {"equals", SENSOR_BOOLEAN}};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct document_node *entry = document_find(node, keys[i].key);
		if (entry && sensor->type != keys[i].type)
			document_complain_key(reading->document, entry, reading->complaints,
					      "leave it out", "'%s' is of type %s", sensor->name,
					      SENSOR_TYPE_NAMES[sensor->type]);
	}
	const struct document_node *line = document_find(node, "line");
	if (line)
		take_way(reading, line, mapping, MAPPING_LINE);
	const struct document_node *split = document_find(node, "split");
	if (split && !document_find(node, "column"))
		document_complain_key(reading->document, split, reading->complaints, "column: 1",
				      "which of the columns?");
}

/* Index of the sensor that the entry's key names, or -1 and a complaint. */
static int find_sensor(struct reading *reading, const struct document_node *entry)
{
	const struct policy *policy = reading->data;
	const char *names[SENSORS_MAX];
	char right[160];
	int sensor = policy_find_sensor(policy, entry->key);
	if (sensor >= 0)
		return sensor;
	for (unsigned i = 0; i < policy->sensor_count; i++)
		names[i] = policy->sensors[i].name;
	const char *nearest = text_nearest(entry->key, names, policy->sensor_count);
	snprintf(right, sizeof(right), nearest ? "did you mean '%s'?" : "add it to `sensors`",
		 nearest);
	document_complain_key(reading->document, entry, reading->complaints, right,
			      "no sensor '%.64s'", entry->key);
	return -1;
}

static bool is_sensor_map(struct reading *reading, const struct document_node *map)
{
	if (map->kind == DOCUMENT_MAP && map->first)
		return true;
	document_complain(reading->document, map, reading->complaints, "sensor: ...",
			  "names no sensor");
	return false;
}

static void read_map(struct reading *reading, const struct document_node *map, void *target)
{
	const struct policy *policy = reading->data;
	struct source *source = target;
	if (!is_sensor_map(reading, map))
		return;
	source->mappings = mem_alloc_array(SOURCE_MAPPINGS_MAX, sizeof(*source->mappings));
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		int sensor = find_sensor(reading, entry);
		if (sensor < 0)
			continue;
		/* There are no more of them than sensors. */
		struct mapping *mapping = &source->mappings[source->mapping_count++];
		mapping->sensor = (unsigned)sensor;
		mapping->scale = 1;
		if (fields_read(reading, entry, mapping_fields, ARRAY_SIZE(mapping_fields),
				mapping))
			check_mapping(reading, entry, &policy->sensors[sensor], mapping);
	}
}

/* --- sources that are not asked --- */

static json_t *describe_filter(void)
{
	return schema_line("^.+$", EXCHANGE_TEXT_BYTES);
}

static json_t *describe_listen(void)
{
	return schema_line("^.+:[0-9]{1,5}$", LISTEN_BYTES);
}

static json_t *describe_to(void)
{
	return schema_line("^[^ <>]*@[^ <>]*$", EXCHANGE_TEXT_BYTES);
}

static json_t *describe_set(void)
{
	return schema_named(schema_name(),
			    json_pack("{s:[s, s, s]}", "type", "boolean", "number", "string"), 1,
			    SENSORS_MAX);
}

static json_t *describe_push(void)
{
	return schema_map(NULL, 0);
}

static bool is_filter(const char *text)
{
	size_t length;
	if (!*text)
		return false;
	for (;; text += length + 1) {
		length = strcspn(text, "/");
		bool last = !text[length];
		bool wild = strcspn(text, "+#") < length;
		if (wild && (length != 1 || (*text == '#' && !last)))
			return false;
		if (last)
			return true;
	}
}

static char *read_filter(struct reading *reading, const struct document_node *node)
{
	char *filter = exchange_read_text(reading, node, EXCHANGE_TEXT_BYTES);
	if (filter && !is_filter(filter))
		document_complain(reading->document, node, reading->complaints,
				  "zigbee2mqtt/{device}; '+' is one whole level, '#' the rest",
				  "is no topic");
	return filter;
}

static void read_topic(struct reading *reading, const struct document_node *node, void *target)
{
	((struct source *)target)->exchange.topic = read_filter(reading, node);
}

static void read_availability(struct reading *reading, const struct document_node *node,
			      void *target)
{
	((struct source *)target)->availability = read_filter(reading, node);
}

static bool begin(struct reading *reading, const struct document_node *node, struct source *source,
		  enum source_kind kind)
{
	if (source->exchange.kind == EXCHANGE_NONE && source->kind == SOURCE_POLL) {
		source->kind = kind;
		return true;
	}
	document_complain_key(reading->document, node, reading->complaints, "leave one of them out",
			      "a source has one way");
	return false;
}

static const struct field mqtt_fields[] = {
	{"broker", FIELD_OTHER, .required = true, .read = exchange_read_broker,
	 .about = "mqtt://host:1883 or mqtts://host:8883", .describe = exchange_describe_broker},
	{"topic", FIELD_OTHER, .required = true, .read = read_topic,
	 .about = "what is subscribed; '+' is one whole level, '#' the rest",
	 .describe = describe_filter},
	{"availability", FIELD_OTHER, .read = read_availability,
	 .about = "the topic that tells whether the device is there", .describe = describe_filter},
	{"online", FIELD_TEXT, FIELD_AT(struct source, online), .standard = "online",
	 .about = "what it says there when it is"},
	{"offline", FIELD_TEXT, FIELD_AT(struct source, offline), .standard = "offline",
	 .about = "and when it is not"},
	{"qos", FIELD_UNSIGNED, FIELD_AT(struct source, exchange.qos), .max = 2,
	 .about = "0 at most once, 1 at least once, 2 exactly once"},
	{"credential", FIELD_NAME, FIELD_AT(struct source, exchange.credential),
	 .about = "the name of a secret"},
	{"ca", FIELD_NAME, FIELD_AT(struct source, exchange.ca),
	 .about = "the name of a secret with the certificates to trust"},
};

static json_t *describe_mqtt(void)
{
	return SCHEMA_MAP(mqtt_fields);
}
static void read_mqtt(struct reading *reading, const struct document_node *node, void *target)
{
	if (!begin(reading, node, target, SOURCE_MQTT))
		return;
	fields_set_standard(mqtt_fields, ARRAY_SIZE(mqtt_fields), target);
	(void)fields_read(reading, node, mqtt_fields, ARRAY_SIZE(mqtt_fields), target);
}

/* "127.0.0.1:2525", "[::1]:2525" */
static bool is_listen_address(const char *text)
{
	char host[LISTEN_BYTES];
	struct in6_addr address;
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	if (!length || length >= sizeof(host))
		return false;
	size_t digits = strspn(colon + 1, "0123456789");
	long port = strtol(colon + 1, NULL, 10);
	if (!digits || digits > 5 || colon[1 + digits] || port < 1 || port > 65535)
		return false;
	bool brackets = text[0] == '[' && text[length - 1] == ']';
	memcpy(host, text + brackets, length - 2 * (size_t)brackets);
	host[length - 2 * (size_t)brackets] = '\0';
	return inet_pton(brackets ? AF_INET6 : AF_INET, host, &address) == 1;
}

static void read_listen(struct reading *reading, const struct document_node *node, void *target)
{
	struct source *source = target;
	source->listen = exchange_read_text(reading, node, LISTEN_BYTES);
	if (source->listen && !is_listen_address(source->listen))
		document_complain(reading->document, node, reading->complaints,
				  "192.168.7.1:2525, [fd00::1]:2525", "is no address with a port");
}

static void read_to(struct reading *reading, const struct document_node *node, void *target)
{
	struct source *source = target;
	source->to = exchange_read_text(reading, node, EXCHANGE_TEXT_BYTES);
	if (source->to && (strpbrk(source->to, " <>") || !strchr(source->to, '@')))
		document_complain(reading->document, node, reading->complaints,
				  "\"{device}@kalki\"", "is no address of mail");
}

static void read_set(struct reading *reading, const struct document_node *map, void *target)
{
	const struct policy *policy = reading->data;
	struct source *source = target;
	if (!is_sensor_map(reading, map))
		return;
	source->fixed = mem_alloc_array(SENSORS_MAX, sizeof(*source->fixed));
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		struct sensor_reading value;
		int sensor = find_sensor(reading, entry);
		if (sensor < 0)
			continue;
		struct source_fixed *fixed = &source->fixed[source->fixed_count++];
		fixed->sensor = (unsigned)sensor;
		const char *text = entry->kind == DOCUMENT_BOOLEAN
					   ? (entry->boolean ? "true" : "false")
					   : entry->text;
		const struct sensor *of = &policy->sensors[sensor];
		if (!text || !TEXT_COPY(fixed->text, text) || !answer_take_text(of, text, &value))
			document_complain(reading->document, entry, reading->complaints,
					  of->type == SENSOR_BOOLEAN  ? "true or false"
					  : of->type == SENSOR_NUMBER ? "17, 2.5"
								      : "at most 63 bytes of text",
					  "is no %s", SENSOR_TYPE_NAMES[of->type]);
	}
}

static const struct field smtp_fields[] = {
	{"listen", FIELD_OTHER, .required = true, .read = read_listen,
	 .about = "the address and port for its mail: 192.168.7.1:2525",
	 .describe = describe_listen},
	{"to", FIELD_OTHER, .read = read_to, .about = "whom it writes to", .describe = describe_to},
	{"set", FIELD_OTHER, .required = true, .read = read_set,
	 .about = "the values that a mail stands for", .describe = describe_set},
};

static json_t *describe_smtp(void)
{
	return SCHEMA_MAP(smtp_fields);
}
static void read_smtp(struct reading *reading, const struct document_node *node, void *target)
{
	if (begin(reading, node, target, SOURCE_SMTP))
		(void)fields_read(reading, node, smtp_fields, ARRAY_SIZE(smtp_fields), target);
}

static void read_push(struct reading *reading, const struct document_node *node, void *target)
{
	if (begin(reading, node, target, SOURCE_PUSH))
		(void)fields_read(reading, node, NULL, 0, target);
}

/* --- a source --- */

static const struct field source_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct source, name),
	 .about = "of the source, once in the type"},
	EXCHANGE_FIELD_HTTP,
	EXCHANGE_FIELD_SSH,
	EXCHANGE_FIELD_PROGRAM,
	{"mqtt", FIELD_OTHER, .read = read_mqtt, .about = "a subscription at an MQTT broker",
	 .describe = describe_mqtt},
	{"smtp", FIELD_OTHER, .read = read_smtp, .about = "devices that mail",
	 .describe = describe_smtp},
	{"push", FIELD_OTHER, .read = read_push, .about = "values come through the API: {}",
	 .describe = describe_push},
	{"every", FIELD_DURATION, FIELD_AT(struct source, every_us), .min = EVERY_MIN_US,
	 .max = EVERY_MAX_US, .about = "how often it is asked"},
	EXCHANGE_FIELD_TIMEOUT,
	{"misses", FIELD_UNSIGNED, FIELD_AT(struct source, misses), .min = 1, .max = MISSES_MAX,
	 .about = "after so many the values count as unavailable"},
	{"map", FIELD_OTHER, .read = read_map,
	 .about = "which part of an answer is the value of which sensor", .describe = describe_map},
};

json_t *describe_sources(void)
{
	static const char *const ways[] = {"http", "ssh", "program", "mqtt", "smtp", "push", NULL};
	static const size_t mapped = 4;
	json_t *source = SCHEMA_MAP(source_fields);
	schema_add_ways(source, ways, mapped, "map");
	return schema_list(source, 0, SOURCES_MAX);
}

static void set_times(struct source *source)
{
	if (!source->every_us && source->kind == SOURCE_POLL)
		source->every_us = EVERY_STANDARD_US;
	if (!source->exchange.timeout_us)
		source->exchange.timeout_us = source->kind == SOURCE_POLL
						      ? min_of(EXCHANGE_TIMEOUT_STANDARD_US,
							       source->every_us)
						      : EXCHANGE_TIMEOUT_STANDARD_US;
	if (!source->misses)
		source->misses = SOURCE_MISSES_STANDARD;
}

/* What concerns a source as a whole, once its parts are good. */
static void check_source(struct reading *reading, const struct document_node *node,
			 const struct policy *policy, const struct source *source)
{
	bool mapped = source->kind == SOURCE_POLL || source->kind == SOURCE_MQTT;
	if (source->kind == SOURCE_POLL && source->exchange.kind == EXCHANGE_NONE)
		document_complain(reading->document, node, reading->complaints,
				  "one of http, ssh, program, mqtt, smtp, push",
				  "a source without a way");
	else if (mapped && !source->mapping_count)
		document_complain(reading->document, node, reading->complaints,
				  "map: {sensor: {json: \"$.value\"}}",
				  "nothing of its answers is taken");
	else if (!mapped && document_find(node, "map"))
		document_complain_key(reading->document, document_find(node, "map"),
				      reading->complaints, "leave it out",
				      "its values have names already");
	if (source->kind == SOURCE_POLL && source->exchange.timeout_us > source->every_us)
		document_complain(reading->document, document_find(node, "timeout"),
				  reading->complaints, "an answer comes before the next question",
				  "is longer than its period");
	for (unsigned i = 0; &policy->sources[i] < source; i++)
		if (text_equal(policy->sources[i].name, source->name))
			document_complain(reading->document, document_find(node, "name"),
					  reading->complaints, "each source its own name",
					  "there is a source '%s' before", source->name);
}

void read_sources(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy *policy = target;
	if (!read_is_list(reading, list, SOURCES_MAX))
		return;
	policy->sources = mem_alloc_array(SOURCES_MAX, sizeof(*policy->sources));
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct source *source = &policy->sources[policy->source_count++];
		if (!fields_read(reading, item, source_fields, ARRAY_SIZE(source_fields), source))
			continue;
		set_times(source);
		check_source(reading, item, policy, source);
	}
}
