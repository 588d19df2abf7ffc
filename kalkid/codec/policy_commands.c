/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_commands.c - what the devices of a type can be told to do:
 *
 *	NAME: {http | mqtt | ssh | program: ..., timeout: 5s, retries: 2} */
#include "base/mem.h"
#include "codec/exchange_file.h"
#include "codec/policy_internal.h"
#include "codec/schema.h"

static const struct field command_fields[] = {
	EXCHANGE_FIELD_HTTP,
	EXCHANGE_FIELD_MQTT,
	EXCHANGE_FIELD_SSH,
	EXCHANGE_FIELD_PROGRAM,
	EXCHANGE_FIELD_TIMEOUT,
	{"retries", FIELD_UNSIGNED, FIELD_AT(struct device_command, retries),
	 .max = COMMAND_RETRIES_MAX, .about = "how often it is tried again"},
};

json_t *describe_commands(void)
{
	static const char *const ways[] = {"http", "mqtt", "ssh", "program", NULL};
	json_t *command = SCHEMA_MAP(command_fields);
	schema_add_ways(command, ways, 0, NULL);
	return schema_named(schema_name(), command, 0, COMMANDS_MAX);
}

static void read_command(struct reading *reading, const struct document_node *entry,
			 struct device_command *command)
{
	struct error err = {0};
	if (name_check("command", entry->key, &err) < 0)
		document_complain_key(reading->document, entry, reading->complaints, NULL, "%s",
				      err.text);
	TEXT_COPY(command->name, entry->key);
	if (!fields_read(reading, entry, command_fields, ARRAY_SIZE(command_fields), command))
		return;
	if (command->exchange.kind == EXCHANGE_NONE)
		document_complain(reading->document, entry, reading->complaints,
				  "http, mqtt, ssh or program", "does not say how to tell it");
	if (!command->exchange.timeout_us)
		command->exchange.timeout_us = EXCHANGE_TIMEOUT_STANDARD_US;
}

void read_commands(struct reading *reading, const struct document_node *map, void *target)
{
	struct policy *policy = target;
	if (map->kind != DOCUMENT_MAP) {
		document_complain(reading->document, map, reading->complaints,
				  "turn-off: {http: ...}", "commands are a map");
		return;
	}
	policy->commands = mem_alloc_array(COMMANDS_MAX, sizeof(*policy->commands));
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		if (policy->command_count == COMMANDS_MAX) {
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "more than %d commands", COMMANDS_MAX);
			return;
		}
		read_command(reading, entry, &policy->commands[policy->command_count++]);
	}
}
