/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine_internal.h - shared by the files that make up machine.h.
 *
 *   machine.c          the state, decisions
 *   machine_alerts.c   alerts and transitions
 *   machine_rules.c    what is known of each rule
 *   machine_sensors.c  values and their sources */
#pragma once

#include "core/machine.h"

/* machine_alerts.c */
void machine_done_alerts(struct machine *machine);
void machine_use_up_all(struct machine *machine);

/* machine_rules.c: each marks what has to be looked at again */
void machine_touch_all(struct machine *machine);
void machine_touch_alerts(struct machine *machine, uint64_t bits);
void machine_touch_sensors(struct machine *machine, uint64_t bits, bool availability);
void machine_touch_state(struct machine *machine);
bool machine_rule_applies(const struct machine *machine, const struct policy_rule *rule);
/* Evaluates one rule now, the others where it is time to. */
void machine_look_at(struct machine *machine, const struct policy *policy, unsigned index,
		     int64_t now_us, struct expression_result *ret);
void machine_refresh(struct machine *machine, const struct policy *policy, int64_t now_us);
/* What is known goes with the names of rules. */
void machine_move_rules(struct machine *machine, const struct policy *before,
			const struct policy *after);
void machine_done_rules(struct machine *machine);

/* machine_sensors.c */
void machine_done_sensors(struct machine *machine);
void machine_forget_values(struct machine *machine);
void machine_move_sensors(struct machine *machine, const struct policy *before,
			  const struct policy *after);
