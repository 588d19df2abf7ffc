/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_file.c - a device type's file into a policy. */
#include "codec/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/fields.h"
#include "codec/image_reference.h"
#include "codec/policy_internal.h"
#include "codec/schema.h"

#define YEAR_US (365 * (int64_t)86400 * 1000000)

static void read_image(struct reading *reading, const struct document_node *node, void *target)
{
	struct hop *hop = target;
	struct error err = {0};
	const char *text = read_text(reading, node);
	if (!text)
		return;
	if (image_reference_check(text, &err) < 0)
		document_complain(
			reading->document, node, reading->complaints,
			"name:tag or name@sha256:...; of small letters, digits and . _ -, "
			"its parts by /",
			"%s", err.text);
	else if (!TEXT_COPY(hop->image, text))
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %d bytes", IMAGE_BYTES - 1);
}

static void read_parameters(struct reading *reading, const struct document_node *node, void *target)
{
	struct hop *hop = target;
	if (node->kind != DOCUMENT_MAP) {
		document_complain(reading->document, node, reading->complaints, "{}",
				  "parameters are a map");
		return;
	}
	json_t *json = document_to_json(node);
	hop->parameters = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(json);
	if (strlen(hop->parameters) > PARAMETERS_BYTES_MAX)
		document_complain(reading->document, node, reading->complaints, NULL,
				  "is longer than %d bytes as JSON", PARAMETERS_BYTES_MAX);
}

static json_t *describe_image(void)
{
	return schema_line(NULL, IMAGE_BYTES - 1);
}

static json_t *describe_map(void)
{
	return json_pack("{s:s}", "type", "object");
}

static const struct field hop_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct hop, name),
	 .about = "of the hop, once in its chain"},
	{"image", FIELD_OTHER, .required = true, .read = read_image,
	 .about = "the image of its container, as name:tag", .describe = describe_image},
	{"parameters", FIELD_OTHER, .read = read_parameters,
	 .about = "for the image: see its own schema", .describe = describe_map},
	{"fail", FIELD_CHOICE, FIELD_AT(struct hop, fail), .choices = HOP_FAIL_NAMES,
	 .about = "whether traffic passes while it does not run"},
	{"shadow", FIELD_BOOLEAN, FIELD_AT(struct hop, shadow),
	 .about = "it drops nothing, and no rule looks at its alerts"},
};

static void refuse_equal_hops(struct reading *reading, const struct document_node *node,
			      const struct posture *posture)
{
	unsigned last = posture->hop_count - 1;
	for (unsigned i = 0; i < last; i++)
		if (posture->hops[last].name[0] &&
		    text_equal(posture->hops[i].name, posture->hops[last].name))
			document_complain(reading->document, node, reading->complaints,
					  "each hop its own name",
					  "the chain has two hops named '%s'",
					  posture->hops[last].name);
}

static void read_hops(struct reading *reading, const struct document_node *list,
		      struct posture *posture)
{
	if (!read_is_list(reading, list, HOPS_MAX))
		return;
	if (!list->first)
		document_complain(reading->document, list, reading->complaints,
				  "chain: pass lets everything through, chain: block nothing",
				  "an empty chain");
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct hop *hop = &posture->hops[posture->hop_count++];
		(void)fields_read(reading, item, hop_fields, ARRAY_SIZE(hop_fields), hop);
		if (!hop->parameters)
			hop->parameters = mem_copy_text("{}");
		hop_seal(hop);
		refuse_equal_hops(reading, item, posture);
	}
}

static void read_chain(struct reading *reading, const struct document_node *node, void *target)
{
	struct posture *posture = &((struct policy_state *)target)->posture;
	posture->mode = POSTURE_CHAIN;
	if (node->kind == DOCUMENT_LIST)
		read_hops(reading, node, posture);
	else if (node->kind == DOCUMENT_TEXT && text_equal(node->text, "pass"))
		posture->mode = POSTURE_PASS;
	else if (node->kind == DOCUMENT_TEXT && text_equal(node->text, "block"))
		posture->mode = POSTURE_BLOCK;
	else
		document_complain(reading->document, node, reading->complaints,
				  "a list of hops, pass or block", "is no chain");
}

static json_t *describe_chain(void)
{
	return schema_either(json_pack("{s:[s, s]}", "enum", "pass", "block"),
			     schema_list(SCHEMA_MAP(hop_fields), 1, HOPS_MAX));
}

