/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_table.c - the names and functions of the condition language: a new one is a row
 * here and what it computes. */
#include "core/expression_internal.h"

#include <assert.h>
#include <string.h>

#include "base/duration.h"
#include "core/machine.h"

/* Positions of arguments: every function over alerts takes the first two. */
enum { ARGUMENT_TYPE, ARGUMENT_WITHIN, ARGUMENT_BY };

/* The innermost loop of every decision: what is cheap comes first. */
bool call_counts(const struct facts *facts, const struct argument *arguments,
		 const struct machine_alert *alert)
{
	const struct argument *named = &arguments[ARGUMENT_TYPE];
	const struct argument *window = &arguments[ARGUMENT_WITHIN];
	if (alert->used || alert->id < facts->counts_from ||
	    (window->given && alert->time_us <= facts->now_us - window->us))
		return false;
	return named->any || strcmp(named->text, alert->type) == 0;
}

/* When the alert leaves the window. */
static int64_t leaves_us(const struct argument *arguments, const struct machine_alert *alert)
{
	const struct argument *window = &arguments[ARGUMENT_WITHIN];
	return window->given ? alert->time_us + window->us : INT64_MAX;
}

/* The next alert from position `i` on that the call counts, or NULL. */
static const struct machine_alert *next_counted(const struct facts *facts,
						const struct argument *arguments, unsigned *i)
{
	while (*i < facts->machine->alert_count) {
		const struct machine_alert *alert = machine_alert_at(facts->machine, (*i)++);
		if (call_counts(facts, arguments, alert))
			return alert;
	}
	return NULL;
}

static void call_alert(const struct facts *facts, const struct argument *arguments,
		       struct value *ret)
{
	const struct machine_alert *alert;
	int64_t last_leaves_us = 0;
	for (unsigned i = 0; (alert = next_counted(facts, arguments, &i));) {
		int64_t us = leaves_us(arguments, alert);
		last_leaves_us = max_of(last_leaves_us, us);
		ret->boolean = true;
	}
	ret->known = true;
	if (ret->boolean)
		ret->next_us = last_leaves_us;
}

static void call_count(const struct facts *facts, const struct argument *arguments,
		       struct value *ret)
{
	const struct machine_alert *alert;
	for (unsigned i = 0; (alert = next_counted(facts, arguments, &i));) {
		int64_t us = leaves_us(arguments, alert);
		ret->next_us = min_of(ret->next_us, us);
		ret->number += alert->count;
	}
	ret->known = true;
}

enum { ADDRESS_SLOTS = 2 * EXPRESSION_ALERTS_MAX };

struct address_set {
	const struct ip *slots[ADDRESS_SLOTS];
	unsigned count;
};

/* Never full: there are fewer alerts than slots.  Whoever makes addresses collide costs at most the
 * square of the number of alerts. */
static void address_set_add(struct address_set *set, const struct ip *address)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < sizeof(address->octet); i++)
		hash = (hash ^ address->octet[i]) * 16777619u;
	unsigned slot = hash % ADDRESS_SLOTS;
	while (set->slots[slot] && !ip_equal(set->slots[slot], address))
		slot = (slot + 1) % ADDRESS_SLOTS;
	set->count += !set->slots[slot];
	set->slots[slot] = address;
}

static void call_distinct(const struct facts *facts, const struct argument *arguments,
			  struct value *ret)
{
	const struct machine_alert *alert;
	struct address_set set = {0};
	bool by_source = arguments[ARGUMENT_BY].field == ALERT_FIELD_SOURCE;
	for (unsigned i = 0; (alert = next_counted(facts, arguments, &i));) {
		int64_t us = leaves_us(arguments, alert);
		ret->next_us = min_of(ret->next_us, us);
		const struct ip *address = by_source ? &alert->source : &alert->target;
		if (address->family)
			address_set_add(&set, address);
	}
	ret->known = true;
	ret->number = set.count;
}

static void call_last_source(const struct facts *facts, const struct argument *arguments,
			     struct value *ret)
{
	const struct machine_alert *alert;
	for (unsigned i = 0; (alert = next_counted(facts, arguments, &i));) {
		if (!alert->source.family)
			continue;
		ret->known = true;
		ret->address = alert->source;
		ret->next_us = leaves_us(arguments, alert);
	}
}

static void call_address(const struct facts *facts maybe_unused, const struct argument *arguments,
			 struct value *ret)
{
	ret->known = true;
	ret->address = arguments[0].address;
}

static const struct function_parameter type = {"type", ARGUMENT_ALERT_TYPE, .required = true};
static const struct function_parameter within = {"within", ARGUMENT_WINDOW, .required = true,
						 .named = true};
static const struct function_parameter within_if_any = {"within", ARGUMENT_WINDOW, .named = true};
static const struct function_parameter by = {"by", ARGUMENT_FIELD, .required = true, .named = true};
static const struct function_parameter text = {"text", ARGUMENT_ADDRESS, .required = true};

const struct function expression_functions[] = {
	{"alert",
	 VALUE_BOOLEAN,
	 {&type, &within_if_any},
	 call_alert,
	 "alert(\"type\", within: 10m): whether such an alert came; \"*\" is any type"},
	{"count",
	 VALUE_NUMBER,
	 {&type, &within},
	 call_count,
	 "count(\"type\", within: 10m): how many observations such alerts stand for"},
	{"distinct",
	 VALUE_NUMBER,
	 {&type, &within, &by},
	 call_distinct,
	 "distinct(\"type\", by: source, within: 10m): how many different sources, or targets"},
	{"last_source",
	 VALUE_ADDRESS,
	 {&type, &within_if_any},
	 call_last_source,
	 "last_source(\"type\", within: 10m): the offender that the newest such alert names"},
	{"address",
	 VALUE_ADDRESS,
	 {&text},
	 call_address,
	 "address(\"10.0.0.9\"): an address to compare with",
	 .constant = true},
};
const unsigned expression_function_count = ARRAY_SIZE(expression_functions);
static_assert(ARRAY_SIZE(expression_functions) <= EXPRESSION_FUNCTIONS_MAX, "too many");

static void set_elapsed(const struct facts *facts, int64_t since_us, struct value *ret)
{
	int64_t us = max_of(facts->now_us - since_us, (int64_t)0);
	ret->known = true;
	ret->us = min_of(us, DURATION_MAX_US);
	ret->slope = 1;
}

static void read_state(const struct facts *facts, struct value *ret)
{
	ret->known = true;
	ret->text = facts->policy->states[facts->machine->state].name;
}

static void read_time_in_state(const struct facts *facts, struct value *ret)
{
	set_elapsed(facts, facts->machine->entered_us, ret);
}

static void read_time_since_alert(const struct facts *facts, struct value *ret)
{
	if (facts->machine->last_alert_us)
		set_elapsed(facts, facts->machine->last_alert_us, ret);
}

const struct node_name expression_names[] = {
	{"state", VALUE_TEXT, read_state},
	{"time_in_state", VALUE_DURATION, read_time_in_state, .moves = true},
	{"time_since_alert", VALUE_DURATION, read_time_since_alert, .moves = true,
	 .any_alert = true},
};
const unsigned expression_name_count = ARRAY_SIZE(expression_names);
static_assert(ARRAY_SIZE(expression_names) <= EXPRESSION_NAMES_MAX, "too many");
