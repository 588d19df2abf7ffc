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
 * Types: boolean, number, duration, text, address.  Units of durations: us ms s m h d w.  There are
 * no implicit conversions.  Evaluation is three-valued (unknown where data is missing); a rule fires
 * on true only.  See expression.c for the table of functions. */
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
void expression_free(struct expression *expression);

struct expression_result {
	enum truth truth;
	/* Positions in the machine's ring of the alerts that made it true, newest first. */
	unsigned evidence[16];
	unsigned evidence_count;
	/* The first moment after now at which the truth could change by time alone (a window ends, a time in state is
	 * reached), INT64_MAX for never. */
	int64_t next_us;
};

void expression_evaluate(const struct expression *expression, const struct machine *machine,
			 const struct policy *policy, int64_t now_us,
			 struct expression_result *ret);

/* Upper bound of work for one evaluation: nodes visited, each walk over the alerts counted as
 * MACHINE_ALERTS_MAX. */
unsigned long expression_cost(const struct expression *expression);
const char *expression_text(const struct expression *expression);
/* Whether a new alert of this type can change its value. */
bool expression_names_alert(const struct expression *expression, const char *type);