/* Index of the state that the node names, or -1 and a complaint. */
static int read_state(struct reading *reading, const struct document_node *node)
{
	const struct policy *policy = reading->data;
	const char *names[POLICY_STATES_MAX];
	const char *text = read_text(reading, node);
	if (!text)
		return -1;
	for (unsigned i = 0; i < policy->state_count; i++)
		names[i] = policy->states[i].name;
	int state = policy_find_state(policy, text);
	bool included = !text_equal(document_file(reading->document), policy->file);
	cleanup_free char *what = included ? mem_printf("state of the type %s,", policy->type)
					   : mem_copy_text("state");
	if (state < 0)
		complain_unknown(reading, node, what, text, names, policy->state_count);
	return state;
}

static void read_calm_to(struct reading *reading, const struct document_node *node, void *target)
{
	const struct policy *policy = reading->data;
	struct policy_state *state = target;
	int to = read_state(reading, node);
	if (to < 0)
		return;
	state->calm_to = (unsigned)to;
	if (to >= state - policy->states)
		document_complain(reading->document, node, reading->complaints,
				  "states stand from the loosest to the tightest",
				  "'%s' is not looser than '%s'", policy->states[to].name,
				  state->name);
}

static const struct field calm_fields[] = {
	{"after", FIELD_DURATION, .required = true, FIELD_AT(struct policy_state, calm_us),
	 .min = 1000000, .max = YEAR_US, .about = "so long without an alert"},
	{"to", FIELD_OTHER, .required = true, .read = read_calm_to, .about = "a looser state",
	 .describe = schema_name},
};

static json_t *describe_calm(void)
{
	return SCHEMA_MAP(calm_fields);
}
static void read_calm(struct reading *reading, const struct document_node *node, void *target)
{
	(void)fields_read(reading, node, calm_fields, ARRAY_SIZE(calm_fields), target);
}

static void read_state_factor(struct reading *reading, const struct document_node *node,
			      void *target)
{
	read_factor(reading, node, &((struct policy_state *)target)->telemetry_factor);
}

static const struct field state_fields[] = {
	{"chain", FIELD_OTHER, .required = true, .read = read_chain,
	 .about = "a list of hops, pass (everything) or block (nothing)",
	 .describe = describe_chain},
	{"hold", FIELD_CHOICE, FIELD_AT(struct policy_state, posture.hold),
	 .choices = POSTURE_HOLD_NAMES, .about = "what is in force until the chain is ready"},
	{"standby", FIELD_CHOICE, FIELD_AT(struct policy_state, posture.standby),
	 .choices = POSTURE_STANDBY_NAMES,
	 .about = "which chains stand ready before they are needed"},
	{"stop_now", FIELD_BOOLEAN, FIELD_AT(struct policy_state, posture.cut),
	 .about = "drop what is still inside the chain before"},
	{"dwell", FIELD_DURATION, FIELD_AT(struct policy_state, dwell_us), .max = YEAR_US,
	 .about = "stay at least so long, unless something tighter comes"},
	{"calm", FIELD_OTHER, .read = read_calm,
	 .about = "back to a looser state after a time without alerts", .describe = describe_calm},
	{"final", FIELD_BOOLEAN, FIELD_AT(struct policy_state, final),
	 .about = "only an operator ends this state"},
	{"telemetry_factor", FIELD_OTHER, .read = read_state_factor,
	 .about = "ask the sources so much more often: 2 is twice as often, 0 not at all",
	 .describe = describe_factor},
};

static json_t *describe_states(void)
{
	json_t *name = schema_name();
	json_object_set_new(name, "not", json_pack("{s:s}", "const", "any"));
	return schema_named(name, SCHEMA_MAP(state_fields), 1, POLICY_STATES_MAX);
}

/* All names first: calm and rules name states before and after their own. */
void read_state_names(struct reading *reading, const struct document_node *map)
{
	struct policy *policy = reading->data;
	policy->states = mem_alloc_array(POLICY_STATES_MAX, sizeof(*policy->states));
	for (const struct document_node *entry = map->first; entry; entry = entry->next) {
		struct error err = {0};
		if (policy->state_count == POLICY_STATES_MAX) {
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "more than %d states", POLICY_STATES_MAX);
			return;
		}
		if (name_check("state", entry->key, &err) < 0)
			document_complain_key(reading->document, entry, reading->complaints, NULL,
					      "%s", err.text);
		if (text_equal(entry->key, "any"))
			document_complain_key(reading->document, entry, reading->complaints,
					      "another name", "'any' means all states in rules");
		policy->states[policy->state_count].telemetry_factor = 1;
		TEXT_COPY(policy->states[policy->state_count++].name, entry->key);
	}
}

