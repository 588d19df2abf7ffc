/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_logic.h - what follows from conditions alone, whatever the values will be:
 * whether some can hold together, whether one follows from another.
 *
 * A claim says that a condition is true, or that it is not true (false or unknown), while the
 * device is in one of some states.  Claims are taken apart into comparisons with constants, which
 * exclude each other or do not (x > 5 and x < 3; an alert in the last minute and none in the last
 * hour). What is not understood is taken to be possible, and so is what would take more than
 * LOGIC_STEPS_MAX steps: "cannot" is always right, "can" may be wrong. */
#pragma once

#include "core/expression.h"

enum { LOGIC_STEPS_MAX = 4096 };

struct logic_claim {
	const struct expression *expression;
	bool not_true;
	uint32_t states; /* bit i: it may be in state i */
};

/* Two parts of the text of one condition that exclude each other; both the same for one that can
 * never be. */
struct logic_conflict {
	bool found;
	size_t start[2], end[2];
};

/* Whether the condition can be true.  `ret_conflict` may be NULL. */
bool logic_can_be_true(const struct expression *expression, const struct policy *policy,
		       uint32_t states, struct logic_conflict *ret_conflict);
bool logic_is_always_true(const struct expression *expression, const struct policy *policy,
			  uint32_t states);
/* Whether `then` is true whenever `when` is. */
bool logic_follows(const struct expression *then, const struct expression *when,
		   const struct policy *policy, uint32_t states);
/* What a condition is about, as bits: of conditions without a common one none follows from the
 * other, but one that is always true. */
uint64_t logic_subjects(const struct expression *expression);

/* Whether the conditions can become true one after the other, each in its own states, again and
 * again, while alerts of one type come and nothing else changes, and without waiting. */
bool logic_can_cycle(const struct logic_claim *claims, unsigned count, const struct policy *policy);

/* Calls back for each alternative (a side of an `or`) that can never be true. */
void logic_dead_parts(const struct expression *expression, const struct policy *policy,
		      uint32_t states, void (*on_part)(void *data, size_t start, size_t end),
		      void *data);
