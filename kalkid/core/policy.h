/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy.h - the policy of one device type: its states with their postures, and its rules.
 *
 * States stand from the loosest to the tightest: a transition to a later one *tightens*.
 * Rules are tried in the file's order; the first whose `from` holds the state and whose condition
 * is true wins.  A policy is read-only once it is loaded. */
#pragma once

#include "core/action.h"
#include "core/alert.h"
#include "core/command.h"
#include "core/expression.h"
#include "core/posture.h"
#include "core/sensor.h"
#include "core/source.h"

enum {
	POLICY_STATES_MAX = 32,
	POLICY_RULES_MAX = 512,
	POLICY_TEXT_BYTES = 256,
	POLICY_COST_MAX = 1 << 20, /* sum of expression_cost over its rules */
};

struct policy_state {
	char name[NAME_BYTES];
	struct posture posture;
	int64_t dwell_us;        /* no rule loosens the state before this time in it; 0: none */
	int64_t calm_us;         /* after so long without an alert: to `calm_to`; 0: never */
	unsigned calm_to;        /* index of a looser state */
	double telemetry_factor; /* how often its sources are asked: 1 standard, 2 twice as often */
	bool final;              /* only an operator ends it, and that is meant */
};

struct policy_rule {
	char name[NAME_BYTES]; /* unique */
	char description[POLICY_TEXT_BYTES];
	uint32_t from; /* bit i: holds in state i */
	bool stays;    /* leads nowhere: it only acts, in any state of `from` */
	bool shadow;   /* it is decided and told, and nothing comes of it */
	unsigned to;   /* index, where it does not stay; may be the state itself */
	struct expression *when;
	struct action *actions;
	unsigned action_count;
};

struct policy {
	char type[NAME_BYTES];
	char description[POLICY_TEXT_BYTES];
	char file[SOURCE_FILE_BYTES];
	struct sensor sensors[SENSORS_MAX];
	unsigned sensor_count;
	struct policy_state *states;
	unsigned state_count;
	unsigned initial; /* where a new device starts, and where a release leads */
	struct policy_rule *rules;
	unsigned rule_count;
	struct device_command *commands;
	unsigned command_count;
	struct source *sources;
	unsigned source_count;
	char digest[DIGEST_TEXT_BYTES]; /* of the file: what history says was in force */
};

struct policy *policy_new(void);
void policy_free(struct policy *policy);
/* Index, or -1. */
int policy_find_state(const struct policy *policy, const char *name);
int policy_find_rule(const struct policy *policy, const char *name);
int policy_find_sensor(const struct policy *policy, const char *name);
/* NULL when the type has no such command. */
const struct device_command *policy_find_command(const struct policy *policy, const char *name);
/* The state of the same name in another policy, or its tightest. */
unsigned policy_map_state(const struct policy *before, const struct policy *after, unsigned state);
/* Where the rule leads from `state`, or would lead. */
unsigned policy_rule_to(const struct policy_rule *rule, unsigned state);
/* Fills the postures that may run on standby while the device is in `state` (borrowed): those of
 * states with standby `all`, and with `next` those that a rule or calm leads to from here.
 * Returns how many (at most STANDBY_CHAINS_MAX, tighter states first). */
unsigned policy_standby(const struct policy *policy, unsigned state,
			const struct posture **ret_postures, unsigned room);
