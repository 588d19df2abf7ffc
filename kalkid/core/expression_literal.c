/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_literal.c - see expression_literal.h. */
#include "core/expression_literal.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "core/policy.h"

/* --- values --- */

static const struct expression_node *value_of(const struct literal *literal)
{
	return &literal->expression->nodes[literal->value];
}

static enum value_class classify(const struct expression_node *node)
{
	static const struct {
		const char *word;
		enum value_class class;
	} words[] = {
		{"alert", CLASS_COUNT},           {"count", CLASS_COUNT},
		{"distinct", CLASS_DISTINCT},     {"last_source", CLASS_LAST_SOURCE},
		{"state", CLASS_STATE},           {"time_in_state", CLASS_TIME_IN_STATE},
		{"time_since_alert", CLASS_TIME},
	};
	const char *word = node->operation == OPERATION_CALL   ? node->function->name
			   : node->operation == OPERATION_NAME ? node->name->name
							       : NULL;
	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		if (*word == *words[i].word && text_equal(word, words[i].word))
			return words[i].class;
	return CLASS_OTHER;
}

static bool is_alert_count(const struct literal *literal)
{
	return literal->class == CLASS_COUNT || literal->class == CLASS_DISTINCT;
}

static bool is_running_time(const struct literal *literal)
{
	return literal->class == CLASS_TIME_IN_STATE || literal->class == CLASS_TIME;
}

static bool is_always_known(enum value_class class)
{
	return class == CLASS_STATE || class == CLASS_TIME_IN_STATE || class == CLASS_COUNT ||
	       class == CLASS_DISTINCT;
}

static bool sensors_equal(const struct sensor_reference *a, const struct sensor_reference *b)
{
	return a->foreign == b->foreign && text_equal(a->name, b->name);
}

static bool constants_equal(const struct expression_node *a, const struct expression_node *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_BOOLEAN: return a->constant.boolean == b->constant.boolean;
	case VALUE_NUMBER:
		return a->constant.number >= b->constant.number &&
		       a->constant.number <= b->constant.number;
	case VALUE_DURATION: return a->constant.us == b->constant.us;
	case VALUE_TEXT: return text_equal(a->constant.text, b->constant.text);
	case VALUE_ADDRESS: return ip_equal(&a->constant.address, &b->constant.address);
	case VALUE_TYPE_COUNT: break;
	}
	return false;
}

/* Conditions are taken for different ones. */
static bool arguments_equal(enum argument_kind kind, const struct argument *a,
			    const struct argument *b)
{
	if (!a->given || !b->given)
		return a->given == b->given;
	switch (kind) {
	case ARGUMENT_ALERT_TYPE: return text_equal(a->text, b->text);
	case ARGUMENT_NAME:
	case ARGUMENT_GROUP:
		return a->mine || b->mine ? a->mine == b->mine : text_equal(a->text, b->text);
	case ARGUMENT_WINDOW:
	case ARGUMENT_TIME_OF_DAY: return a->us == b->us;
	case ARGUMENT_SEVERITY: return a->severity == b->severity;
	case ARGUMENT_SENSOR:
	case ARGUMENT_NUMBERS_SENSOR: return sensors_equal(&a->sensor, &b->sensor);
	case ARGUMENT_SAMPLES: return a->samples == b->samples;
	case ARGUMENT_BOOLEAN: return a->boolean == b->boolean;
	case ARGUMENT_WEEKDAY: return a->weekdays == b->weekdays;
	case ARGUMENT_CONDITION:
	case ARGUMENT_OTHERS_CONDITION: return false;
	case ARGUMENT_FIELD: return a->field == b->field;
	case ARGUMENT_ADDRESS: return ip_equal(&a->address, &b->address);
	case ARGUMENT_KIND_COUNT: break;
	}
	return false;
}

static bool calls_equal(const struct expression_node *a, const struct expression_node *b)
{
	if (a->function != b->function)
		return false;
	for (unsigned i = 0; i < PARAMETERS_MAX && a->function->parameters[i]; i++) {
		const struct function_parameter *parameter = a->function->parameters[i];
		if (!arguments_equal(parameter->kind, &a->arguments[parameter->slot],
				     &b->arguments[parameter->slot]))
			return false;
	}
	return true;
}

