/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check.h - what is doubtful in a policy that can be loaded: rules that never fire,
 * states out of reach or without a way back, cycles without a rest.
 *
 * Everything said is right for each thing that conditions compare with constants; what is beyond
 * that (see expression_logic.h) is not complained of. */
#pragma once

#include "core/policy.h"

enum { FINDING_WORDS_BYTES = 512, FINDING_HINT_BYTES = 256, FINDINGS_MAX = 1024 };

enum finding_kind {
	FINDING_NEVER_TRUE,   /* a rule's condition cannot be true: error */
	FINDING_SHADOWED,     /* a rule always comes after another: error */
	FINDING_DEAD_PART,    /* an alternative of a condition cannot be true */
	FINDING_LEFT_AT_ONCE, /* an always true condition tightens */
	FINDING_UNREACHABLE,  /* no rule leads to a state */
	FINDING_NO_WAY_BACK,  /* neither to the initial state nor to a final one */
	FINDING_NOT_FINAL,    /* a state said to be final is left by the policy */
	FINDING_FLAPPING,     /* a cycle that one input drives without rest */
	FINDING_CUT_OFF,      /* a command to a device that its rule blocks */
	FINDING_KIND_COUNT,
};

/* The policy does not do what it says: an error, else a warning. */
bool finding_is_error(enum finding_kind kind);

struct finding {
	enum finding_kind kind;
	bool of_rule;   /* else of a state */
	unsigned index; /* of the rule or state */
	bool in_condition;
	size_t offset; /* in the rule's condition */
	bool in_action;
	unsigned action; /* of the rule */
	char words[FINDING_WORDS_BYTES];
	char hint[FINDING_HINT_BYTES];
};

struct findings {
	struct finding *items;
	unsigned count;
};

/* Adds what is found, rules first; done by findings_done. */
void policy_check(const struct policy *policy, struct findings *ret);
void findings_done(struct findings *findings);
