/* SPDX-License-Identifier: Apache-2.0 */
/* told.h - makes alerts of what the kernel tells: of each flood one, then those of a few other
 * sources, and again after a pause.  Pure; times never go back. */
#pragma once

#include "limits.h"

enum { TOLD_SOURCES_MAX = 4 }; /* of one flood, in one pause */

struct told_state {
	bool begun;
	int64_t since_us;
	uint64_t count; /* of the counter, when it was last told */
	unsigned sources;
	struct umbox_ip source[TOLD_SOURCES_MAX];
};

struct told {
	const uint32_t *per_second; /* as of limits */
	int64_t alert_pause_us;
	struct told_state states[UMBOX_LEG_COUNT][EXCESS_COUNT];
};

struct told_result {
	bool alarm; /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[96];
};

void told_take(struct told *told, const struct umbox_told *news, struct told_result *ret);