static bool nodes_equal(const struct literal *a, unsigned at_a, const struct literal *b,
			unsigned at_b)
{
	const struct expression_node *left = &a->expression->nodes[at_a];
	const struct expression_node *right = &b->expression->nodes[at_b];
	if (left->operation != right->operation)
		return false;
	/* What is no constant belongs to a moment: another transition, another value. */
	if (a->moment != b->moment && !node_has_operands(left) &&
	    left->operation != OPERATION_CONSTANT)
		return false;
	switch (left->operation) {
	case OPERATION_CONSTANT: return constants_equal(left, right);
	case OPERATION_NAME: return left->name == right->name;
	case OPERATION_SENSOR: return sensors_equal(&left->sensor, &right->sensor);
	case OPERATION_CALL: return calls_equal(left, right);
	case OPERATION_NOT:
	case OPERATION_NEGATE:
	case OPERATION_AND:
	case OPERATION_OR:
	case OPERATION_EQUAL:
	case OPERATION_NOT_EQUAL:
	case OPERATION_LESS:
	case OPERATION_LESS_EQUAL:
	case OPERATION_GREATER:
	case OPERATION_GREATER_EQUAL:
	case OPERATION_ADD:
	case OPERATION_SUBTRACT:
	case OPERATION_MULTIPLY:
	case OPERATION_DIVIDE:
	case OPERATION_MODULO:
	case OPERATION_COUNT: break;
	}
	return nodes_equal(a, left->left, b, right->left) &&
	       nodes_equal(a, left->right, b, right->right);
}

/* Whether what passes the filter of `a` passes that of `b`. */
static bool filter_within(enum argument_kind kind, enum slot slot, const struct expression_node *a,
			  const struct expression_node *b)
{
	return !b->arguments[slot].given ||
	       arguments_equal(kind, &a->arguments[slot], &b->arguments[slot]);
}

/* Whether the alerts that `a` counts are among those of `b`; the functions may differ. */
static bool alerts_within(const struct expression_node *a, const struct expression_node *b)
{
	const struct argument *type_a = &a->arguments[SLOT_TYPE];
	const struct argument *type_b = &b->arguments[SLOT_TYPE];
	const struct argument *window_a = &a->arguments[SLOT_WITHIN];
	const struct argument *window_b = &b->arguments[SLOT_WITHIN];
	if (!filter_within(ARGUMENT_SEVERITY, SLOT_SEVERITY, a, b) ||
	    !filter_within(ARGUMENT_ADDRESS, SLOT_SOURCE, a, b) ||
	    !filter_within(ARGUMENT_NAME, SLOT_UMBOX, a, b))
		return false;
	if (!type_b->any && (type_a->any || !text_equal(type_a->text, type_b->text)))
		return false;
	return !window_b->given || (window_a->given && window_a->us <= window_b->us);
}

/* Whether the value of `a` is never above that of `b`. */
static bool at_most(const struct literal *a, const struct literal *b)
{
	const struct expression_node *left = value_of(a), *right = value_of(b);
	if (nodes_equal(a, a->value, b, b->value))
		return true;
	if (!is_alert_count(a) || !is_alert_count(b) || a->moment != b->moment)
		return false;
	if (b->class == CLASS_DISTINCT &&
	    !(a->class == CLASS_DISTINCT &&
	      left->arguments[SLOT_BY].field == right->arguments[SLOT_BY].field))
		return false;
	return alerts_within(left, right);
}

/* --- literals --- */

static enum operation opposite(enum operation operation)
{
	switch (operation) {
	case OPERATION_EQUAL: return OPERATION_NOT_EQUAL;
	case OPERATION_NOT_EQUAL: return OPERATION_EQUAL;
	case OPERATION_LESS: return OPERATION_GREATER_EQUAL;
	case OPERATION_LESS_EQUAL: return OPERATION_GREATER;
	case OPERATION_GREATER: return OPERATION_LESS_EQUAL;
	case OPERATION_GREATER_EQUAL: return OPERATION_LESS;
	default: return OPERATION_COUNT;
	}
}

/* The operator when left and right change places. */
static enum operation turned(enum operation operation)
{
	switch (operation) {
	case OPERATION_LESS: return OPERATION_GREATER;
	case OPERATION_LESS_EQUAL: return OPERATION_GREATER_EQUAL;
	case OPERATION_GREATER: return OPERATION_LESS;
	case OPERATION_GREATER_EQUAL: return OPERATION_LESS_EQUAL;
	default: return operation;
	}
}

