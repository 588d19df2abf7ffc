/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_internal.h - shared by the files that read a device type; `reading->data` is the
 * policy. */
#pragma once

#include "codec/fields.h"
#include "core/policy.h"

/* policy_sensors.c */
void read_sensors(struct reading *reading, const struct document_node *map, void *target);

/* policy_sources.c: behind the sensors */
void read_sources(struct reading *reading, const struct document_node *list, void *target);

/* policy_actions.c */
void read_actions(struct reading *reading, const struct document_node *list, void *target);
/* How much more often than standard the sources are asked. */
void read_factor(struct reading *reading, const struct document_node *node, double *ret);
