/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_literal.h - the atoms of conditions as expression_logic.c sees them: what a
 * comparison with a constant, or a call, says of one value. */
#pragma once

#include "core/expression_internal.h"

enum literal_kind {
	LITERAL_OPAQUE, /* only equal to itself */
	LITERAL_STATE,  /* the device is in one of `states` */
	LITERAL_LEAST,  /* the value is at least `number`, more than it where `strict` */
	LITERAL_MOST,
	LITERAL_IS, /* it equals the constant */
	LITERAL_IS_NOT,
};

/* What the language knows of the range of a value. */
enum value_class {
	CLASS_OTHER,
	CLASS_STATE,         /* always known */
	CLASS_TIME_IN_STATE, /* always known, never negative */
	CLASS_TIME,          /* never negative */
	CLASS_COUNT,    /* of alerts: whole, always known, never negative; `alert` is above 0 */
	CLASS_DISTINCT, /* the same, at most the count of the same alerts */
	CLASS_LAST_SOURCE,
};

struct literal {
	const struct expression *expression;
	unsigned node;   /* the atom */
	unsigned claim;  /* that it comes from */
	unsigned moment; /* alerts, state and times of different moments are different */
	bool weak;       /* it is not true, where what it says may be unknown */
	enum literal_kind kind;
	unsigned value; /* the node that it says something of */
	enum value_class class;
	bool negated; /* of LITERAL_OPAQUE */
	bool strict;
	double number;
	const struct expression_node *constant; /* of IS and IS_NOT */
	uint32_t states;
	const struct literal *next; /* those found before it */
};

/* Fills it by its node: the atom, or its opposite where `negated`, is true; or is not. */
void literal_set(struct literal *literal, const struct policy *policy, bool negated, bool not_true);
/* Whatever the value is. */
bool literal_is_impossible(const struct literal *literal);
bool literals_exclude(const struct literal *a, const struct literal *b);

/* For cycles: it comes true by waiting; it needs an alert; whether one alert does for both. */
bool literal_waits(const struct literal *literal);
bool literal_asks_for_alert(const struct literal *literal);
bool literal_any_alert(const struct literal *literal);
bool literals_share_alert(const struct literal *a, const struct literal *b);

/* What the node is about, as bits; see logic_subjects. */
uint64_t node_subjects(const struct expression_node *node);