static double number_of(const struct expression_node *constant)
{
	return constant->type == VALUE_DURATION ? (double)constant->constant.us
						: constant->constant.number;
}

/* Counts are whole: more than 2 is at least 3. */
static void set_bound(struct literal *literal, enum operation operation, double number)
{
	bool least = operation == OPERATION_GREATER || operation == OPERATION_GREATER_EQUAL;
	literal->kind = least ? LITERAL_LEAST : LITERAL_MOST;
	literal->strict = operation == OPERATION_GREATER || operation == OPERATION_LESS;
	literal->number = number;
	if (!is_alert_count(literal))
		return;
	if (literal->strict)
		literal->number = least ? floor(number) + 1 : ceil(number) - 1;
	else
		literal->number = least ? ceil(number) : floor(number);
	literal->strict = false;
}

static void set_comparison(struct literal *literal, enum operation operation,
			   const struct expression_node *constant)
{
	literal->constant = constant;
	if (operation == OPERATION_EQUAL || operation == OPERATION_NOT_EQUAL)
		literal->kind = operation == OPERATION_EQUAL ? LITERAL_IS : LITERAL_IS_NOT;
	else
		set_bound(literal, operation, number_of(constant));
}

static void set_state(struct literal *literal, const struct policy *policy)
{
	int state = policy_find_state(policy, literal->constant->constant.text);
	uint32_t bit = state >= 0 ? UINT32_C(1) << state : 0;
	literal->states = literal->kind == LITERAL_IS ? bit : ~bit;
	literal->kind = LITERAL_STATE;
}

void literal_set(struct literal *literal, const struct policy *policy, bool negated, bool not_true)
{
	const struct expression_node *nodes = literal->expression->nodes;
	const struct expression_node *node = &nodes[literal->node];
	enum operation operation = node->operation;
	bool left_constant = nodes[node->left].operation == OPERATION_CONSTANT;
	bool right_constant = nodes[node->right].operation == OPERATION_CONSTANT;
	bool compares = opposite(operation) != OPERATION_COUNT && left_constant != right_constant;
	unsigned value = !compares ? literal->node : left_constant ? node->right : node->left;

	/* Of what is always known, not true is the opposite's truth. */
	literal->class = classify(&nodes[value]);
	bool flips = not_true && is_always_known(literal->class);
	negated = negated != flips;
	literal->weak = not_true && !flips;
	literal->value = value;
	literal->kind = LITERAL_OPAQUE;
	literal->negated = negated;
	if (node->operation == OPERATION_CALL && is_alert_count(literal)) {
		set_bound(literal, negated ? OPERATION_LESS_EQUAL : OPERATION_GREATER, 0);
	} else if (compares) {
		operation = left_constant ? turned(operation) : operation;
		set_comparison(literal, negated ? opposite(operation) : operation,
			       &nodes[left_constant ? node->left : node->right]);
		if (literal->class == CLASS_STATE)
			set_state(literal, policy);
	}
}

/* Whether the literal bounds its value from below (least) or above, and by what. */
static bool bounds(const struct literal *literal, bool least, double *ret_number, bool *ret_strict)
{
	bool equals = literal->kind == LITERAL_IS && (literal->constant->type == VALUE_NUMBER ||
						      literal->constant->type == VALUE_DURATION);
	if (!equals && literal->kind != (least ? LITERAL_LEAST : LITERAL_MOST))
		return false;
	*ret_number = equals ? number_of(literal->constant) : literal->number;
	*ret_strict = !equals && literal->strict;
	return true;
}

/* Whether nothing is at least (strict: more than) `low` and at most `high`. */
static bool is_empty(double low, bool low_strict, double high, bool high_strict)
{
	return low > high || ((low_strict || high_strict) && low >= high);
}

bool literal_is_impossible(const struct literal *literal)
{
	double number;
	bool strict;
	return !literal->weak && (is_alert_count(literal) || is_running_time(literal)) &&
	       bounds(literal, false, &number, &strict) && is_empty(0, false, number, strict);
}

static bool same_value(const struct literal *a, const struct literal *b)
{
	return nodes_equal(a, a->value, b, b->value);
}

