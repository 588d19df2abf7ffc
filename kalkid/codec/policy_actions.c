/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_actions.c - what a rule does besides leading to a state. */
#include "codec/policy_internal.h"

#include "base/mem.h"
#include "codec/schema.h"

#define FACTOR_MIN 0.01
#define FACTOR_MAX 100.0

void read_factor(struct reading *reading, const struct document_node *node, double *ret)
{
	if (node->kind != DOCUMENT_NUMBER)
		document_complain(reading->document, node, reading->complaints,
				  "2 is twice as often, 0.5 half, 0 not at all", "is no number");
	else if (node->number != 0 && (node->number < FACTOR_MIN || node->number > FACTOR_MAX))
		document_complain(reading->document, node, reading->complaints,
				  "0.01 to 100; 2 is twice as often, 0.5 half, 0 not at all",
				  "is out of range");
	else
		*ret = node->number;
}

static void read_action_factor(struct reading *reading, const struct document_node *node,
			       void *target)
{
	read_factor(reading, node, &((struct action *)target)->factor);
}

json_t *describe_factor(void)
{
	return json_pack("{s:[{s:i}, o]}", "anyOf", "const", 0,
			 schema_number(FACTOR_MIN, FACTOR_MAX));
}

static const struct field command_fields[] = {
	{"command", FIELD_NAME, .required = true, FIELD_AT(struct action, name),
	 .about = "send this; where nobody else is named, to the device itself"},
	{"device", FIELD_NAME, FIELD_AT(struct action, device),
	 .about = "another device, by its name"},
	{"group", FIELD_NAME, FIELD_AT(struct action, group), .about = "all devices of this group"},
	{"type", FIELD_NAME, FIELD_AT(struct action, type), .about = "all devices of this type"},
};
static const struct field notify_fields[] = {
	{"notify", FIELD_NAME, .required = true, FIELD_AT(struct action, name),
	 .about = "tell this notifier"},
};
static const struct field tag_fields[] = {
	{"tag", FIELD_NAME, .required = true, FIELD_AT(struct action, name),
	 .about = "put this tag on the device"},
};
static const struct field untag_fields[] = {
	{"untag", FIELD_NAME, .required = true, FIELD_AT(struct action, name),
	 .about = "take this tag from the device"},
};
static const struct field factor_fields[] = {
	{"telemetry_factor", FIELD_OTHER, .required = true, .read = read_action_factor,
	 .about = "ask the sources so much more often: 2 is twice as often, 0 not at all",
	 .describe = describe_factor},
	{"for", FIELD_DURATION, FIELD_AT(struct action, for_us), .min = 1000000,
	 .max = 365 * (int64_t)86400 * 1000000, .about = "only so long"},
};

/* By its first field's key one knows an action. */
static const struct {
	const struct field *fields;
	size_t count;
} forms[ACTION_KIND_COUNT] = {
	[ACTION_COMMAND] = {command_fields, ARRAY_SIZE(command_fields)},
	[ACTION_NOTIFY] = {notify_fields, ARRAY_SIZE(notify_fields)},
	[ACTION_TAG] = {tag_fields, ARRAY_SIZE(tag_fields)},
	[ACTION_UNTAG] = {untag_fields, ARRAY_SIZE(untag_fields)},
	[ACTION_TELEMETRY_FACTOR] = {factor_fields, ARRAY_SIZE(factor_fields)},
};

json_t *describe_actions(void)
{
	json_t *any = json_array();
	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++)
		json_array_append_new(any, schema_map(forms[i].fields, forms[i].count));
	json_t *command = json_array_get(any, ACTION_COMMAND);
	schema_add_conflict(command, "device", "group");
	schema_add_conflict(command, "device", "type");
	return schema_list(json_pack("{s:o}", "anyOf", any), 0, ACTIONS_MAX);
}

/* A command for others may be one of their types: files.c knows those. */
static void check_own_command(struct reading *reading, const struct document_node *node,
			      const struct action *action)
{
	const struct policy *policy = reading->data;
	const char *names[COMMANDS_MAX];
	bool own = !action->device[0] && !action->group[0] && !action->type[0];
	if (action->kind != ACTION_COMMAND || !own || !action->name[0] ||
	    policy_find_command(policy, action->name))
		return;
	for (unsigned i = 0; i < policy->command_count; i++)
		names[i] = policy->commands[i].name;
	complain_unknown(reading, document_find(node, "command"), "command of this type",
			 action->name, names, policy->command_count);
}

static void read_action(struct reading *reading, const struct document_node *node,
			struct action *action)
{
	unsigned kind = 0;
	while (kind < ACTION_KIND_COUNT &&
	       (node->kind != DOCUMENT_MAP || !document_find(node, forms[kind].fields[0].key)))
		kind++;
	if (kind == ACTION_KIND_COUNT) {
		document_complain(reading->document, node, reading->complaints,
				  "one of command, notify, tag, untag, telemetry_factor",
				  "is no action");
		return;
	}
	action->kind = (enum action_kind)kind;
	(void)fields_read(reading, node, forms[kind].fields, forms[kind].count, action);
	if (action->device[0] && (action->group[0] || action->type[0]))
		document_complain(reading->document, node, reading->complaints,
				  "name the device alone, or a group, a type or both",
				  "goes to a device and to several");
	check_own_command(reading, node, action);
}

void read_actions(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy_rule *rule = target;
	if (!read_is_list(reading, list, ACTIONS_MAX))
		return;
	rule->actions = mem_alloc_array(ACTIONS_MAX, sizeof(*rule->actions));
	for (const struct document_node *item = list->first; item; item = item->next)
		read_action(reading, item, &rule->actions[rule->action_count++]);
}
