/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/explain.h - in words: why a rule fires or does not, by the values of its condition. */
#pragma once

#include "core/machine.h"

struct buffer;

/* A line, ended: the rule and what its condition rests on now.  `machine` is not changed. */
void explain_rule(struct buffer *lines, const struct policy *policy, unsigned rule,
		  const struct machine *machine, int64_t now_us);
/* A line for each rule that leads from the machine's state to `wanted`. */
void explain_way(struct buffer *lines, const struct policy *policy, unsigned wanted,
		 const struct machine *machine, int64_t now_us);
/* For how long a rule that loosens waits although it is true: 0, or INT64_MAX for an operator. */
int64_t explain_held_back_us(const struct policy *policy, const struct policy_rule *rule,
			     const struct machine *machine, int64_t now_us);
