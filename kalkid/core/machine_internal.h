/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine_internal.h - shared by the files that make up machine.h.
 *
 *   machine.c          alerts, the state, decisions
 *   machine_sensors.c  values and their sources */
#pragma once

#include "core/machine.h"

void machine_done_sensors(struct machine *machine);
void machine_move_sensors(struct machine *machine, const struct policy *before,
			  const struct policy *after);
