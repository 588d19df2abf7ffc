/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/definitions.h - what the operator's files define: device types with their policies, and
 * devices. */
#pragma once

#include "core/device.h"
#include "core/policy.h"

struct definitions {
	struct policy **policies;
	unsigned policy_count;
	struct device *devices; /* numbers are 0 */
	unsigned device_count;
};

/* Frees policies, devices, and both arrays. */
void definitions_done(struct definitions *defined);
/* NULL when there is none. */
const struct policy *definitions_find_policy(const struct definitions *defined, const char *type);
const struct device *definitions_find_device(const struct definitions *defined, const char *name);