/* Both true. */
static bool strong_exclude(const struct literal *a, const struct literal *b)
{
	double low, high;
	bool low_strict, high_strict;
	if (a->kind == LITERAL_OPAQUE || b->kind == LITERAL_OPAQUE)
		return a->kind == b->kind && a->negated != b->negated && same_value(a, b);
	if (bounds(a, true, &low, &low_strict) && bounds(b, false, &high, &high_strict) &&
	    is_empty(low, low_strict, high, high_strict) && at_most(a, b))
		return true;
	if (bounds(b, true, &low, &low_strict) && bounds(a, false, &high, &high_strict) &&
	    is_empty(low, low_strict, high, high_strict) && at_most(b, a))
		return true;
	if (a->kind == LITERAL_IS && b->kind == LITERAL_IS)
		return !constants_equal(a->constant, b->constant) && same_value(a, b);
	if ((a->kind == LITERAL_IS && b->kind == LITERAL_IS_NOT) ||
	    (a->kind == LITERAL_IS_NOT && b->kind == LITERAL_IS))
		return constants_equal(a->constant, b->constant) && same_value(a, b);
	return false;
}

/* Whether a true `strong` makes what `weak` says true. */
static bool implies(const struct literal *strong, const struct literal *weak)
{
	double have = 0, wanted = 0;
	bool have_strict = false, wanted_strict = false;
	if (!same_value(strong, weak))
		return false;
	if (strong->kind == LITERAL_OPAQUE || weak->kind == LITERAL_OPAQUE)
		return strong->kind == weak->kind && strong->negated == weak->negated;
	for (unsigned least = 0; least < 2; least++) {
		if (weak->kind != (least ? LITERAL_LEAST : LITERAL_MOST) ||
		    !bounds(strong, least, &have, &have_strict) ||
		    !bounds(weak, least, &wanted, &wanted_strict))
			continue;
		bool stricter = least ? have > wanted : have < wanted;
		bool same = have >= wanted && have <= wanted;
		return stricter || (same && (have_strict || !wanted_strict));
	}
	if (strong->kind == LITERAL_IS && weak->kind == LITERAL_IS_NOT)
		return !constants_equal(strong->constant, weak->constant);
	if (weak->kind == LITERAL_IS_NOT && strong->kind != LITERAL_IS_NOT) {
		struct literal equal = *weak;
		equal.kind = LITERAL_IS;
		return strong_exclude(strong, &equal);
	}
	return strong->kind == weak->kind && constants_equal(strong->constant, weak->constant);
}

bool literals_exclude(const struct literal *a, const struct literal *b)
{
	if (a->kind == LITERAL_STATE || b->kind == LITERAL_STATE || (a->weak && b->weak))
		return false;
	if (a->weak)
		return implies(b, a);
	if (b->weak)
		return implies(a, b);
	return strong_exclude(a, b);
}

/* --- cycles --- */

bool literal_waits(const struct literal *literal)
{
	return !literal->weak && is_running_time(literal) && literal->kind == LITERAL_LEAST &&
	       literal->number > 0;
}

bool literal_asks_for_alert(const struct literal *literal)
{
	return !literal->weak && is_alert_count(literal) &&
	       (literal->kind == LITERAL_LEAST || literal->kind == LITERAL_IS) &&
	       (literal->kind == LITERAL_IS ? number_of(literal->constant) : literal->number) > 0;
}

bool literal_any_alert(const struct literal *literal)
{
	return value_of(literal)->arguments[SLOT_TYPE].any;
}

bool literals_share_alert(const struct literal *a, const struct literal *b)
{
	return literal_any_alert(a) || literal_any_alert(b) ||
	       text_equal(value_of(a)->arguments[SLOT_TYPE].text,
			  value_of(b)->arguments[SLOT_TYPE].text);
}

/* --- subjects --- */

static uint64_t subject(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return UINT64_C(1) << (hash >> 32) % 64;
}

uint64_t node_subjects(const struct expression_node *node)
{
	if (node->operation == OPERATION_NAME)
		return subject(node->name->name);
	if (node->operation == OPERATION_SENSOR)
		return subject(node->sensor.name);
	if (node->operation != OPERATION_CALL)
		return 0;
	enum value_class class = classify(node);
	if (class != CLASS_COUNT && class != CLASS_DISTINCT)
		return subject(node->function->name);
	return node->arguments[SLOT_TYPE].any ? UINT64_MAX
					      : subject(node->arguments[SLOT_TYPE].text);
}
