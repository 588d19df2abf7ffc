/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression.h - the condition language of policies: typed, total, with a cost bound.
 *
 *   condition  := or
 *   or         := and { "or" and }
 *   and        := not { "and" not }
 *   not        := "not" not | comparison
 *   comparison := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
 *   sum        := product { ("+" | "-") product }
 *   product    := unary { ("*" | "/" | "%") unary }
 *   unary      := "-" unary | primary
 *   primary    := number [unit] | string | "true" | "false" | name | call | "(" condition ")"
 *   call       := name "(" [ argument { "," argument } ] ")"
 *   argument   := [ name ":" ] condition
 *
 * Types: boolean, number, duration, text, address.  Text stands in single or double quotes.  A
 * duration is written 500ms, 10m, 1h30m (us ms s m h d w).  There are no implicit conversions, and
 * numbers of sensors in different units do not meet.  Evaluation is three-valued (Kleene; unknown
 * where data is missing and for x/0); a rule fires on true only.
 *
 * Names are those of expression_table.c (state, available, ...) and the sensors of the type;
 * functions stand there too.  policy-examples/LANGUAGE.md says what each of them is, with examples
 * that test_language.c runs.  A bare word as an argument (source, high, mine, a sensor) and whether
 * an argument needs its name is the function's matter.  In the condition behind `where:` of any(),
 * all() and devices() names and functions are about each of the other devices in turn; these three
 * and held() cannot stand in it.
 *
 * An alert counts while it is not used up by an earlier transition and its time is after now less
 * the window; its count says for how many observations it stands.
 *
 * What makes the condition true: from the whole downward, of a true `and` both sides, of a true
 * `or` the sides that are true (of a false one under `not` the reverse), and at the end of each way
 * the comparison or call with every alert of the device itself that it looked at; of held() what
 * makes its condition true.  These alerts are *counted*. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct expression;
struct machine;
struct policy;

enum {
	EXPRESSION_BYTES_MAX = 4096,
	EXPRESSION_NODES_MAX = 512,
	EXPRESSION_DEPTH_MAX = 64,
	EXPRESSION_ALERTS_MAX = 512,       /* what a machine keeps, see there */
	EXPRESSION_OTHERS_ALERTS_MAX = 64, /* of another device only its newest are looked at */
};

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* Where in the text it went wrong, in bytes from its start. */
struct expression_place {
	size_t offset;
};

/* Parses and checks; the result is a condition (boolean).  `policy` gives the names of states (they
 * must exist already).  On failure the place says where. */
int expression_parse(struct expression **ret, const char *text, const struct policy *policy,
		     struct expression_place *ret_place, struct error *err) must_check;
/* The same with the other device types, whose sensors and states conditions over other devices may
 * name. */
struct policy_types {
	const struct policy *const *items;
	unsigned count;
};
int expression_parse_among(struct expression **ret, const char *text, const struct policy *policy,
			   const struct policy_types *types, struct expression_place *ret_place,
			   struct error *err) must_check;
void expression_free(struct expression *expression);

/* What a change of can change its value, besides time: bits of alert types and of sensors. */
struct expression_needs {
	uint64_t alerts;
	uint64_t sensors;
	bool state, available, clock, fleet;
};
const struct expression_needs *expression_needs(const struct expression *expression);
/* The bit of an alert type by its hash; several types may share one. */
uint64_t expression_alert_bit(uint64_t hash);
struct fleet_change;
/* Whether its value may be another since this of another device has changed. */
bool expression_names_change(const struct expression *expression,
			     const struct fleet_change *change);

struct expression_result {
	enum truth truth;
	/* When true: the alerts counted, bit i for the machine's i-th oldest. */
	uint64_t counted[EXPRESSION_ALERTS_MAX / 64];
	/* The first moment after now at which the truth could change by time alone (a window ends,
	 * a time in state is reached), or earlier; INT64_MAX for never. */
	int64_t next_us;
};

void expression_evaluate(const struct expression *expression, const struct machine *machine,
			 const struct policy *policy, int64_t now_us,
			 struct expression_result *ret);

enum { EXPRESSION_VALUE_BYTES = 96 };

/* A part of a condition and what it is now. */
struct expression_part {
	size_t start, end; /* of the text */
	unsigned depth;    /* 0: the whole */
	bool is_condition; /* it has a truth; else only a value */
	bool decisive;     /* the whole is what it is because of it */
	enum truth truth;
	char value[EXPRESSION_VALUE_BYTES]; /* "true", "7", "30s", "unknown" */
};

/* Each part stands before those that it is made of; constants are left out, as they say it
 * themselves.  Returns how many, at most EXPRESSION_NODES_MAX. */
unsigned expression_explain(const struct expression *expression, const struct machine *machine,
			    const struct policy *policy, int64_t now_us,
			    struct expression_part *parts, unsigned room);

/* The same where alerts before the one with the id `counts_from` do not count.  `holds`
 * (expression_hold_count of them, NULL for none) say since when the conditions of held() are true,
 * and are brought up to now. */
struct machine_hold;
void expression_evaluate_rule(const struct expression *expression, const struct machine *machine,
			      const struct policy *policy, uint64_t counts_from,
			      struct machine_hold *holds, int64_t now_us,
			      struct expression_result *ret);
unsigned expression_hold_count(const struct expression *expression);

/* Upper bound of work for one evaluation: nodes visited, alerts and values looked at, conditions
 * over other devices once for each of DEVICES_MAX. */
unsigned long expression_cost(const struct expression *expression);
/* Whether the word means something in every condition already, so that no sensor may be called so.
 */
bool expression_reserves(const char *word);
const char *expression_text(const struct expression *expression);