static void read_states(struct reading *reading, const struct document_node *map,
			void *target maybe_unused)
{
	struct policy *policy = reading->data;
	if (map->kind != DOCUMENT_MAP || !map->first) {
		document_complain(reading->document, map, reading->complaints,
				  "Name: {chain: ...}, from the loosest to the tightest",
				  "at least one state is needed");
		return;
	}
	read_state_names(reading, map);
	unsigned i = 0;
	for (const struct document_node *entry = map->first; entry && i < policy->state_count;
	     entry = entry->next)
		(void)fields_read(reading, entry, state_fields, ARRAY_SIZE(state_fields),
				  &policy->states[i++]);
}

static void read_initial(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy *policy = target;
	int state = policy->state_count ? read_state(reading, node) : -1;
	if (state >= 0)
		policy->initial = (unsigned)state;
}

static void read_from(struct reading *reading, const struct document_node *node, void *target)
{
	const struct policy *policy = reading->data;
	struct policy_rule *rule = target;
	if (node->kind == DOCUMENT_TEXT && text_equal(node->text, "any")) {
		rule->from = (uint32_t)((UINT64_C(1) << policy->state_count) - 1);
		return;
	}
	if (!read_is_list(reading, node, POLICY_STATES_MAX))
		return;
	if (!node->first)
		document_complain(reading->document, node, reading->complaints,
				  "any, or a list of states", "holds in no state");
	for (const struct document_node *item = node->first; item; item = item->next) {
		int state = read_state(reading, item);
		if (state >= 0)
			rule->from |= UINT32_C(1) << state;
	}
}

static void read_to(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_rule *rule = target;
	int state = read_state(reading, node);
	rule->stays = false;
	if (state >= 0)
		rule->to = (unsigned)state;
}

/* The other types, for a condition that may name one. */
static const struct policy_types *other_types(struct reading *reading, const char *when)
{
	struct type_reading *type = container_of(reading, struct type_reading, reading);
	if (type->types || !strstr(when, "where"))
		return type->types;
	struct type_reading *outer = type->outer ? type->outer : type;
	if (!outer->siblings.types.count)
		policy_types_beside(&outer->siblings, outer->reading.document);
	return &outer->siblings.types;
}

static void read_when(struct reading *reading, const struct document_node *node, void *target)
{
	struct policy_rule *rule = target;
	struct expression_place place;
	struct error err = {0};
	const char *text = read_text(reading, node);
	if (text && expression_parse_among(&rule->when, text, reading->data,
					   other_types(reading, text), &place, &err) < 0)
		document_complain_inside(reading->document, node, place.offset, reading->complaints,
					 NULL, "%s", err.text);
}

static json_t *describe_from(void)
{
	return schema_either(json_pack("{s:s}", "const", "any"),
			     schema_list(schema_name(), 1, POLICY_STATES_MAX));
}

static json_t *describe_when(void)
{
	return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
}

static const struct field rule_fields[] = {
	{"name", FIELD_NAME, .required = true, FIELD_AT(struct policy_rule, name),
	 .about = "of the rule, once in the type"},
	{"description", FIELD_TEXT, FIELD_AT(struct policy_rule, description),
	 .about = "what it means, for people"},
	{"from", FIELD_OTHER, .required = true, .read = read_from,
	 .about = "in which states it holds: any, or a list", .describe = describe_from},
	{"when", FIELD_OTHER, .required = true, .read = read_when,
	 .about = "the condition: see LANGUAGE.md", .describe = describe_when},
	{"to", FIELD_OTHER, .read = read_to,
	 .about = "the state that it leads to; left out: it only acts", .describe = schema_name},
	{"actions", FIELD_OTHER, .read = read_actions, .about = "what it does besides",
	 .describe = describe_actions},
	{"shadow", FIELD_BOOLEAN, FIELD_AT(struct policy_rule, shadow),
	 .about = "it is decided and recorded, and nothing comes of it"},
};

json_t *describe_rules(void)
{
	json_t *rule = SCHEMA_MAP(rule_fields);
	json_object_set_new(
		rule, "anyOf",
		json_pack("[{s:[s]}, {s:[s]}]", "required", "to", "required", "actions"));
	return schema_list(rule, 0, POLICY_RULES_MAX);
}

