/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy.h - the policy of one device type: its states with their postures, and its rules.
 *
 * States stand from the loosest to the tightest: a transition to a later one *tightens*.
 * Rules are tried in the file's order; the first whose `from` holds the state and whose condition
 * is true wins.  A policy is read-only once it is loaded. */
#pragma once

#include "core/alert.h"
#include "core/expression.h"
#include "core/posture.h"

enum {
	POLICY_STATES_MAX = 32,
	POLICY_RULES_MAX = 512,
	POLICY_TEXT_BYTES = 256,
	POLICY_COST_MAX = 1 << 20, /* sum of expression_cost over its rules */
};

struct policy_state {
	char name[NAME_BYTES];
	struct posture posture;
	int64_t dwell_us; /* no rule loosens the state before this time in it; 0: none */
	int64_t calm_us;  /* after so long without an alert: to `calm_to`; 0: never */
	unsigned calm_to; /* index of a looser state */
};

struct policy_rule {
	char name[NAME_BYTES]; /* unique */
	char description[POLICY_TEXT_BYTES];
	uint32_t from; /* bit i: holds in state i */
	unsigned to;   /* index; may be the state itself (a rule that only acts) */
	struct expression *when;
};

struct policy {
	char type[NAME_BYTES];
	char description[POLICY_TEXT_BYTES];
	char file[SOURCE_FILE_BYTES];
	struct policy_state *states;
	unsigned state_count;
	unsigned initial; /* where a new device starts, and where a release leads */
	struct policy_rule *rules;
	unsigned rule_count;
	char digest[DIGEST_TEXT_BYTES]; /* of the file: what history says was in force */
};

struct policy *policy_new(void);
void policy_free(struct policy *policy);
/* Index, or -1. */
int policy_find_state(const struct policy *policy, const char *name);
int policy_find_rule(const struct policy *policy, const char *name);
/* Fills the postures that may run on standby while the device is in `state` (borrowed): those of
 * states with standby `all`, and with `next` those that a rule or calm leads to from here.
 * Returns how many (at most STANDBY_CHAINS_MAX, tighter states first). */
unsigned policy_standby(const struct policy *policy, unsigned state,
			const struct posture **ret_postures, unsigned room);
