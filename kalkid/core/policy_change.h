/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_change.h - in words: what becomes of a machine when its policy is replaced, before it
 * is. */
#pragma once

#include "core/machine.h"

struct buffer;

/* A line each, ended, for what does not go on as it was: the state, the chain (it `is` in force,
 * and `will` be), an operator's time limit, values of sensors, times of held().  What
 * machine_change_policy carries over is not told. */
void policy_change_print(struct buffer *lines, const struct machine *machine,
			 const struct policy *before, const struct policy *after,
			 const struct posture *is, const struct posture *will);
