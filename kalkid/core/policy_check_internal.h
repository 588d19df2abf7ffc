/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check_internal.h - shared by policy_check.c (rules), policy_check_actions.c,
 * policy_check_states.c (reach) and policy_check_cycles.c. */
#pragma once

#include "core/policy_check.h"

struct policy_check {
	const struct policy *policy;
	struct findings *findings;
	/* States in which the rule can fire, as bits; none for a dead one. */
	uint32_t fires[POLICY_RULES_MAX];
};

/* A new finding to fill in, or NULL when there are FINDINGS_MAX. */
struct finding *check_add(struct policy_check *check, enum finding_kind kind, bool of_rule,
			  unsigned index);
printf_like(2, 3) void check_words(struct finding *finding, const char *format, ...);
printf_like(2, 3) void check_hint(struct finding *finding, const char *format, ...);
/* "'Normal', 'Attack'" for the bits of `states`. */
void check_print_states(const struct policy *policy, uint32_t states,
			char words[static FINDING_HINT_BYTES]);

static inline bool state_in(uint32_t states, unsigned state)
{
	return states >> state & 1;
}

void check_actions(struct policy_check *check);
void check_states(struct policy_check *check);
void check_cycles(struct policy_check *check);