/* What concerns a rule as a whole, once its parts are good. */
static void check_rule(struct reading *reading, const struct document_node *node,
		       const struct policy_rule *rule)
{
	const struct policy *policy = reading->data;
	int first = policy_find_rule(policy, rule->name);
	if (rule != &policy->rules[first])
		document_complain(reading->document, document_find(node, "name"),
				  reading->complaints, "each rule its own name",
				  "there is a rule '%s' before", rule->name);
	bool stays = rule->stays || rule->from == UINT32_C(1) << rule->to;
	if (stays && !rule->action_count)
		document_complain(reading->document, node, reading->complaints,
				  "to: another state, or actions: [...]",
				  "a rule that leads nowhere and does nothing");
}

/* Of all rules so far that are good. */
static unsigned long rules_cost(const struct policy *policy)
{
	unsigned long cost = 0;
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].when)
			cost += expression_cost(policy->rules[i].when);
	return cost;
}

void read_rules(struct reading *reading, const struct document_node *list, void *target)
{
	struct policy *policy = target;
	unsigned before = rules_cost(policy) > POLICY_COST_MAX;
	if (!policy->state_count ||
	    !read_is_list(reading, list, POLICY_RULES_MAX - policy->rule_count))
		return;
	if (!policy->rules)
		policy->rules = mem_alloc_array(POLICY_RULES_MAX, sizeof(*policy->rules));
	for (const struct document_node *item = list->first; item; item = item->next) {
		struct policy_rule *rule = &policy->rules[policy->rule_count++];
		rule->stays = true;
		if (fields_read(reading, item, rule_fields, ARRAY_SIZE(rule_fields), rule))
			check_rule(reading, item, rule);
	}
	unsigned long cost = rules_cost(policy);
	if (cost > POLICY_COST_MAX && !before)
		document_complain(reading->document, list, reading->complaints,
				  "fewer rules, and fewer calls over alerts or other devices in "
				  "them",
				  "the conditions cost %lu, more than %d", cost, POLICY_COST_MAX);
}

/* In the order of reading: what names states comes behind them. */
static const struct field policy_fields[] = {
	{"type", FIELD_NAME, .required = true, FIELD_AT(struct policy, type),
	 .about = "the name of the device type"},
	{"description", FIELD_TEXT, FIELD_AT(struct policy, description),
	 .about = "what it is, for people"},
	{"include", FIELD_OTHER, .read = read_include,
	 .about = "files beside this one with sensors and rules for several types",
	 .describe = describe_include},
	{"sensors", FIELD_OTHER, .read = read_sensors, .about = "what its devices measure",
	 .describe = describe_sensors},
	{"states", FIELD_OTHER, .required = true, .read = read_states,
	 .about = "from the loosest to the tightest", .describe = describe_states},
	{"initial", FIELD_OTHER, .read = read_initial,
	 .about = "the state that a device begins in; left out: the first",
	 .describe = schema_name},
	{"commands", FIELD_OTHER, .read = read_commands,
	 .about = "what its devices can be told to do", .describe = describe_commands},
	{"rules", FIELD_OTHER, .read = read_rules, .about = "the first that is true wins",
	 .describe = describe_rules},
	{"telemetry", FIELD_OTHER, .read = read_sources,
	 .about = "where the values of the sensors come from", .describe = describe_sources},
};

json_t *schema_of_type(void)
{
	return json_pack("{s:s, s:s, s:{s:{s:[{s:[s]}, {s:[s]}]}, s:[{s:[s]}, {s:[s]}]}, s:o, s:o}",
			 "$schema", "https://json-schema.org/draft/2020-12/schema", "title",
			 "A device type of KalKi, or what types include", "if", "not", "anyOf",
			 "required", "type", "required", "states", "anyOf", "required", "rules",
			 "required", "sensors", "then", describe_included(), "else",
			 SCHEMA_MAP(policy_fields));
}

struct policy *policy_read_among(const struct document *document, const struct policy_types *types,
				 struct complaints *complaints)
{
	struct policy *policy = policy_new();
	struct type_reading type = {
		.reading = {.document = document, .complaints = complaints, .data = policy},
		.types = types,
	};
	unsigned before = complaints->count;
	TEXT_COPY(policy->file, document_file(document));
	(void)fields_read(&type.reading, document_root(document), policy_fields,
			  ARRAY_SIZE(policy_fields), policy);
	read_included_rules(&type);
	read_digest(&type, policy->digest);
	type_reading_done(&type);
	if (complaints->count == before)
		return policy;
	policy_free(policy);
	return NULL;
}

struct policy *policy_read(const struct document *document, struct complaints *complaints)
{
	return policy_read_among(document, NULL, complaints);
}
