/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_fleet.c - any, all and devices: a condition over other devices. */
#include "base/text.h"
#include "core/expression_internal.h"
#include "core/machine.h"

static bool has_tag(const struct device *device, const char *tag)
{
	for (unsigned i = 0; i < device->tag_count; i++)
		if (text_equal(device->tags[i], tag))
			return true;
	return false;
}

static bool selects(const struct facts *facts, const struct argument *arguments,
		    const struct fleet_member *member)
{
	const struct device *device = member->device;
	const struct argument *group = &arguments[SLOT_GROUP];
	const struct argument *itself = &arguments[SLOT_ITSELF];
	if (member->machine == facts->machine && !(itself->given && itself->boolean))
		return false;
	if (arguments[SLOT_DEVICE_TYPE].given &&
	    !text_equal(arguments[SLOT_DEVICE_TYPE].text, device->type))
		return false;
	if (arguments[SLOT_NAME].given && !text_equal(arguments[SLOT_NAME].text, device->name))
		return false;
	if (arguments[SLOT_TAG].given && !has_tag(device, arguments[SLOT_TAG].text))
		return false;
	if (!group->given)
		return true;
	return group->mine ? facts->device && device_shares_group(facts->device, device)
			   : device_in_group(device, group->text);
}

/* The condition with the facts of `member`; without one, whether it is there. */
static struct value look_at(const struct facts *facts, const struct expression_node *nodes,
			    const struct expression_node *call, const struct fleet_member *member,
			    struct value *values)
{
	struct facts theirs = {
		.machine = member->machine,
		.policy = member->policy,
		.device = member->device,
		.fleet = facts->fleet,
		.alerts_max = EXPRESSION_OTHERS_ALERTS_MAX,
		.now_us = facts->now_us,
	};
	if (!call->arguments[SLOT_WHERE].given)
		return (struct value){.known = true, .boolean = true, .next_us = INT64_MAX};
	if (!member->policy)
		return (struct value){.next_us = INT64_MAX};
	nodes_compute(&theirs, nodes, call->first, call->left, values);
	return values[call->left];
}

/* `decisive`: what one device alone decides, for any and all. */
static void combine(bool decisive, unsigned looked_at, bool all_known, struct value *ret)
{
	/* All of none is not known: a lamp without others is not the odd one out. */
	ret->known = all_known && (decisive || looked_at);
	ret->boolean = !decisive;
}

void call_fleet(const struct facts *facts, const struct expression_node *nodes, unsigned call,
		struct value *values, struct value *ret)
{
	const struct expression_node *node = &nodes[call];
	bool counts = node->type == VALUE_NUMBER,
	     decisive = !text_equal(node->function->name, "all");
	unsigned looked_at = 0, true_ones = 0;
	bool all_known = true;
	for (unsigned i = 0; facts->fleet && i < facts->fleet->count; i++) {
		const struct fleet_member *member = &facts->fleet->members[i];
		if (!selects(facts, node->arguments, member))
			continue;
		struct value value = look_at(facts, nodes, node, member, values);
		looked_at++;
		all_known &= value.known;
		true_ones += value.known && value.boolean;
		ret->next_us = min_of(ret->next_us, value.next_us);
		if (counts || !value.known || value.boolean != decisive)
			continue;
		*ret = (struct value){.known = true, .boolean = decisive, .next_us = value.next_us};
		return;
	}
	if (counts) {
		ret->known = true;
		ret->number = true_ones;
	} else {
		combine(decisive, looked_at, all_known, ret);
	}
}

static bool names_type(const struct argument *argument, const char *type)
{
	return argument->given && (argument->any || text_equal(argument->text, type));
}

/* Whether a new alert of this type can change its value. */
static bool node_names_alert(const struct expression_node *node, const char *type)
{
	if (node->operation == OPERATION_NAME)
		return node->name->any_alert;
	return node->operation == OPERATION_CALL &&
	       (names_type(&node->arguments[SLOT_TYPE], type) ||
		names_type(&node->arguments[SLOT_THEN], type));
}

static bool names_sensor(const struct sensor_reference *sensor, const struct fleet_change *change)
{
	const struct policy *policy = change->member->policy;
	if (!change->readings)
		return true;
	for (unsigned i = 0; i < change->reading_count; i++)
		if (text_equal(policy->sensors[change->readings[i].sensor].name, sensor->name))
			return true;
	return false;
}

static bool node_names_sensors(const struct expression_node *node,
			       const struct fleet_change *change)
{
	if (node->operation == OPERATION_SENSOR)
		return names_sensor(&node->sensor, change);
	if (node->operation == OPERATION_NAME) /* available */
		return !change->readings && !node->name->is_state && !node->name->moves;
	if (node->operation != OPERATION_CALL)
		return false;
	for (enum slot slot = SLOT_SENSOR; slot <= SLOT_SENSOR_3; slot++)
		if (node->arguments[slot].given &&
		    names_sensor(&node->arguments[slot].sensor, change))
			return true;
	return false;
}

static bool node_names_change(const struct expression_node *node, const struct fleet_change *change)
{
	switch (change->kind) {
	case FLEET_STATE: return true;
	case FLEET_ALERT: return node_names_alert(node, change->alert);
	case FLEET_SENSORS: return node_names_sensors(node, change);
	}
	return true;
}

static bool may_select(const struct argument *arguments, const struct device *device)
{
	return (!arguments[SLOT_DEVICE_TYPE].given ||
		text_equal(arguments[SLOT_DEVICE_TYPE].text, device->type)) &&
	       (!arguments[SLOT_NAME].given || text_equal(arguments[SLOT_NAME].text, device->name));
}

bool expression_names_change(const struct expression *expression, const struct fleet_change *change)
{
	const struct expression_node *nodes = expression->nodes;
	for (unsigned i = 0; expression->needs.fleet && i < expression->node_count; i++) {
		const struct expression_node *call = &nodes[i];
		if (!call->function || call->function->kind != FUNCTION_FLEET ||
		    !may_select(call->arguments, change->member->device))
			continue;
		if (change->kind == FLEET_STATE)
			return true;
		for (unsigned j = call->first; call->arguments[SLOT_WHERE].given && j <= call->left;
		     j++)
			if (node_names_change(&nodes[j], change))
				return true;
	}
	return false;
}
