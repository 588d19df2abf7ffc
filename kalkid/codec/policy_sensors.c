/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_sensors.c - what a device type measures. */
#include "codec/policy_internal.h"
#include "codec/schema.h"

#include <ctype.h>
#include <string.h>

static const struct field sensor_fields[] = {
	{"type", FIELD_CHOICE, .required = true, FIELD_AT(struct sensor, type),
	 .choices = SENSOR_TYPE_NAMES, .about = "what its values are"},
	{"unit", FIELD_TEXT, FIELD_AT(struct sensor, unit), .about = "of its numbers, for people"},
	{"keep", FIELD_UNSIGNED, FIELD_AT(struct sensor, keep), .min = 1, .max = SENSOR_KEEP_MAX,
	 .about = "how many of its values are kept for conditions"},
};

json_t *describe_sensors(void)
{
	return schema_named(schema_line("^[A-Za-z][A-Za-z0-9_]*$", NAME_BYTES - 1),
			    SCHEMA_MAP(sensor_fields), 0, SENSORS_MAX);
}

/* It has to be a word of the condition language, and none that it has already. */
static bool read_sensor_name(struct reading *reading, const struct document_node *entry,
			     const struct policy *policy, char name[static NAME_BYTES])
{
	const char *key = entry->key;
	bool is_word = strlen(key) < NAME_BYTES && isalpha((unsigned char)*key);
	for (const char *c = key; *c; c++)
		is_word = is_word && (isalnum((unsigned char)*c) || *c == '_');
	if (!is_word)
		document_complain_key(reading->document, entry, reading->complaints,
				      "at most 63 letters, digits and '_', a letter first",
				      "'%.64s' is no name of a sensor", key);
	else if (expression_reserves(key))
		document_complain_key(reading->document, entry, reading->complaints, "another name",
				      "'%s' means something else in conditions", key);
	else if (policy_find_sensor(policy, key) >= 0)
		document_complain_key(reading->document, entry, reading->complaints,
				      "each sensor once, in the type's file or an included one",
				      "there is a sensor '%s' before", key);
	else
		return text_copy(name, NAME_BYTES, key);
	return false;
}

void read_sensors(struct reading *reading, const struct document_node *map,
		  void *target maybe_unused)
{
	struct policy *policy = reading->data;
	if (map->kind != DOCUMENT_MAP) {
		document_complain(reading->document, map, reading->complaints,
				  "name: {type: number, unit: mW}", "sensors are a map");
		return;
	}
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		struct sensor sensor = {.keep = SENSOR_KEEP_STANDARD};
		if (policy->sensor_count == SENSORS_MAX) {
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "more than %d sensors", SENSORS_MAX);
			return;
		}
		if (fields_read(reading, entry, sensor_fields, ARRAY_SIZE(sensor_fields),
				&sensor) &&
		    read_sensor_name(reading, entry, policy, sensor.name))
			policy->sensors[policy->sensor_count++] = sensor;
	}
}
