/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/alert.c - see alert.h. */
#include "core/alert.h"

const char *alert_severity_name(enum alert_severity severity)
{
	static const char *const NAMES[ALERT_SEVERITY_COUNT] = {
		[ALERT_LOW] = "low",
		[ALERT_MEDIUM] = "medium",
		[ALERT_HIGH] = "high",
		[ALERT_CRITICAL] = "critical",
	};
	return NAMES[severity];
}

uint64_t alert_type_hash(const char *type)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (const char *c = type; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	return hash;
}
